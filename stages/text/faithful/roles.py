"""Who does what to whom: parts of a request may move, but not change places round a verb or a preposition."""

import re
from itertools import takewhile

from voxsmith.models.text.words import STOPWORDS, with_digits
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.kept import FRAME, without_openers
from voxsmith.stages.text.faithful.synonyms import alike, root
from voxsmith.stages.text.speakable import Fault

_SIDES_WORDS = """
    to into from than before after over under with by against on onto for of as about without through
"""
_SIDES = frozenset(_SIDES_WORDS.split())
_DIRECTED = {"from": {"to", "into"}, "to": {"from"}, "into": {"from"}, "before": {"after"}, "after": {"before"}}
_WHO = frozenset(("who", "whom", "what"))
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being|got|get)\b(?: \w+){1,5}? by\b|\bby (?:who|whom|what|which)\b|^by\b"
)


def role_fault(said: str, task: str) -> Fault | None:
    heard, source = evened(said), evened(task)
    names = frozenset(root(name.lower()) for name in re.findall(r"(?<=[\w,] )[A-Z]\w*", task))
    return _sides(heard, source) or _objects(heard, source) or _around_verb(heard, source, names)


def _units(text: str) -> list[str]:
    """Roots of the words that carry meaning, prepositions with sides, and who; in order."""
    units = []
    for word in with_digits(text):
        if word in _SIDES or word in _WHO:
            units.append(word)
        elif word not in STOPWORDS and not word[0].isdecimal():
            units.append(root(word))
    return units


def _pairs(text: str) -> list[tuple[str, str, str]]:
    units = _units(text)
    return [
        (units[i - 1], units[i], units[i + 1])
        for i in range(1, len(units) - 1)
        if units[i] in _SIDES and units[i - 1] not in _SIDES | _WHO and units[i + 1] not in _SIDES
    ]


def _sides(heard: str, source: str) -> Fault | None:
    there, got = _pairs(source), _pairs(heard)
    for left, side, right in got:
        if (right, side, left) in there and (left, side, right) not in there:
            return Fault("order", f"{right} {side} {left} became {left} {side} {right}")
    after_source, after_heard = _after(source), _after(heard)
    for word, sides in after_source.items():
        opposite = set().union(*(_DIRECTED.get(side, set()) for side in sides)) - sides
        if after_heard.get(word, set()) & opposite and not after_heard[word] & sides:
            return Fault("order", f"{sides & set(_DIRECTED)} {word} became {after_heard[word] & opposite}")
    # "A of x on y" and "a of y on x".
    for one, one_sides in after_source.items():
        for other, other_sides in after_source.items():
            if one >= other or len(one_sides) != 1 or len(other_sides) != 1 or one_sides == other_sides:
                continue
            if after_heard.get(one) == other_sides and after_heard.get(other) == one_sides:
                return Fault("order", f"{one} and {other} changed places")
    return None


def _objects(heard: str, source: str) -> Fault | None:
    """ "The impact of tides on fish" and "the impact that fish have on tides"."""
    for side in ("on", "over", "against", "from", "into", "than"):
        there, got = ({word for word, sides in _after(text).items() if side in sides} for text in (source, heard))
        if not there or not got or any(alike(one, other) for one in there for other in got):
            continue
        if all(any(alike(one, unit) for unit in _units(source)) for one in got):
            return Fault("order", f"{side!r} is followed by {', '.join(got)}, not by {', '.join(there)}")
    return None


def _after(text: str) -> dict[str, set[str]]:
    units = _units(text)
    after: dict[str, set[str]] = {}
    for i, side in enumerate(units):
        if side in _SIDES:
            for word in takewhile(lambda unit: unit not in _SIDES, units[i + 1 : i + 3]):
                after.setdefault(word, set()).add(side)
    return after


def _around_verb(heard: str, source: str, names: frozenset[str]) -> Fault | None:
    there, got = _once(without_openers(source)), _once(heard)
    shared = [unit for unit in there if unit in got and unit not in _SIDES and unit not in FRAME]
    turned = bool(_PASSIVE.search(source)) != bool(_PASSIVE.search(heard))
    for i, first in enumerate(shared):
        for j in range(i + 1, len(shared) - 1):
            verb, last = shared[j], shared[j + 1]
            if j - i > 2 or verb in _WHO | names or not _verb(verb, source) or not _verb(verb, heard):
                continue
            mirrored = got[last] < got[verb] < got[first]
            if mirrored and not turned:
                return Fault("order", f"{first} {verb} {last} became {last} {verb} {first}")
            kept = got[first] < got[verb] < got[last]
            if kept and turned and first not in _WHO and got[last] - got[first] <= 4:
                return Fault("order", f"{first} {verb} {last} was turned into the passive and back")
    return _who(heard, source)


def _once(text: str) -> dict[str, int]:
    units = _units(text)
    return {unit: at for at, unit in enumerate(units) if units.count(unit) == 1}


def _verb(unit: str, text: str) -> bool:
    """Whether the word seems to be a verb there: none follows an article or an adjective of ours."""
    for match in re.finditer(r"\b(?=(\w+) (\w+)\b)", text):
        if root(match[2]) == unit and match[1] in (
            "the",
            "a",
            "an",
            "of",
            "in",
            "on",
            "for",
            "and",
            "or",
            "my",
            "this",
            "to",
        ):
            return False
    return True


def _who(heard: str, source: str) -> Fault | None:
    """ "Who wrote it?" and "who did it write?" """
    subject = re.compile(r"\bwho (?!is|was|are|were|did|does|do|will|would|can|could|has|have|had)(?P<verb>\w+)")
    object_ = re.compile(
        r"\bwhom? (?:did|does|do) [^?.]*?\b(?P<verb>\w+)(?: to| for| with)?(?= in| on| at| by| during|[?.]|$)"
    )
    for one, other in ((subject, object_), (object_, subject)):
        first, second = one.search(source), other.search(heard)
        if first and second and alike(root(first["verb"]), root(second["verb"])):
            return Fault("order", f"who does it and whom it is done to changed places: {second[0]!r}")
    return None
