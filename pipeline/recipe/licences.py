"""What licences ask for: which of several bind, and whether a row's terms allow what a dataset claims.

Terms that hold together are written as SPDX writes them: "CC-BY-NC-4.0 AND llama3.1".
"""

import re
from collections.abc import Iterable
from functools import cache

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
_OWN = ("share alike", "the model's terms")  # what one licence asks for is not what another of the kind does
_AND = " AND "

# Identifiers that the Hub knows, among those our sources and models have.
_LICENCES = {
    "apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0",
    "cc-by-nd-4.0", "openrail", "llama3", "llama3.1", "gpl-3.0", "odc-by", "pddl", "unlicense",
}  # fmt: skip


def licence_id(licence: str) -> str:
    """The Hub's identifier for a licence as people write it ("CC BY-NC 4.0"), or "other"."""
    slug = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
    slug = {"apache-license-2.0": "apache-2.0", "apache2": "apache-2.0", "mit-license": "mit", "cc0": "cc0-1.0"}.get(
        slug, slug
    )
    return slug if slug in _LICENCES else "other"


def terms(licence: str) -> set[str]:
    """What the licence asks for, as far as its name says; empty where the name is none that is known."""
    name = licence.lower()
    return {term for term, pattern in _TERMS.items() if pattern.search(name)}


def parts(licence: str) -> list[str]:
    """The licences that hold together in it, one or several."""
    return [part.strip() for part in licence.split(_AND)]


def is_unknown(licence: str) -> bool:
    """Whether nobody knows the terms: none are named."""
    return licence.strip().lower() in ("", "unknown", "none")


def strictness(licence: str) -> int:
    """0 for public domain; unknown terms are stricter than all known ones."""
    asked = terms(licence)
    return max((rank for rank, term in enumerate(_TERMS) if term in asked), default=len(_TERMS))


def strictest(licences: Iterable[str]) -> str:
    """The licence that asks for all that any of them does; where none does, those that do together, joined by AND.

    Of equals the first by name. Terms that forbid changes stand alone: nothing that is made here can be under them.
    """
    return _strictest(frozenset(licences))


@cache
def _strictest(licences: frozenset[str]) -> str:
    names = sorted({part for licence in licences for part in parts(licence)})
    if unchanged := [name for name in names if "no changes" in terms(name)]:
        return unchanged[0]
    first = {duties(name): name for name in reversed(names)}
    binding = [name for asked, name in first.items() if not any(asked < more for more in first)]
    return _AND.join(sorted(binding, key=str.lower))


@cache
def duties(licence: str) -> frozenset[str]:
    """What terms without AND ask for, with what every licence as strict asks for as well."""
    asked = terms(licence)
    if not asked:
        return frozenset((*_FREE, "unknown" if is_unknown(licence) else _plain(licence)))
    own = {f"{term} of {_plain(licence)}" if term in _OWN else term for term in asked}
    return frozenset(own | set(_FREE[: strictness(licence) + 1]))


def objection(licence: str, claim: str | None) -> str | None:
    """Why a row under `licence` can't be published in a dataset that claims `claim`, or None where it can.

    Without a claim each row is under its own licence, and only unknown terms and those that forbid changes object.
    With one, the claim must ask for all that the row's licence asks for; share-alike asks for the very same licence.
    """
    return next((why for part in parts(licence) if (why := _objection(part, claim))), None)


def _objection(licence: str, claim: str | None) -> str | None:
    if is_unknown(licence):
        return "nobody knows its terms"
    needed = terms(licence)
    if "no changes" in needed:
        return "it forbids changes, and these rows are rewritten and spoken"
    if claim is None:
        return None if needed else "its terms are not known by name"
    if any(_plain(licence) == _plain(one) for one in parts(claim)):
        return None
    if not needed:
        return "its terms are not known by name"
    if "share alike" in needed:
        return "it asks for the same licence"
    asked = terms(claim) | set(_FREE[: strictness(claim) + 1])
    return f"it asks for {', '.join(sorted(needed - asked))}" if needed - asked else None


def _plain(licence: str) -> str:
    """One name for all ways in which people write the licence's."""
    known = licence_id(licence)
    return known if known != "other" else " ".join(licence.lower().replace("-", " ").split())
