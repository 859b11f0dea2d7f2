"""Whether a dash or an x between numbers belongs to a sum ("10 - 8", "3 x 4"), or to a range or a size."""

import re
from collections import Counter

from voxsmith.models.text.words import words

_OPERATOR = re.compile(r"[+=*×÷^]|(?<=\d) (?:minus|times|plus) (?=\d)")
# Signs that are operators only beside another one: "9 - 2 x 3".
_PERHAPS = re.compile(r"(?<=[\d)]) [xX/-] (?=[\d(])")
_BARE = re.compile(r"[\d\s().,+*/xX×÷^=?-]+")
_WORD = (
    r"(?:calculat(?:e|ion)|compute|evaluate|simplify|solve|resolve|subtract|multiply|result|value|answer|expression|"
    r"equation|problem|operation|multiplication|what(?:'s| is)|how much is)"
)
# Between such a word and the sign there are fillers, and numbers: "the result of the calculation 10 - 8".
_LED_IN = re.compile(
    rf"\b{_WORD}\b\W+(?:(?:{_WORD}|the|of|for|to|this|following|given|below|math|mathematical|is)\b\W+){{0,6}}"
    r"[\d\s().,+*/xX×÷^-]*",
    re.I,
)
_BEHIND = re.compile(r"[\d.,\s()/xX-]*(?:$|[?!=]|[.,](?=\s|$)|equals?\b)")
_NAMES = {"plus": "plus", "minus": "minus", "times": "times", "multiplied": "times", "divided": "divided"}


def arithmetic(sign: re.Match[str]) -> bool:
    """Whether the sign at the match stands in a sum."""
    text, start, end = sign.string, sign.start(), sign.end()
    if _OPERATOR.search(text[max(0, start - 12) : end + 12]):
        return True
    others = (other.start() for other in _PERHAPS.finditer(text, max(0, start - 12), end + 12))
    if any(not start <= at < end for at in others):
        return True
    if not (sign[0].startswith(" ") and sign[0].endswith(" ")):
        return False
    before = text[max(0, start - 160) : start]
    bare = _BARE.fullmatch(text) or any(match.end() == len(before) for match in _LED_IN.finditer(before))
    return bool(bare and _BEHIND.match(text, end))


def operators(text: str) -> Counter[str]:
    """How often each of plus, minus, times and divided is said."""
    return Counter(_NAMES[word] for word in words(text) if word in _NAMES)
