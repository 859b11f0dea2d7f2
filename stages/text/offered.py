"""The classes that a request offers, of which the answer must name one."""

import re

from voxsmith.models.text.words import stem, words
from voxsmith.stages.text.speakable import Fault

_OPTION = r"(?:an? |the |being )?[a-z-]+"
_OFFERED = re.compile(
    rf"\b(?:as(?: either)?|(?:whether|if) (?:it|this|that|they|(?:the|this) \w+)(?:'s| is| are| was)"
    rf"|is (?:this|it|the following)(?: [a-z]+)?"
    rf"(?: considered)?|(?:the|this) [a-z]+ is)"
    rf"\s(?P<options>{_OPTION}(?:, {_OPTION}){{0,4}},? or {_OPTION})"
    r"(?=[.?!,]|\s(?:here|this|and|based)\b|$)",
    re.I,
)
_SORTED = re.compile(
    r"\b(?:classify|categori[sz]e|label|sort|decide|determine|identify|tell|say|is (?:this|it)|which|mark|tag|judge)\b",
    re.I,
)
_OPEN = re.compile(r"\b(?:both|neither|either|yes|no|none|depends?|mixed?|not)\b", re.I)


def class_not_offered(answer: str, query: str) -> Fault | None:
    """A fault where the request names classes, and the answer takes up none of them."""
    asked = query.partition(": ")[0]
    match = _OFFERED.search(asked)
    if not match or not _SORTED.search(asked) or _OPEN.search(answer):
        return None
    options = [words(option)[-1] for option in re.split(r",? or |, ", match["options"]) if words(option)]
    said = {stem(word) for word in words(answer)}
    akin = {word[:5] for word in words(answer)}
    if not any(stem(option) in said or option[:5] in akin for option in options):
        return Fault("class_not_offered", f"the request offers {', '.join(options)}; the answer names none of them")
    return None
