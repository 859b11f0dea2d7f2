"""Files as records: one pass, one record in memory at a time.

A record that can't be read is handed on as `Bad`, to be counted and rejected; only a file that can't be read any
further raises. Each comes with its place ("alpaca.json, record 17"), for people: places are no part of a row.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.record.passing_over import Endless, pass_over
from voxsmith.pipeline.sources.record.shape import Shape, second_list, shape_of
from voxsmith.pipeline.sources.record.table import SUFFIXES as TABLES
from voxsmith.pipeline.sources.record.table import rows_of_table
from voxsmith.pipeline.sources.record.texts import opened
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.lines import LARGEST, MOST_VALUES, TooLarge, crowded, lines, rest_of_line, size

CHUNK = 1 << 20  # characters

_BETWEEN = re.compile(r"[\s,\ufeff]*+")  # files put one behind the other may each start with a byte order mark
_WORD = (
    16  # characters, more than any word of JSON has: an error that is further from the end isn't for the rest to mend
)
_CROWDED = f"not JSON that can be read: a record has {MOST_VALUES} values at most, and this one has more"
_MEND = "mend it, or write one record a line"


class Bad(NamedTuple):
    """What can't be read as a record. No place: it would change with every line put in front."""

    message: str
    raw: str


Record = dict[str, Any] | Bad
Placed = tuple[str, Record]


def records_of(file: Path | str, wanted: tuple[str, ...] | None = None) -> Iterator[Placed]:
    """The records of one file, or object at a URL. `wanted`: fields of which a record has one, by which an object around a
    list of records, and records that are written over several lines, are told from records; else each line is one.

    Raises RecipeError where the file is broken or not there, RunFailed where a connection failed.
    """
    try:
        yield from _file(file, wanted)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RecipeError(f"{file}: broken gzip: {error}; fetch the file again") from None
    except OSError as error:
        if is_url(str(file)):
            raise RunFailed(f"{file}: {error}; the same command tries again") from None
        raise RecipeError(f"{file}: {error.strerror or error}") from None


def _file(file: Path | str, wanted: tuple[str, ...] | None) -> Iterator[Placed]:
    """Lists of records, or one record a line. Bytes that are not UTF-8 come out as lone surrogates."""
    if str(file).endswith(TABLES):
        for number, row in rows_of_table(file):
            yield f"{file}, line {number}", row if isinstance(row, dict) else _ragged(row)
        return
    if wanted is not None or str(file).endswith((".json", ".json.gz")):
        with opened(file) as stream:
            start = stream.read(CHUNK)
            shape, at = shape_of(start, wanted, is_list_file=str(file).endswith((".json", ".json.gz")))
            if shape is not Shape.LINES:
                for number, record in enumerate(_elements(file, stream, start[at:], shape), 1):
                    yield f"{file}, record {number}", record
                return
    with opened(file) as stream:
        for number, line in enumerate(lines(stream), 1):
            if (parsed := _line(line)) is not None:
                yield f"{file}, line {number}", parsed


def _line(line: str | TooLarge) -> Record | None:
    if isinstance(line, TooLarge):
        return too_large(line)
    line = line.strip()
    if not line:
        return None
    if crowded(line):
        return Bad(_CROWDED, line)
    try:
        return _record(json.loads(line), line)
    except json.JSONDecodeError as error:
        return Bad(f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}", line)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists of thousands of levels
        return Bad(f"not JSON that can be read: {error}", line)


def too_large(text: TooLarge) -> Bad:
    return Bad(f"a record has {LARGEST} bytes at most, and this one {text.size}", text.name)


def _ragged(row: list[str]) -> Bad:
    return Bad(f"it has {len(row)} values, and the table's first line another number of names", json.dumps(row))


def _elements(file: Path | str, stream: TextIO, text: str, shape: Shape) -> Iterator[Record]:
    """The elements of the JSON list that starts in `text` and goes on in `stream`, and of lists behind it; commas are not
    insisted on. What stands behind a list and starts none is taken as JSON lines. Of the shape VALUES: what stands there.
    """
    decode = json.JSONDecoder().raw_decode
    at, number, inside = 0, 1, shape is Shape.VALUES
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        sign = text[at : at + 1]
        if sign == ("]" if inside else "["):
            at, inside = at + 1, not inside
            if shape is Shape.WRAPPED and not inside:
                _check_end(file, text[at:] + stream.read(CHUNK))
                return
            continue
        if sign and not inside:
            end = text.find("\n", at)
            line = text[at:end] if end >= 0 else rest_of_line(stream, text[at:])
            if end < 0:
                text, end = "", 0
            record = _line(line)
            if record is not None:
                yield Bad(f"after the list's end: {record.message}", record.raw) if isinstance(record, Bad) else record
            at, number = end, number + 1
            continue
        trouble, fault, broken = "the list isn't closed", "", False
        try:
            value, end = decode(text, at)
        except json.JSONDecodeError as error:
            trouble, end = f"{error.msg} at '{text[at : at + 40]}'" if sign else trouble, len(text)
            broken = error.pos < len(text) - _WORD and not error.msg.startswith("Unterminated string")
        except (ValueError, RecursionError) as error:
            fault, end = f"not JSON that can be read: {error}", len(text)
        large = end - at > LARGEST // 4 and size(text, at, end) > LARGEST
        if end < len(text) and not large:
            yield _record(value, text[at:end])
            at, number = end, number + 1
            continue
        fault = fault or (_CROWDED if crowded(text, at) else "")
        if not broken and (fault or large):
            try:
                element, text, at = pass_over(text, at, partial(stream.read, CHUNK))
            except Endless as error:
                raise RecipeError(f"{file}: broken JSON in record {number}: {error}; {_MEND}") from None
            yield Bad(fault, element.name) if fault else too_large(element)
            number += 1
            continue
        rest = len(text) - at
        more = "" if broken else stream.read(max(CHUNK, min(rest, LARGEST + 1 - rest)))
        if not more and (not inside or (shape is Shape.VALUES and not sign)):
            return
        if not more and shape is Shape.VALUES and not broken and not text.endswith("\n"):
            more = "\n"  # behind the last value
        if not more:
            raise RecipeError(f"{file}: broken JSON in record {number}: {trouble}; {_MEND}")
        text, at = text[at:] + more, 0


def _check_end(file: Path | str, rest: str) -> None:
    if key := second_list(rest):
        raise RecipeError(f"{file}: two lists of records, the other one under '{key}'; write each to a file of its own")
    if not rest.strip():
        raise RecipeError(f"{file}: the object around the list of records isn't closed; fetch the file again")


def _record(value: Any, raw: str) -> Record:
    return value if isinstance(value, dict) else Bad(f"a JSON object is wanted, this is {kind(value)}", raw)


def kind(value: Any) -> str:
    """What a JSON value is, as JSON calls it."""
    kinds = {str: "a text", bool: "true or false", type(None): "null", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
