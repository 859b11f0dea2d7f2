"""Files and datasets as records: one pass, one record in memory at a time.

A record that can't be read is handed on as `Bad`, to be counted and rejected; only a file that can't be read any
further raises. Each comes with its place ("alpaca.json, record 17"), for people: places are no part of a row.
"""

import gzip
import json
import logging
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO, cast

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.schemas.names import nearest
from voxsmith.schemas.source import Source, files

CHUNK = 1 << 20  # characters
LARGEST = 1 << 26  # characters of one record of a JSON list; what is longer is taken for a list that is broken

_BETWEEN = re.compile(r"[\s,\ufeff]*")  # files put one behind the other may each start with a byte order mark


class Bad(NamedTuple):
    """What can't be read as a record. No place: it would change with every line put in front."""

    message: str
    raw: str


Record = dict[str, Any] | Bad
Placed = tuple[str, Record]


def records(name: str, source: Source, fields: tuple[str, ...]) -> Iterator[Placed]:
    """The records of a source, in order, each with at least those of `fields` that it has.

    Raises RecipeError where a file or dataset is broken or not there, RunFailed where a connection failed.
    """
    if source.path is None:
        yield from ((f"row {number}", record) for number, record in enumerate(_dataset(name, source, fields)))
        return
    for file in files(source.path):
        try:
            yield from _file(file)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise RecipeError(f"{file}: broken gzip: {error}; fetch the file again") from None
        except OSError as error:
            raise RecipeError(f"{file}: {error.strerror or error}") from None


def _file(file: Path) -> Iterator[Placed]:
    """Lists of records, or one record a line. Bytes that are not UTF-8 come out as lone surrogates."""
    if file.name.endswith((".json", ".json.gz")):
        with _open(file) as stream:
            start = stream.read(CHUNK)
            if start.lstrip().startswith("["):
                for number, record in enumerate(_lists(file, stream, start), 1):
                    yield f"{file}, record {number}", record
                return
    with _open(file) as stream:
        for number, line in enumerate(stream, 1):
            if (parsed := _line(line)) is not None:
                yield f"{file}, line {number}", parsed


def _open(file: Path) -> TextIO:
    reader = gzip.open if file.name.endswith(".gz") else open
    return cast(TextIO, reader(file, "rt", encoding="utf-8-sig", errors="surrogateescape"))


def _line(line: str) -> Record | None:
    line = line.strip()
    if not line:
        return None
    try:
        return _record(json.loads(line), line)
    except json.JSONDecodeError as error:
        return Bad(f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}", line)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists of thousands of levels
        return Bad(f"not JSON that can be read: {error}", line)


def _lists(file: Path, stream: TextIO, text: str) -> Iterator[Record]:
    """The elements of the JSON list that starts in `text` and goes on in `stream`, and of lists behind it; commas are not
    insisted on. What stands behind a list and starts none is taken as JSON lines.
    """
    decode = json.JSONDecoder().raw_decode
    at, number, inside = 0, 1, False
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        sign = text[at : at + 1]
        if sign == ("]" if inside else "["):
            at, inside = at + 1, not inside
            continue
        if sign and not inside:
            end = text.find("\n", at)
            if end < 0:
                text, at = text[at:] + stream.readline(), 0
                end = len(text)
            record = _line(text[at:end])
            if record is not None:
                yield Bad(f"after the list's end: {record.message}", record.raw) if isinstance(record, Bad) else record
            at, number = end, number + 1
            continue
        trouble = "the list isn't closed"
        try:
            value, end = decode(text, at)
        except json.JSONDecodeError as error:
            trouble, end = f"{error.msg} at '{text[at : at + 40]}'" if sign else trouble, len(text)
        except (ValueError, RecursionError) as error:
            trouble, end = str(error), len(text)
        if end < len(text):
            yield _record(value, text[at:end])
            at, number = end, number + 1
            continue
        more = stream.read(max(CHUNK, len(text) - at))
        if not more and not inside:
            return
        if not more or len(text) - at > LARGEST:
            raise RecipeError(f"{file}: broken JSON in record {number}: {trouble}; mend it, or write one record a line")
        text, at = text[at:] + more, 0


def _record(value: Any, raw: str) -> Record:
    return value if isinstance(value, dict) else Bad(f"a JSON object is wanted, this is {kind(value)}", raw)


def kind(value: Any) -> str:
    """What a JSON value is, as JSON calls it."""
    kinds = {str: "a text", bool: "true or false", type(None): "null", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _dataset(name: str, source: Source, fields: tuple[str, ...]) -> Iterator[Record]:
    """Rows of a Hugging Face dataset: streamed, or read from the folder that `save_to_disk` wrote."""
    import datasets  # late: it takes seconds

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # not a line for each try
    where = f"sources.{name}: dataset '{source.dataset}'"
    folder = Path(str(source.dataset))
    try:
        if (folder / "dataset_dict.json").is_file():
            splits = datasets.load_from_disk(str(folder))
            if source.split not in splits:
                raise RecipeError(f"{where}: no split '{source.split}'; {nearest(source.split, map(str, splits))}")
            rows: Any = splits[source.split]
        elif (folder / "state.json").is_file():
            rows = datasets.load_from_disk(str(folder))
        else:
            rows = datasets.load_dataset(
                str(source.dataset), source.config, split=source.split, revision=source.revision, streaming=True
            )
    except (ConnectionError, TimeoutError) as error:
        instead = f"or name files: --set sources.{name}='{{path: FILES, layout: {source.layout}, licence: …}}'"
        raise RunFailed(f"{where}: {_first_line(error)}; the same command tries again, {instead}") from None
    except RecipeError:
        raise
    except Exception as error:  # whatever the library raises, it is about what the recipe names
        raise RecipeError(f"{where}: {_first_line(error)}") from None
    if rows.column_names is not None:
        there = [field for field in fields if field in rows.column_names]
        if not there:
            raise RecipeError(f"{where}: has no field '{fields[0]}'; {nearest(fields[0], rows.column_names)}")
        rows = rows.select_columns(there)  # columns of audio or images are not even decoded
    try:
        yield from rows
    except OSError as error:  # of which connections' errors are
        raise RunFailed(f"{where}: {_first_line(error)}; the same command tries again") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
