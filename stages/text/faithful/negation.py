"""What is negated, however it is said: "do not contain gluten", "without gluten", "gluten-free"."""

import re

from voxsmith.models.text.words import STOPWORDS, words
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.synonyms import alike, root
from voxsmith.stages.text.speakable import Fault

_NEGATIONS_WORDS = """
    not no never without neither none nothing nobody nowhere avoid exclude except lack omit skip
"""
_NEGATIONS = frozenset(_NEGATIONS_WORDS.split())
_NEGATIVE = frozenset(root(word) for word in _NEGATIONS)
_TAG = (
    r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had)(?: not)? (?:it|they|he|she|you"
    r"|we|i|there|"
    r"that)(?: not)?"
)
# Words of negation that negate nothing of what is asked.
_IDLE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[,;?]\s*{_TAG}\s*(?=[?.!]|$)",
        r"[,;]?\s*\b(?:or not|or no)\b(?=\s*[?.,!]|$)",
        r"\b(?:whether or not|if or not|not only|not just|no more than|no (?:less|fewer) than|not (?:more|less"
        r"|fewer) than)\b",
        r"\bi (?:really |just |still )?(?:do|can|could|would|did|am|have) (?:really |quite )?(?:not"
        r"|never) (?:really |quite |at all )?"
        r"(?:know|knew|remember|recall|understand|get|figure|recall|think of|tell|decide|sure|certain|seem|find"
        r"|good at|a clue"
        r"|heard|come up|make out|seen?|quite)\b",
        r"\bi (?:have|had) no (?:idea|clue)\b|\bno (?:idea|clue)\b|\bi never (?:understood|remember|know|get"
        r"|got)\b|\bnot (?:sure|certain)\b",
        r"\bif you (?:do|would) not mind\b|\b(?:would|do) you (?:not )?mind\b(?! not)|\bno (?:rush|problem"
        r"|worries|pressure)\b",
        r"\b(?:could|can|would|will|why do) (?:not you|you not)\b|\bwhy not\b|\bwhy do not (?:you|we)\b",
    )
)
_FREE = re.compile(r"\b(\w+)[- ]free\b(?! (?:to|of charge|time|will|trial|speech|market|fall))")
_SYNONYMS = (
    (re.compile(r"\b(?:leav(?:e|ing) out|stay(?:ing)? away from|steer(?:ing)? clear of|apart from|aside from|other than"
                r"|besides|excluding|free (?:of|from)|instead of|anything but|rather than)\b"), "except"),
    (re.compile(r"\bneither (.{1,40}?) nor\b"), r"not \1 or"),
    (re.compile(r"\b(?:is|are|am|do|does|did|can|could|will|would|should|must|has|have|had) not\b"), "not"),
)  # fmt: skip
# What a negation looks through: "not contain gluten" is "without gluten".
_LIGHT_WORDS = """
    contain include use have involve get be do make let require need any mention put say add eat consume ever even actually
    very really too so word anything
"""
_LIGHT = frozenset(root(word) for word in _LIGHT_WORDS.split())
_STOP_WORDS = """
    and but that which who whom because if when while then is are was were can could will would
"""
_STOP = frozenset(_STOP_WORDS.split())


def negation_fault(said: str, source: str) -> Fault | None:
    """A negation that was dropped, added, or moved to another word."""
    asked, got = _negated(source), _negated(said)
    if len(asked) != len(got):
        return Fault("negation", f"{len(asked)} negations became {len(got)}")
    left = list(got)
    for scope in asked:
        match = next((other for other in left if _meet(scope, other)), None)
        if match is None:
            return Fault("negation", f"{' '.join(scope)!r} is negated no longer, but {' '.join(left[0])!r} is")
        left.remove(match)
    return None


def _negated(text: str) -> list[tuple[str, ...]]:
    """For each negation the words that follow it, up to the end of its clause."""
    text = evened(text)
    for pattern in _IDLE:
        text = pattern.sub(" ", text)
    text = _FREE.sub(r"without \1 ,", text)
    for pattern, word in _SYNONYMS:
        text = pattern.sub(word, text)
    scopes = []
    tokens = re.findall(r"[^\W_]+|[.,;:!?]", text)
    for at, token in enumerate(tokens):
        if root(token) in _NEGATIVE:
            scopes.append(_scope(tokens[at + 1 :], tokens[:at]))
    return scopes


def _scope(after: list[str], before: list[str]) -> tuple[str, ...]:
    scope: list[str] = []
    for token in after:
        if not token[0].isalnum() or (token in _STOP and scope):
            break
        if token not in STOPWORDS and root(token) not in _LIGHT:
            scope.append(root(token))
        if len(scope) == 3:
            break
    return tuple(scope) if scope else tuple(root(word) for word in before[-3:] if words(word))


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:
        return True
    return any(alike(one[0], word) for word in other) or any(alike(other[0], word) for word in one)
