"""How a JSON file holds its records: one a line, as a list, as objects over several lines, or as a list inside an object."""

import json
import re
from enum import Enum, auto
from typing import Any

_DECODE = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[\s\ufeff]*")
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
_ANOTHER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*\{')
_OF_A_MESSAGE = {"role", "from"}


class Shape(Enum):
    """`LINES`: a record a line. `LIST`: a JSON list. `VALUES`: one object after another. `WRAPPED`: a list in an object."""

    LINES = auto()
    LIST = auto()
    VALUES = auto()
    WRAPPED = auto()


def shape_of(start: str, wanted: tuple[str, ...] | None, is_list_file: bool) -> tuple[Shape, int]:
    """The shape of a file that starts so, and where its list or its first value begins.

    `wanted`: fields of which a record has one, or None where only lists and lines are to be told apart; `is_list_file`:
    whether a list at the start is the file's list even if it ends with its line.
    """
    at = _SPACE.match(start).end()  # type: ignore[union-attr]
    line_end = start.find("\n", at) % (len(start) + 1)
    if start.startswith("[", at):
        return (Shape.LIST if is_list_file or not _is_json(start[at:line_end]) else Shape.LINES), at
    if wanted is None or not start.startswith("{", at):
        return Shape.LINES, at
    try:
        value, end = _DECODE(start, at)
    except json.JSONDecodeError as error:
        list_at = None if error.pos < line_end < len(start) else _list_within(start, at, wanted)
        if list_at is not None:
            return Shape.WRAPPED, list_at
        is_cut = error.pos >= len(start) - 1 or error.msg.startswith("Unterminated string")
        return (Shape.VALUES if is_cut and line_end < error.pos else Shape.LINES), at
    except (ValueError, RecursionError):  # numbers of thousands of digits, lists of thousands of levels
        return Shape.LINES, at
    if not any(name in value and not _is_list_of_records(value[name]) for name in wanted) and (
        any(map(_is_list_of_records, value.values())) and not start[end:].strip()
    ):
        list_at = _list_within(start, at, ())
        if list_at is not None:
            return Shape.WRAPPED, list_at
    return (Shape.VALUES if line_end < end else Shape.LINES), at


def second_list(rest: str) -> str | None:
    """The key of another list of objects, in what stands behind an object's first one."""
    match = _ANOTHER.search(rest)
    return match[1] if match else None


def _list_within(text: str, at: int, wanted: tuple[str, ...]) -> int | None:
    """Where the first list of records in the object at `text[at]` begins. None where the object is a record itself."""
    at += 1
    try:
        while True:
            key, at = _DECODE(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] != ":":
                return None
            at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
            if match := _LIST_OF_OBJECTS.match(text, at):
                first, _ = _DECODE(text, match.end() - 1)
                if _is_list_of_records([first]):
                    return at
            if key in wanted:
                return None
            _, at = _DECODE(text, at)
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] != ",":
                return None
            at += 1
    except (ValueError, RecursionError):
        return None


def _is_list_of_records(value: Any) -> bool:
    """A list of objects that aren't a dialogue's messages."""
    return (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict) and not (_OF_A_MESSAGE & value[0].keys())
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
