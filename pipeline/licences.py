"""Which of several licences binds most: a row's licence is the strictest of all that made it."""

from collections.abc import Iterable

# From free to strict; the first pattern that a name contains decides. Llama's terms ask for naming, not for openness.
_ORDER = (
    ("public domain", "cc0", "unlicense"),
    ("apache", "mit", "bsd", "isc"),
    ("cc-by-4", "cc-by-3", "cc by 4", "cc by 3"),
    ("cc-by-sa", "cc by-sa", "gpl"),
    ("llama",),
    ("nc", "non-commercial", "research"),
)


def strictness(licence: str) -> int:
    """0 for public domain; unknown terms are stricter than all known ones."""
    name = licence.lower()
    for rank in reversed(range(len(_ORDER))):  # the strictest word in a name counts: CC-BY-NC is not CC-BY
        if any(word in name for word in _ORDER[rank]):
            return rank
    return len(_ORDER)


def strictest(licences: Iterable[str]) -> str:
    """The licence that binds most; of equals the first by name."""
    return max(sorted(set(licences)), key=strictness)
