"""What kind of work a request asks for, whatever words it uses: to explain, to name, to make, to translate ..."""

import re

from voxsmith.models.text.words import words
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.synonyms import root, same_word
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.tasks import IMPERATIVES

# Where a verb stands that somebody is asked to do: at the start of a sentence, after "can you", "and", "please" ...
_HEAD = (
    r"(?:^|[.?!:;,] |\b(?:you|please|kindly|and|then|also|to|me|us|just|briefly|now|help|so|or|by|of|for|mind|i|would"
    r"|about)\b,? )"
    r"(?:please |kindly |just |briefly |also |then |quickly |\w+ly )?"
)
_ANY = re.compile(r"\b(?:what|which|who|whom|whose|where|when|why|how)\b|\?")
_VERBS = {
    "explain": r"explain\w*|describ\w+|defin(?:e|ing)|clarif\w+|elaborate|outline|discuss\w*|illustrate"
    r"|introduce|interpret\w*"
    r"|walk (?:me|us) through|talk(?:ing)? (?:me )?(?:through|about)|break(?:ing)? (?:\w+ ){0,5}?down|run (?:me"
    r"|us) through|go over|teach|"
    r"fill me in|shed light|detail|understand\w*|give (?:me |us )?(?:an? |some )?(?:\w+ )?(?:explanation"
    r"|definition|description|overview"
    r"|idea|account|rundown|introduction)|provide an? (?:\w+ )?(?:explanation|definition|description|overview|account)",
    "list": r"list|nam(?:e|ing)|cit(?:e|ing)|enumerate|recommend\w*|suggest\w*|mention|stat(?:e|ing)"
    r"|identify\w*|specify|point out"
    r"|find|pick|choos\w+|select|spot|locate|recogni[sz]e|determine|detect|highlight|indicate|propose|offer|brainstorm",
    "make": r"writ(?:e|ing)|compos(?:e|ing)|creat(?:e|ing)|generat(?:e|ing)|draft\w*|craft\w*|invent\w*"
    r"|design\w*|construct\w*|"
    r"formulat\w+|devise|develop|build\w*|produc(?:e|ing)|com(?:e|ing) up with|put(?:ting)? together"
    r"|think(?:ing)? (?:up|of)|"
    r"mak(?:e|ing)|plan\w*|prepar(?:e|ing)|form|pen|brainstorm\w*|propose|jot down",
    "give": r"giv(?:e|ing)|tell\w*|provide|show\w*|share|present|supply|let me (?:know|hear|have)|(?:love|like"
    r"|want|need|get|have|hear"
    r"|know|see|learn)\w*|offer|got|looking for|do you know|say(?:ing)?|help\w*|report|answer\w*|respond\w*"
    r"|wondering|curious",
    "summarise": r"summar\w+|sum(?:ming)? (?:\w+ ){0,4}?up|condense\w*|shorten\w*|abridge|gist|nutshell"
    r"|boil (?:\w+ ){0,4}?down|recap\w*",
    "translate": r"translat\w+|how (?:do|would|can) (?:you|i|we|one) say|(?:put|say|turn"
    r"|render) (?:.{1,80} )?(?:in|into|to) "
    r"(?:french|german|spanish|italian|latin|portuguese|dutch|chinese|mandarin|japanese|korean|russian|arabic"
    r"|hindi|english|swedish"
    r"|polish|turkish|greek|hebrew)|in (?:french|german|spanish|italian|latin|portuguese|japanese|chinese|russian)",
    "rewrite": r"rewrit\w+|reword\w*|rephras\w+|paraphras\w+|restat\w+|reformulat\w+|recast|revis\w+|modify|alter|"
    r"chang(?:e|ing)|turn\w*|convert\w*|transform\w*|(?:put|say) .{1,80}(?:differently|another way|other words"
    r"|own words|different words"
    r"|words|voice|tense|form)|mak(?:e|ing) .{1,100}(?:sound|more|less|shorter|longer|simpler|formal|polite"
    r"|better|into|plural"
    r"|stronger|clearer|past|passive|active|question)|adapt\w*|simplif\w+|edit\w*",
    "fix": r"correct\w*|fix\w*|proofread\w*|edit\w*|improv\w+|polish|revis\w+|mistakes?|errors?|wrong|clean up"
    r"|punctuat\w+|refine",
    "classify": r"classif\w+|categori[sz]\w+|sort\w*|group\w*|label\w*|identif\w+|determin\w+|decid\w+"
    r"|tell (?:me )?(?:if|whether|which|what)"
    r"|detect|is (?:it|this|that|the)|are (?:they|these|those)|does (?:it|this)|find out|figure out|say whether"
    r"|whether|assign|separate|divide"
    r"|tag",
    "compute": r"calculat\w+|comput(?:e|ing)|solv\w+|work(?:ing)? (?:\w+ ){0,4}?out|find|evaluat\w+|determin\w+"
    r"|multipl\w+|divid\w+|add"
    r"|subtract|count\w*|estimat\w+|figur\w+|convert\w*|simplif\w+|sum|how (?:much|many|long|far|fast)|round|total",
    "compare": r"compar\w+|contrast\w*|differentiat\w+|distinguish\w*|tell .{1,60}apart|differen\w+|differ\w*"
    r"|similarit\w+|versus"
    r"|better|in common",
    "order": r"arrang\w+|rearrang\w+|order\w*|reorder\w*|rank\w*|sort\w*|organi[sz]\w+"
    r"|put (?:.{1,80} )?in(?:to)? .{0,30}order|alphabeti\w+",
    "assess": r"analy\w+|evaluat\w+|assess\w*|review\w*|critiqu\w+|judg\w+|rat(?:e|ing)|examin\w+|look at|interpret\w*"
    r"|what (?:do|would) you (?:think|make)|opinion|your (?:take|view|thoughts)|comment\w*|feedback",
    "predict": r"predict\w*|forecast\w*|guess\w*|estimat\w+|what (?:will|would|might|could|do you think)"
    r"|going to happen|expect",
    "add": r"add\w*|insert\w*|append\w*|includ(?:e|ing)|put|attach|throw in|extend\w*",
    "remove": r"delet\w+|remov\w+|omit\w*|eliminat\w+|cut\w*|drop\w*|tak(?:e|ing) .{0,60}(?:out|away|off)|strip"
    r"|get rid|leav(?:e|ing) out",
    "replace": r"replac\w+|substitut\w+|swap\w*|chang(?:e|ing)|exchang\w+|instead of|use .{1,60}instead",
    "complete": r"complet\w+|finish\w*|fill\w*|end|continu\w+|go on|carry on|comes? next|missing",
    "combine": r"combin\w+|merg\w+|join\w*|connect\w*|link\w*|put .{1,80}together|into one|(?:make|form) (?:it "
    r"|them )?(?:one|a single)",
    "reverse": r"revers\w+|flip\w*|invert\w*|backward\w*",
    "imagine": r"imagin\w+|pretend\w*|suppos(?:e|ing)|role ?play\w*|act as|act like|dream",
    "use": r"use .{1,40} in (?:a|one|your own|some|two|\d) ?(?:new )?(?:sentences?|words)",
    "spell": r"spell\w*",
    "argue": r"argu(?:e|ing)\b|debat\w+|persuad\w+|convinc\w+|defend\w*|justif\w+|make (?:a|the) case",
    "research": r"research\w*|look (?:\w+ )?up|investigat\w+|search\w*|explor\w+|gather\w*",
    "sing": r"sing\b|recite|perform|read",
}  # fmt: skip
_AT_HEAD = {kind: re.compile(rf"{_HEAD}(?:{verbs})\b") for kind, verbs in _VERBS.items()}
_ANYWHERE = {kind: re.compile(rf"\b(?:{verbs})\b") for kind, verbs in _VERBS.items()}
_VERB_AT_HEAD = re.compile(rf"{_HEAD}(?P<verb>\w+)\b")
# A request of one kind may be worded as one of these.
_WORDED = {
    "explain": {"give", "assess"},
    "list": {"give", "make", "classify", "compute"},
    "make": {"give", "list"},
    "give": {"explain", "list", "make", "compute", "classify", "predict", "compare", "spell", "assess"},
    "summarise": {"rewrite"},
    "rewrite": {"fix", "replace", "translate", "compute"},
    "fix": {"rewrite"},
    "classify": {"list", "give", "order"},
    "compute": {"give", "list", "explain"},
    "compare": {"explain"},
    "order": {"classify"},
    "assess": {"explain", "give"},
    "predict": {"explain", "give", "compute"},
    "add": {"rewrite", "complete"},
    "remove": {"rewrite"},
    "replace": {"rewrite"},
    "complete": {"add", "make", "give"},
    "combine": {"rewrite", "add"},
    "research": {"explain", "give", "list"},
    "argue": {"explain", "make"},
    "sing": {"give"},
}
# Kinds that a question asks for without a verb of theirs: "What is entropy?", "Which ocean is the biggest?"
_ASKED = {"explain", "list", "give", "classify", "compute", "compare", "predict", "make", "assess", "research", "fix"}
# What nobody says in passing: where the instruction doesn't ask for it, it is another task.
_STRONG = {
    "summarise", "translate", "rewrite", "classify", "compare", "order", "assess", "remove", "replace", "combine", "reverse",
    "imagine", "spell", "argue", "fix", "predict", "complete", "sing",
}  # fmt: skip
_STRONG_WORD = re.compile(
    _HEAD
    + r"(?:summari[sz]\w+|translat\w+|rewrit\w+|rephras\w+|paraphras\w+|classif\w+|categori[sz]\w+|compar(?:e|ing)|contrast"
    r"|rank|sort|arrange|rearrange|evaluate|assess|critique|rate|review|delete|remov(?:e|ing)|replac(?:e|ing)"
    r"|combine|merge|reverse|imagine|pretend"
    r"|spell|argue|debate|correct|proofread|predict|forecast|complete|recite|sing|draw(?! up)|calculate|memori[sz]e|ignore"
    r"|forget|teach|google|quiz|analy[sz]e|criticize|punctuate|count|capitali[sz]e|describe|explain|define|list"
    r"|name|write"
    r"|compose|cook|buy|order|book|bake|paint|build|invent)\b"
)
_FAMILY = {"describe": "explain", "explain": "explain", "define": "explain", "list": "list", "name": "list",
           "write": "make", "compose": "make", "build": "make", "invent": "make"}  # fmt: skip


def kind_fault(said: str, task: str) -> Fault | None:
    """A request for another kind of work, for less of it, or for more."""
    heard, source = evened(said), evened(task)
    leading = _leading(source)
    for meant in leading:
        if not any(_asks_for(kind, heard, source) for kind in meant):
            return Fault("task", f"it no longer asks to {meant[0]}")
    if _ANYWHERE["use"].search(heard) and not re.search(r"\bsentences?\b|\bwords\b", source):
        return Fault("task", "it asks for a sentence, the instruction doesn't")
    for match in _STRONG_WORD.finditer(heard):
        verb = match[0].split()[-1]
        if re.search(rf"\b{re.escape(verb[:5])}", source):
            continue
        verbs = {kind for kind, pattern in _ANYWHERE.items() if pattern.fullmatch(verb)}
        kinds = [kind for every in leading for kind in every]
        if not any(kind in verbs or _WORDED.get(kind, set()) & verbs for kind in kinds) and (kinds or verbs & _STRONG):
            return Fault("task", f"it asks to {verb}, the instruction doesn't")
    return None


def _leading(source: str) -> list[tuple[str, ...]]:
    """The kinds of each sentence's first verb, where it is one of ours."""
    kinds: list[tuple[str, ...]] = []
    for sentence in re.split(r"(?<=[.?!:;]) |,? (?:and|then)(?: then| also)? (?=[a-z]+ )", source):
        bare = re.sub(
            r"^(?:please|kindly|then|also|and|now|can you|could you|would you|will you|\w+ly)[, ]+", "", sentence
        )
        if meant := tuple(kind for kind, pattern in _ANYWHERE.items() if pattern.match(bare)):
            kinds.append(meant)
    return list(dict.fromkeys(kinds))


def _heads(heard: str) -> list[str]:
    return [match["verb"] for match in _VERB_AT_HEAD.finditer(heard) if match["verb"] in IMPERATIVES]


def _asks_for(kind: str, heard: str, source: str) -> bool:
    if _AT_HEAD[kind].search(heard) or (kind in _ASKED and _ANY.search(heard)):
        return True
    if kind not in ("explain", "list", "make", "give") and _ANYWHERE[kind].search(heard):
        return True
    if any(same_word(root(verb), root(noun)) for verb in _heads(heard) for noun in words(source)[1:]):
        return True  # "write a description": "describe"
    return any(_AT_HEAD[other].search(heard) for other in _WORDED.get(kind, set()))
