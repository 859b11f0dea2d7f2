"""Errors for people: one line each, no traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class RecipeError(Exception):
    """The recipe or the arguments are wrong; `lines` say where and what to do. Exit code 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class RunFailed(Exception):
    """The run could not be finished; the message says why and what to do. Exit code 1."""


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean X?', or the names there are where nothing is near."""
    names = sorted(known)
    if close := get_close_matches(name, names, n=1, cutoff=0.6):
        return f"did you mean '{close[0]}'?"
    return f"there is {', '.join(names)}" if names else "there is none"
