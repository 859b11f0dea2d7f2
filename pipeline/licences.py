"""What licences ask for: which of several binds most, and whether a row's terms allow what a dataset claims."""

import re
from collections.abc import Iterable

from pipeline.hub import licence_id

# From free to strict; a name's strictest term decides. Llama's terms ask for naming, not for openness.
_TERMS = {
    name: re.compile(rf"\b(?:{words})\b")
    for name, words in {
        "nothing": "public domain|cc0|unlicense|pddl",
        "its notice": "apache|mit|bsd|isc",
        "attribution": "cc[- ]by|odc[- ]by",
        "share alike": "cc[- ]by[- ](?:nc[- ])?sa|gpl|lgpl|agpl|odbl",
        "the model's terms": r"llama[\d.]*",
        "no commercial use": "nc|non-?commercial|research",
        "no changes": "nd|no-?deriv(?:ative)?s?",  # a text that was rewritten and spoken is a change
    }.items()
}
_FREE = ("nothing", "its notice", "attribution")  # what every stricter licence asks for as well


def terms(licence: str) -> set[str]:
    """What the licence asks for, as far as its name says; empty where the name is none that is known."""
    name = licence.lower()
    return {term for term, pattern in _TERMS.items() if pattern.search(name)}


def strictness(licence: str) -> int:
    """0 for public domain; unknown terms are stricter than all known ones."""
    found = terms(licence)
    return max((rank for rank, term in enumerate(_TERMS) if term in found), default=len(_TERMS))


def strictest(licences: Iterable[str]) -> str:
    """The licence that binds most; of equals the first by name."""
    return max(sorted(set(licences)), key=strictness)


def objection(licence: str, claim: str | None) -> str | None:
    """Why a row under `licence` can't be published in a dataset that claims `claim`, or None where it can.

    Without a claim each row is under its own licence, and only unknown terms and those that forbid changes object.
    With one, the claim must ask for all that the row's licence asks for; share-alike asks for the very same licence.
    """
    plain = licence.strip().lower()
    if plain in ("", "unknown", "none"):
        return "nobody knows its terms"
    found = terms(licence)
    if "no changes" in found:
        return "it forbids changes, and these rows are rewritten and spoken"
    if claim is None:
        return None if found else "its terms are not known by name"
    if _same(licence, claim):
        return None
    if not found:
        return "its terms are not known by name"
    if "share alike" in found:
        return "it asks for the same licence"
    asked = terms(claim) | set(_FREE[: strictness(claim) + 1])
    return f"it asks for {', '.join(sorted(found - asked))}" if found - asked else None


def _same(one: str, other: str) -> bool:
    plain = [" ".join(name.lower().replace("-", " ").split()) for name in (one, other)]
    return plain[0] == plain[1] or licence_id(one) == licence_id(other) != "other"
