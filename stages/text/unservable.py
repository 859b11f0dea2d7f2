"""Which requests nobody could serve by voice: they point at what isn't there, or ask for what only eyes can take in.

Decided before any model is asked. What a request points at is there where it comes as material, or where the request
itself brings it: in quotation marks, behind a colon, or in a sentence of its own.
"""

import re

from voxsmith.models.text.words import words
from voxsmith.stages.text.plain_request import is_request
from voxsmith.stages.text.speakable import Fault

_TEXTS = (
    r"articles?|passages?|texts?|sentences?|paragraphs?|poems?|stor(?:y|ies)|essays?|e-?mails?|letters?|statements?|phrases?"
    r"|reviews?|excerpts?|dialogues?|conversations?|headlines?|quotes?|tweets?|list|lists|table|tables|data|dataset|code"
    r"|input|document|documents|scenario|situation|words|numbers|items|options|choices|questions?|equations?|expressions?"
    r"|information|report|speech|lyrics|recipe|instructions|prompt|content|details|problem|titles?|names|text message"
)
_PICTURES = (
    r"pictures?|images?|photos?|photographs?|charts?|graphs?|diagrams?|screenshots?|videos?|clips?|recordings?|files?"
    r"|attachments?|figures?|pdf|spreadsheets?|links?"
)
_POINTING = r"following|given|provided|attached|enclosed|supplied|above|below"
# What is done to a text that is there.
_DONE = (
    r"summari[sz]e|rewrite|reword|rephrase|paraphrase|edit|proofread|correct|fix|translate|classify|categori[sz]e|analy[sz]e"
    r"|shorten|condense|simplify|convert|read|interpret|revise|improve|punctuate|sort|arrange|rearrange|reorder|combine|merge"
    r"|complete|finish|continue|identify|find|give|turn|change|transform|expand|extend|add|delete|remove|replace|split"
    r"|describe|explain|look at|make|reverse|evaluate|critique|answer"
)
# Behind "the article" nothing says which one.
_BARE = r"(?=\s*(?:$|[.?!,;:])| (?:to|into|so|in (?:one|two|three|a few|your own|\w+ (?:words|sentences))|by|using|as|for|and|a|is|with) )"
_NO_TIME = (
    r"(?:years?|months?|weeks?|days?|mornings?|evenings?|nights?|centur\w+|decades?|seasons?|summers?|winters?|distances?"
    r"|generations?|wind|names?|up)\b"
)
_POINTERS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:the|these|this|those) following(?:\s*[.:?!]|$| (?!{_NO_TIME})(?:is|are|as|to|into|\w+s?)\b)",
        r"\bwhich (?:one )?of the following\b",
        rf"\b(?:the|these|this|those|your|my) (?:given|provided|attached|enclosed|supplied|above) (?!{_NO_TIME})(?:\w+ ){{0,3}}?\w+",
        rf"\b(?:the|these|this|those) (?:\w+ ){{0,2}}?(?:{_TEXTS}|{_PICTURES}) (?:\w+ ){{0,1}}?(?:above|below|attached"
        rf"|provided|given)(?=\s*(?:$|[.?!,;:])| (?:to|into|so|and|is|are|in) )",
        rf"\b(?:using|with|from|based on|given) the (?:{_TEXTS}|{_PICTURES}) (?:above|below)\b",
        rf"\b(?:this|these) (?:\w+ ){{0,1}}?(?:{_TEXTS}|{_PICTURES})\b(?! of (?:a|an|the)\b)",
        rf"^(?:please )?(?:{_DONE})\b[^.?!:]{{0,60}}?\b(?:in |of |on |from )?the (?:\w+ )?(?<!periodic )(?:{_TEXTS}|{_PICTURES}){_BARE}",
        rf"\b(?:in|from|on|of) the (?:{_PICTURES}|passage|excerpt|article|paragraph)\b(?=\s*(?:$|[.?!,])| \w+ing\b)",
        rf"\b(?:what|how|who|where|when|which|tell me)\b[^.?!:]{{0,50}}\bthe (?:{_PICTURES}|passage|excerpt) (?:say"
        rf"|show|mean|depict|describe|tell|is about)s?\b",
        r"^(?:please )?(?:summari[sz]e|rewrite|reword|rephrase|paraphrase|edit|proofread|correct|fix|translate|classify|convert|shorten"
        r"|simplify|improve|sort|punctuate) (?:this|these|it|them|that)\b(?! \w+ (?:of|from) )(?=\s*(?:$|[.?!,:])"
        r"| (?:so|to|into|in|for|by|as|using)\b)",
        r"\b(?:look at|see|refer to) the (?:\w+ )?(?:image|picture|photo|chart|graph|diagram|table|figure)\b",
        r"\b(?:i|we) (?:just )?(?:sent|gave|attached|uploaded|shared)(?: \w+)? (?:you|below|above|here)\b",
        r"\bthe two (?:sentences|words|texts|passages|paragraphs|statements)\b",
    )
)  # fmt: skip
# A clause that brings the thing: text in quotation marks or behind a colon, a choice, an example.
_BROUGHT = re.compile(
    r"[\"“”]|(?<!\w)['‘]\w[^'’]+['’](?!\w)|:\s*\S+|\s[-–—]\s*\S+|\([^)]{3,}\)|,\s[^,.?!]+\b(?:or|and) \w+|=|\d[\d\s]*,\s*\d",
    re.I,
)
_LANGUAGES = (
    r"python|java|javascript|typescript|c\+\+|c#|html5?|css|sql|ruby|php|matlab|bash|shell|scheme|pascal|swift|kotlin|rust"
    r"|golang|perl|haskell|scala|xml|json|yaml|vba|react|django|node\.?js"
)
_MADE = (
    r"(?:write|create|generate|build|implement|develop|construct|design|code|provide|give(?: me)?|show(?: me)?|make|draft"
    r"|produce|compose|output)"
)
_SIGHT = tuple(
    (re.compile(pattern, re.I), name)
    for pattern, name in (
        (rf"\b{_MADE}\b[^.?!]{{0,40}}\b(?:{_LANGUAGES})\b[^.?!]{{0,40}}\b(?:programs?|scripts?|functions?|code|class|quer(?:y|ies)"
         r"|pages?|websites?|snippets?|rules?|commands?|methods?|templates?|statements?|applications?|tags?|objects?"
         r"|arrays?|loops?)\b", "code"),
        (rf"\b{_MADE}\b[^.?!]{{0,60}}\b(?:programs?|scripts?|functions?|code|class|quer(?:y|ies)|pages?|snippets?|algorithm|method"
         rf"|model|application)\b[^.?!]{{0,30}} in (?:{_LANGUAGES})\b", "code"),
        (rf"\b{_MADE} (?:a |an |the |some )?(?:\w+ )?(?:code(?! of)|source code|code snippet|pseudo-?code|regular expression|regex|regexp"
         r"|shell script|bash script|sql query|stylesheet)\b(?! name)", "code"),
        (r"\b(?:write|create|implement|develop|code) a (?:\w+ )?(?:function|method|class|program) (?:that|which|to|for"
         r"|called)\b(?! (?:people|children|kids|adults"
         r"|beginners|help|train|teach|improve|promote|support))[^.?!]*\b(?:string|number|numbers|array|list|integer"
         r"|value|values|input|sort|print|prints"
         r"|return|returns|calculate|calculates|compute|computes|hexadecimal|binary|factorial|matrix|file|prime)\b", "code"),
        (r"\bascii[ -]art\b", "ASCII art"),
        (r"\b(?:in|to|into|with|as|make|put)\b[^.?!]{0,60}\b(?:bold(?:ed|face)?|italics?)(?=\s*(?:$|[.?!,])| (?:font|text|type|letters))"
         r"|\bitalici[sz]e\b|\bbold the\b|\bbolded\b", "bold or italics"),
        (r"\bunderlin(?:e|ed|ing) (?:the|all|each|every|any|words?|verbs?|nouns?|subject)\b|\bthe underlined\b", "underlining"),
        (r"\bhighlight(?:ed|ing)? (?:the |all |all the |each |every |any )?(?:\w+ )?(?:verbs?|nouns?|adjectives?"
         r"|adverbs?|pronouns?|words?|sentences?"
         r"|phrases?|text|errors?|portion|subject|keywords?|prepositions?|conjunctions?)\b", "highlighting"),
        (r"\b(?:change|set|use|make|increase|choose)\b[^.?!]{0,30}\b(?:font|typeface)\b|\bfont (?:size|colou?r)\b"
         r"|\b(?:in|with|use|using) (?:red|blue|green|yellow|colou?red) (?:text|letters|font|ink)\b", "fonts and colours"),
        (r"\b(?:make|create|build|generate|design|construct|draw|produce|prepare|fill (?:in|out)|give me|show)\b (?:me )?(?:an? |the )?"
         r"(?:\w+ ){0,2}?(?:table(?! (?:of contents|tennis|setting|decoration|out of|from|with legs|for \w+ people))"
         r"|spreadsheet|bar chart|pie chart|line chart|chart|graph"
         r"|diagram|flow ?chart|mind ?map|infographic|word cloud|tag cloud|venn diagram|timeline chart"
         r"|crossword)\b(?! (?:out of|from) )", "tables and charts"),
        (r"\b(?:as|in|into) (?:a |an )?(?:(?:\w+ )?(?:table|chart|graph|spreadsheet|diagram|flow ?chart)"
         r"|tabular (?:form|format))(?=\s*(?:$|[.?!,])| (?:form|format|with) ?)",
         "tables and charts"),
        (r"\bformat (?:the|this|these|it|them|a|my)\b|\b(?:with|use|using|add) bullet ?points\b", "formatting"),
        (r"(?:^|[.,;:] |\b(?:you|please|to|and|just) )(?:draw|sketch|paint)(?: me)? (?!(?:an? |the |some |any |your "
         r"|it |on |from |up )?(?:\w+ )?"
         r"(?:conclusions?|comparisons?|parallels?|inspiration|attention|distinctions?|lessons?|analog\w+|inferences?"
         r"|lines? between|from|on|up|out)\b)\w+", "drawing"),
        (r"\b(?:add|insert|use|with|using|put|include|only) (?:an? |some |the |\w+ )?emojis?\b", "emoji"),
        (r"\bin (?:markdown|html|latex|json|xml|yaml|csv)\b(?=\s*(?:$|[.?!,])| (?:format|form))", "markup"),
        (r"\b(?:all|in) caps\b|\b(?:to|in|into) (?:upper|lower) ?case\b|\bcapitali[sz]e (?:the|all|each|every"
         r"|this)\b", "capital letters"),
    )
)  # fmt: skip


def unservable(task: str, material: str) -> Fault | None:
    """Why no voice could serve the task with its material, or None: `missing_input` or `sight`."""
    for pattern, name in _SIGHT:
        if (match := pattern.search(task)) and not _asks_about(task):
            return Fault("sight", f"{name} can't be heard: {match[0].strip()[:60]!r}")
    if material:
        return None
    if re.search(r":\s*$", task) and len(words(task)) < 25:
        return Fault("missing_input", "behind the colon there is nothing to work on")
    for pattern in _POINTERS:
        match = pattern.search(task)
        if match and not _is_there(task, match):
            return Fault("missing_input", f"it points at what isn't there: {match[0].strip()[:60]!r}")
    return None


def _asks_about(task: str) -> bool:
    """ "What is Python used for?" asks about a thing of sight; it doesn't ask for one."""
    return re.match(
        r"(?:explain|describe|what|why|how|who|when|where|which|is|are|do|does|suggest|give me tips|define)\b",
        task,
        re.I,
    ) is not None and not re.search(r"\b(?:show|draw|write|create) ", task, re.I)


def _is_there(task: str, match: re.Match[str]) -> bool:
    if _BROUGHT.search(task, match.start() + 1):
        return True
    if re.match(r"(?:the )?['\"‘“]", task[match.start() : match.end() + 2]):
        return True
    rest = re.split(r"(?<=[.?!])\s+", task[match.start() :])[1:]
    if any(len(words(sentence)) > 1 and not is_request(sentence) for sentence in rest):
        return True
    # A text before the request: "I go home every day. Put this sentence into the past."
    before = re.split(r"(?<=[.?!])\s+", task[: match.start()])[:-1]
    return any(len(words(sentence)) > 2 and not is_request(sentence) for sentence in before)
