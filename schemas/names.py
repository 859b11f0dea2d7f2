"""Names that were meant: advice for one that is wrong."""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 60  # names that a line lists; of more, the nearest


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like `name`; None where none is near."""
    return next(iter(get_close_matches(name, sorted(known), n=1)), None)


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice that ends a message about the wrong `name`: "did you mean 'X'?", or which names there are, a line
    of them at most.
    """
    names = sorted(set(known))
    if near := closest(name, names):
        return f"did you mean '{near}'?"
    if len(names) > _MOST:
        if some := get_close_matches(name, names, n=5, cutoff=0.3):
            return f"the nearest of {len(names)} names are {', '.join(some)}"
        return f"there is {', '.join(names[:5])} and {len(names) - 5} more"
    return f"there is {', '.join(names)}" if names else "there is none"
