"""A recipe's values, wherever they come from (a file, `--set`, a profile, a mapping of Python), as every reader of them may
expect them: maps with texts for keys, lists, texts that UTF-8 can hold, finite numbers, true, false, null; not endless.
"""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from voxsmith.schemas.errors import RecipeError
from voxsmith.schemas.text import clean
from voxsmith.schemas.yaml_text import DEEPEST, MOST

_LARGEST = 2**64


def plain(value: Any, where: str, key: str = "") -> Any:
    """A copy of the value. Raises RecipeError that names the key path for what can't be in a recipe.

    `where`: the recipe's file, or who sets the value; `key`: the path that the value has in it.
    """
    return _Copying(where).copy(value, tuple(key.split(".")) if key else ())


class _Copying:
    def __init__(self, where: str) -> None:
        self.where, self.left = where, MOST  # what an alias means counts in each place

    def copy(self, value: Any, path: tuple[str, ...]) -> Any:
        self.left -= 1
        if self.left < 0:
            raise self._fault(path[:3], f"more than {MOST:,} values; do aliases multiply them?")
        if value is None or isinstance(value, bool | BaseModel):
            return value
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int | float):
            return self._number(value, path)
        if isinstance(value, Mapping | list | tuple):
            if len(path) > 2 * DEEPEST:
                raise self._fault(path[:3], "maps and lists in it are nested without end")
            if isinstance(value, Mapping):
                return {self._key(name, path): self.copy(one, (*path, str(name))) for name, one in value.items()}
            return [self.copy(one, (*path, str(place))) for place, one in enumerate(value)]
        raise self._fault(
            path, f"a value of type {type(value).__name__} can't be in a recipe; write a text or a number"
        )

    def _key(self, name: Any, path: tuple[str, ...]) -> str:
        if not isinstance(name, str):
            raise self._fault(path, f"its key {name!r} is not a text")
        return self._text(name, path)

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        if "\0" in text or clean(text) != text:
            raise self._fault(path, "a text with NUL or half of a surrogate pair, which no file can hold")
        return text

    def _number(self, number: float, path: tuple[str, ...]) -> float:
        if isinstance(number, int) and abs(number) >= _LARGEST:
            raise self._fault(path, f"a whole number of {number.bit_length()} bits; 64 is the most")
        if not math.isfinite(number):
            raise self._fault(path, f"{number} is not a finite number")
        return number

    def _fault(self, path: tuple[str, ...], what: str) -> RecipeError:
        return RecipeError(f"{self.where}: {'.'.join(path) or 'recipe'}: {what}")
