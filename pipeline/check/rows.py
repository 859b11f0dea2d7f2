"""The lines of a person's file: which kind of row each is, by its fields."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxsmith.pipeline.errors import RecipeError
from voxsmith.schemas.lines import by_hand, checked

# What is checked, and the fields that say so: the first whose fields are all there.
KINDS = {
    "query": ("instruction", "query"),
    "answer": ("query", "reply"),
    "clip": ("text", "audio"),
    "transcript": ("text", "heard"),
    "text": ("written",),
}
_TEXTS = ("instruction", "context", "query", "reply", "finish", "written", "text", "heard", "audio", "of", "language")
_MAY_BE_NULL = ("context", "finish", "of", "language", "completion_tokens")
_MOST_TOKENS = 2**31


class BadRow(ValueError):
    """What is wrong with a line, for a person."""


@dataclass(frozen=True)
class Given:
    """A row of the file. `line`: its number, from 1; `fields`: those that are known."""

    line: int
    kind: str
    fields: Mapping[str, Any]


def read_rows(file: str) -> Iterator[Given | tuple[int, BadRow]]:
    """Each line of the file, in order, one at a time; with its number where it is no row. Raises RecipeError where the file
    can't be opened.
    """
    if Path(file).is_dir():
        raise RecipeError(f"{file}: is a folder; name a file of JSON lines")
    lines = by_hand(Path(file))
    while True:
        try:
            number, line = next(lines)
        except StopIteration:
            return
        except FileNotFoundError:
            raise RecipeError(f"{file}: there is no such file; name a file of JSON lines") from None
        try:
            kind, fields = _parsed(checked(line))
            yield Given(number, kind, fields)
        except ValueError as error:
            yield number, BadRow(str(error))


def _parsed(line: str) -> tuple[str, dict[str, Any]]:
    if not line:
        raise ValueError("the line is empty")
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise ValueError("not JSON that can be read: numbers too long, or too many brackets") from None
    if not isinstance(row, dict):
        raise ValueError('a JSON object is wanted, as in {"written": "Meet me at 5 p.m."}')
    kind = next((kind for kind, needed in KINDS.items() if all(name in row for name in needed)), None)
    if kind is None:
        wanted = "; ".join(", ".join(needed) for needed in KINDS.values())
        there = ", ".join(sorted(map(str, row)))[:200] or "none"
        raise ValueError(f"fields that are checked: {wanted}; this row has {there}")
    for name in _TEXTS:
        value = row.get(name)
        if name in row and not isinstance(value, str) and not (value is None and name in _MAY_BE_NULL):
            raise ValueError(f"'{name}' is no text")
        if isinstance(value, str) and not _is_unicode(value):
            raise ValueError(f"'{name}' has half of a sign: an escape without its other half")
    tokens = row.get("completion_tokens")
    if tokens is not None and (type(tokens) is not int or not 0 <= tokens <= _MOST_TOKENS):
        raise ValueError("'completion_tokens' is no whole number from 0 up")
    return kind, {name: row[name] for name in (*_TEXTS, "completion_tokens") if row.get(name) is not None}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
