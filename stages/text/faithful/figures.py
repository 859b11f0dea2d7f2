"""Numbers of a request, however they are said: half, a dozen, half past seven; and what is said about a number."""

import re

from voxsmith.models.text.arithmetic import operators
from voxsmith.models.text.words import numbers, with_digits
from voxsmith.stages.text.faithful.evened import evened
from voxsmith.stages.text.faithful.parts import Parts
from voxsmith.stages.text.faithful.synonyms import alike, root
from voxsmith.stages.text.speakable import Fault

_SUM = re.compile(r"[\d)a-z]\s?[-−–+*/x×÷]\s?[\d(]")
# How a number is meant; the words are from evened text.
_BOUNDS = {
    "at least": r"at least|no (?:less|fewer) than|not (?:less|fewer) than|minimum|or more|(?:three|\d) plus",
    "at most": r"at most|no (?:more|longer|greater) than|not (?:more|exceed\w*)|maximum|up to|or (?:less|fewer)"
    r"|not over|within|limit(?:ed)? (?:it )?to",
    "more than": r"(?<!no )(?<!not )(?:more|greater|longer|larger|higher) than|(?<!not )\bover|above|exceed\w*",
    "less than": r"(?<!no )(?<!not )(?:less|fewer|shorter|smaller|lower) than|under|below",
    "about": r"about|around|approximately|roughly|nearly|almost|or so|ish",
    "exactly": r"exactly|precisely",
}
_NUMBER = (
    r"(?:\d[\d.,]*|(?:a )?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty"
    r"|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|dozen))\b"
)
_BOUND = {
    name: re.compile(rf"\b(?:{words})(?: (?:of|about|the|a))? {_NUMBER}|{_NUMBER}(?: \w+)? (?:{words})\b")
    for name, words in _BOUNDS.items()
}
_ROUGHLY = re.compile(r"\b(?:around|approximately|roughly|nearly|almost|or so)\b")
_BEARER = re.compile(r"\b(?P<noun>[a-z]+) (?:of|is|are|equals?|was|at) (?P<number>\d[\d.]*)\b")
_MEASURE = (
    r"(?:kilo|centi|milli)?(?:meters?|grams?|liters?)|feet|foot|inch(?:es)?|miles?|yards?|pounds?|ounces?|kilos?|celsius"
    r"|fahrenheit|hours?|minutes?|seconds?|days?|weeks?|months?|years?|dollars?|bucks?|euros?|percent"
)
_MEASURED = re.compile(rf"\b(?P<number>\d[\d.]*) (?:degrees? |square |cubic )?(?P<noun>{_MEASURE})\b")
_STRICT = frozenset(("at least", "at most", "more than", "less than"))


def number_fault(said: str, parts: Parts) -> Fault | None:
    """Numbers that were lost, added or are meant otherwise."""
    source, heard = evened(parts.source), evened(said)
    asked, got = numbers(source), numbers(heard)
    if lost := [number for number in dict.fromkeys(asked) if number not in got and number != "1"]:
        return Fault("number", f"numbers lost: {', '.join(lost)}")
    known = {*asked, *numbers(parts.written), "1"}
    if new := [number for number in dict.fromkeys(got) if number not in known]:
        return Fault("number", f"numbers that the instruction doesn't have: {', '.join(new)}")
    signs, words = operators(source), operators(heard)
    if _SUM.search(parts.written) and signs and signs != words:
        return Fault("number", f"the sum has {', '.join(sorted(signs.elements()))}, the request another sign")
    return _bound_fault(source, heard) or _bearer_fault(source, heard)


def _bearers(text: str, pattern: re.Pattern[str]) -> dict[str, set[str]]:
    """For each number the nouns that it is the measure of: "a radius of 3"."""
    bearers: dict[str, set[str]] = {}
    for match in pattern.finditer(" ".join(with_digits(text))):
        bearers.setdefault(match["number"], set()).add(root(match["noun"]))
    return bearers


def _bearer_fault(source: str, heard: str) -> Fault | None:
    known = {root(word) for word in with_digits(source)}
    for pattern in (_BEARER, _MEASURED):
        there, got = _bearers(source, pattern), _bearers(heard, pattern)
        for number in there.keys() & got.keys():
            for noun in got[number] & known:
                if not any(alike(noun, other) for other in there[number]):
                    return Fault(
                        "number", f"{number} is the {noun}, in the instruction the {' and the '.join(there[number])}"
                    )
    return None


def _bound_fault(source: str, heard: str) -> Fault | None:
    asked, got = ({name for name, pattern in _BOUND.items() if pattern.search(text)} for text in (source, heard))
    if lost := (asked & _STRICT) - got:
        return Fault("number", f"a number is no longer meant as {lost.pop()!r}")
    new = got - asked
    # "About" may stand before a number that it doesn't belong to: "tell me about two poets".
    if new == {"about"} and "exactly" not in asked and not _ROUGHLY.search(heard):
        return None
    if new:
        return Fault("number", f"a number is meant as {new.pop()!r}, which the instruction doesn't say")
    return None
