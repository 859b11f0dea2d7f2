"""Which of several licences binds most: a row's licence is the strictest of all that made it."""

import re
from collections.abc import Iterable

# From free to strict; the first pattern that a name contains decides. Llama's terms ask for naming, not for openness.
_ORDER = tuple(
    re.compile(rf"\b(?:{words})\b")
    for words in (
        "public domain|cc0|unlicense|pddl",
        "apache|mit|bsd|isc",
        "cc[- ]by",
        "cc[- ]by[- ]sa|gpl|lgpl|agpl|odbl",
        r"llama[\d.]*",
        "nc|non-?commercial|research",
    )
)


def strictness(licence: str) -> int:
    """0 for public domain; unknown terms are stricter than all known ones."""
    name = licence.lower()
    for rank in reversed(range(len(_ORDER))):  # the strictest word in a name counts: CC-BY-NC is not CC-BY
        if _ORDER[rank].search(name):
            return rank
    return len(_ORDER)


def strictest(licences: Iterable[str]) -> str:
    """The licence that binds most; of equals the first by name."""
    return max(sorted(set(licences)), key=strictness)
