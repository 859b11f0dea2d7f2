"""Does a reply talk with the one who asked, or about what was asked, where it should go on with a text?

Much of what an assistant says, people say to one another in books too. What somebody in the text says, in quotation marks or
with "he said", is no talk of the model; some phrases nobody says but a model.
"""

import re

from voxsmith.stages.text.abroad import REFUSES, TALKS
from voxsmith.stages.text.evasions import DECLINES, SURE

_TEXT = r"(?:text|passage|sentence|paragraph|excerpt|transcript|prompt|snippet|quote|quotation)"
_STORY = rf"(?:{_TEXT}|story|narrative|poem|line|conversation|dialogue|thought|speech|scene)"
_ABOUT = (
    r"(?:describes?|discuss(?:es)?|appears to|seems to|provides?|suggests|mentions|explores|shows|states|explains"
    r"|illustrates|compares|introduces|highlights|emphasi[sz]es|implies|"
    r"conveys|refers to|continues|goes on|ends (?:with|abruptly|here)|does(?: not|n't|n’t)|could (?:be|continue)"
    r"|needs (?:more|to)|"
    r"is (?:about|an? |that |from|incomplete|unclear|cut off|missing|likely|taken|discussing|describing|referring|talking|saying|"
    r"expressing|not (?:clear|complete)))"
)
# What nobody says but a model that talks about its task.
_STRONG = re.compile(
    rf"\b(?:given|provided|above) {_TEXT}\b|\b{_TEXT} (?:you (?:have )?(?:provided|gave|shared)|(?:provided"
    rf"|given) (?:above|is|does|here))"
    rf"|\b(?:here(?:'s|’s| is)|this is) (?:a|one|the|my|another|your)(?: \w+){{0,2}} continuation\b|\bpossible continuations?\b"
    rf"|\bcontinuation (?:of|to|for) (?:the|this|your|a) (?:\w+ )?{_STORY}\b|\bthis continuation\b|\bcontinuation (?:in"
    rf"|under|using) \w+ "
    rf"|\bcontinu(?:e|es|ed|ing) (?:the|this|your|with the) (?:given |following |original |above )?{_TEXT}\b"
    rf"|\b(?:i(?:'ll|’ll|'d|’d| will| can| would)|let me|i(?:'m|’m| am) going to|happy to|glad to) (?:certainly |gladly "
    rf"|try to )?continu(?:e"
    rf"|ing) (?:the|this|your) {_STORY}\b"
    r"|\b(?:in|under|within|using|than) (?:50|fifty|49) words\b|\bword (?:count|limit)\b"
    rf"|\b(?:main (?:idea|point|theme)|meaning|tone|theme|context|purpose|rest) of (?:the|this) {_TEXT}\b"
    rf"|\b(?:in|from|of|based on) this {_TEXT}\b|\bbased on the (?:\w+ )?(?:{_TEXT}|context|information)\b"
    rf"|\bnext {_TEXT} (?:is|would|could|might|should)\b"
    rf"|\bhere(?:'s|’s| is| are) (?:how|what|some|a few|one way)\b[^.!?]{{0,30}}\b{_STORY}\b"
    r"|\bi(?:'m|’m| am) not an? [^.!?]{0,30}\bbut i can (?:help|provide|offer|suggest|give|share)\b"
    r"|\bis there anything else (?:i can|you(?:'d| would) like)|\bi hope (?:this|that) (?:helps|meets|is helpful)\b"
    r"|\bwithout (?:more|further|additional) context\b"
    r"|\b(?:as|per) (?:you(?:'ve| have)? requested|your (?:request|instructions))\b|\bhow (?:can|may) i (?:help"
    r"|assist) you (?:today|further|with)\b"
    r"|\bfeel free to (?:ask|share|provide|reach out|let me know|modify|adjust|use)\b"
    r"|\b(?:more|additional|further|enough|some) (?:context|details|information) (?:about|on|for|so|to|regarding"
    r"|or)\b[^.!?]{0,40}\b(?:you|continue|help|assist|text)\b"
    rf"|\byou(?:'ve|’ve| have)? (?:just )?(?:provided|shared|quoted|pasted|given me|sent)\b[^.!?]{{0,30}}\b(?:{_TEXT}"
    rf"|line|lyrics?|poem|story|part)\b"
    rf"|\b(?:that(?:'s|’s| is)|what) an? (?:very |truly |really )?(?:great|beautiful|interesting|powerful|wonderful"
    rf"|lovely|profound|fascinating|classic|"
    rf"famous|thought-provoking|vivid|poetic|intriguing) (?:and \w+ )?(?:{_TEXT}|line|opening|phrase|start|reference"
    rf"|description)\b"
    rf"|\b(?:this|these|it)(?: lines?| words?)? (?:is|are|comes?|appears? to be|seems? to be|sounds? like"
    rf"|looks? like) (?:from )?(?:a |an |the |part of )+"
    rf"(?:\w+ )?(?:{_TEXT}|lines?|poem|reference) (?:from|by|in|that|about|taken|often|attributed|of|is)\b"
    rf"|\bthis {_TEXT} {_ABOUT}"
    r"|\b(?:user|assistant|human|goes on|system|ai)\s*:|^(?:text|prompt|response|output|input|answer|transcript|example"
    r"|note|story|title|continuation)\s*:"
    r"|\(note\b|\bnote: (?:the|this|i)\b|\b(?:my|previous|last) (?:response|answer|reply) (?:was|is|to)\b",
    re.I | re.M,
)
# What a model says, and people too.
_WEAK = re.compile(
    rf"\bthe (?:original |following |first |second |final |last |previous )?{_TEXT} {_ABOUT}"
    rf"|\bthe (?:speaker|author|narrator|writer|poet|story|poem|protagonist) (?:is (?:describing|talking|expressing"
    rf"|referring|saying|reflecting|asking|about)|"
    rf"(?:then )?(?:continues|goes on|describes|discusses|expresses|emphasi[sz]es|reflects|mentions|suggests|explains"
    rf"|concludes|uses|says|tells|shows|wants|seems to|might))\b"
    r"|\blet me know if you (?:need|want|would like|have any|require)\b|\blet me know if (?:you(?:'d|’d) like|there(?:'s"
    r"|’s| is) anything|i can)\b"
    r"|\b(?:would you like|do you want) me to (?:continue|rewrite|write|expand|elaborate|provide|generate|summari[sz]e"
    r"|explain|translate|help|add)\b"
    r"|\b(?:could|can|would) you (?:please |kindly )?(?:provide|clarify|give me|share|specify)\b[^.!?]{0,30}\b(?:context"
    r"|text|information|details?|mean|question)\b"
    r"|\bplease (?:provide|clarify|share|specify)\b"
    r"|\bwhat (?:would|do) you (?:like|want) me to (?:write|continue|help|do with)\b|\bhow (?:can|may) i (?:help"
    r"|assist)(?: you)?\b"
    r"|\bi(?:'d|’d| would) (?:be (?:happy|glad)|love) to (?:help you|help with (?:that|this|your|any)|assist|continue|provide)\b"
    rf"|\bit (?:seems|looks|sounds|appears) (?:like |that |as (?:if|though) )?(?:you(?:'re|’re|'ve|’ve| are| have"
    rf"| were)? (?:just )?(?:shar|quot|provid|refer|describ|"
    rf"talk(?:ing)? about|ask|mention|start|past|looking for|trying to|interested)|(?:your|the) (?:message|{_TEXT}) )"
    r"|\bthank(?:s| you) for (?:sharing|providing|your (?:question|message|input|request|interest))\b|\bi(?:'m|’m"
    r"| am) here to (?:help|assist)\b"
    rf"|\b(?:this|the) (?:story|poem|narrative) (?:is about|describes|explores|takes place|highlights|continues)\b"
    rf"|^{SURE}+(?:i(?:'d|’d|'ll|’ll| can| will| would)|let me|let(?:'s|’s)|here)\b[^.!?]{{0,40}}\b"
    rf"(?:help you (?:with|write|to)|continue|assist|provide|write|rewrite|{_STORY})\b",
    re.I | re.M,
)  # fmt: skip
_DECLINES_AT = 160  # characters at a reply's start in which it would decline
# A text may well be about one of these; then what goes on with it may be, too.
_OF_TEXTS = re.compile(
    r"\b(?:text|passage|sentence|paragraph|excerpt|transcript|quot|stor(?:y|ies)|narrat|author|speaker|writer|poe[tm]"
    r"|line|scene)",
    re.I,
)
_QUOTED = re.compile(r"“[^“”]*”|\"[^\"]*\"|«[^«»]*»|„[^„“”]*[“”]|(?<!\w)['‘](?=\w)[^\n]{1,400}?[,.?!…—-]['’](?!\w)")
_SAID = (
    r"(?:said|says|asked|asks|cried|replied|answered|whispered|shouted|called|exclaimed|murmured|muttered|added|returned"
    r"|repeated|"
    r"inquired|began|continued|sighed|laughed|thought|demanded|remarked|observed|snapped|growled|told)"
)
_NARRATED = re.compile(
    rf"^[^.!?]{{0,90}}[,.?!]?['\"”’]?\s*(?:{_SAID}\b|(?:he|she|they|i|we|the \w+|[A-Z]\w+|his \w+|her \w+) {_SAID}\b)",
    re.I,
)
_NARRATES = re.compile(rf"\b{_SAID}(?: \w+)?(?: \w+)?[,:]?\s*['\"“‘]?$", re.I)


def task_talk(text: str, transcript: str) -> str | None:
    """The words by which the text talks of the task, None where it doesn't."""
    plain = outside_quotes(text)
    for strong in (_STRONG, TALKS):
        if (match := strong.search(plain)) and not strong.search(transcript):
            return match[0]
    known = {noun.lower() for noun in _OF_TEXTS.findall(transcript)}
    for match in _WEAK.finditer(plain):
        if not known & {noun.lower() for noun in _OF_TEXTS.findall(match[0])} and not said_by_somebody(plain, match):
            return match[0]
    return None


def outside_quotes(text: str) -> str:
    """The text without what is said in it in quotation marks, where something is left."""
    plain = _QUOTED.sub("…", text)
    return plain if len(re.findall(r"\w+", plain)) >= 2 else text


def said_by_somebody(text: str, match: re.Match[str]) -> bool:
    """Whether the words at `match` are somebody's in the text: "How can I help you? asked the clerk"."""
    return bool(_NARRATED.search(text[match.end() :]) or _NARRATES.search(text[: match.start()]))


def declines(text: str) -> bool:
    """Whether the text is a refusal; not where somebody in it says so, and not late in it, where a story is told."""
    plain = outside_quotes(text[:_DECLINES_AT])
    return any(not said_by_somebody(plain, match) for way in (DECLINES, REFUSES) for match in way.finditer(plain))
