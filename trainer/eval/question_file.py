"""Files of spoken questions, as evaluation sets come: where each clip is, and what is said in it.

- JSON lines, an object each: `id`, the clip's path as `audio`, `speech` or `file_name`, its words as `text`, `question` or
  `prompt`, and what may be answered as `answer`, `reference` or `output`. Only the clip is needed.
- a JSON list of the same, as LLaMA-Omni's question.json, which has no words.
- a folder of the Hub: its Parquet files, whose column `audio` holds the clips (VoiceBench's have `prompt` and `output`), or
  metadata.jsonl beside the clips.

A path from such a file is relative to its folder and leads to a file within; rows are read one by one.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxsmith.models.audio_size import MOST_BYTES
from voxsmith.schemas.text import clean
from voxsmith.trainer.talk.questions import BadQuestion

_AUDIO = ("audio", "speech", "file_name", "audio_path", "wav", "path")
_WORDS = ("text", "question", "prompt", "instruction", "query_text", "transcript")
_ANSWER = ("answer", "reference", "output", "answer_text", "target")
_LONGEST_LINE = 1 << 20  # characters
_LONGEST_LIST = 1 << 28  # bytes of a JSON list, which is read whole
_LONGEST_TEXT = 20_000  # characters
_PARQUET_ROWS = 8  # rows that are in memory together


@dataclass(frozen=True)
class Question:
    """`where`: the row's place, for messages; `text`: the words of the clip, empty where nobody knows them; `reference`: an answer,
    if there is one; `clip`: the audio file, whole.
    """

    where: str
    id: str
    text: str
    reference: str
    clip: bytes


@dataclass(frozen=True)
class Spoiled:
    """A row that can't be used, and why, in a line that names the place."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def read(place: Path, clips: Path | None = None) -> Iterator[Question | Spoiled]:
    """Rows in their order. `clips`: the folder that paths are relative to; without, that of the file. Raises BadQuestion where the
    file or folder is no such thing.
    """
    if not place.exists():
        raise BadQuestion(f"{place}: there is no such file or folder: name a JSONL file of questions")
    if place.is_dir():
        if (metadata := place / "metadata.jsonl").is_file():
            rows = _lines(metadata)
        elif files := sorted(place.rglob("*.parquet")):
            rows = (row for file in files for row in _parquet(file))
        else:
            raise BadQuestion(f"{place}: neither metadata.jsonl nor a .parquet file is in this folder")
    else:
        rows = _listed(place) if place.suffix == ".json" else _lines(place)
    root = clips or (place if place.is_dir() else place.parent)
    if not root.is_dir():
        raise BadQuestion(f"{root}: no folder: name the one that the clips' paths are relative to")
    seen: dict[str, str] = {}
    for number, (where, row) in enumerate(rows):
        yield _question(where, row, str(number + 1), root.resolve(), seen)


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    with file.open(encoding="utf-8", errors="replace") as stream:
        number = 0
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            where = f"{file} line {number}"
            if not line.endswith("\n") and len(line) == _LONGEST_LINE:
                while (rest := stream.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                    pass
                yield where, Spoiled(where, f"longer than {_LONGEST_LINE:,} characters")
            elif line.strip():
                yield where, _parsed(line, where)


def _listed(file: Path) -> Iterator[tuple[str, Any]]:
    if file.stat().st_size > _LONGEST_LIST:
        raise BadQuestion(f"{file}: more than {_LONGEST_LIST:,} bytes; write it as JSON lines")
    rows = _parsed(file.read_text(encoding="utf-8", errors="replace"), str(file))
    if not isinstance(rows, list):
        why = rows.why if isinstance(rows, Spoiled) else "not a list"
        raise BadQuestion(f"{file}: {why}; it should be a JSON list of questions, or JSON lines in a file .jsonl")
    for number, row in enumerate(rows, 1):
        yield f"{file} row {number}", row


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return Spoiled(where, f"not JSON: {str(error).splitlines()[0][:200]}")


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(file) as rows:
            names = [name for name in rows.schema_arrow.names if name in (*_AUDIO, *_WORDS, *_ANSWER, "id")]
            for batch in rows.iter_batches(_PARQUET_ROWS, columns=names):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file} row {number}", row
    except (pa.ArrowException, OSError, ValueError) as error:
        where = f"{file} behind row {number}"
        yield where, Spoiled(where, f"can't be read: {' '.join(str(error).split())[:200]}")


def _question(where: str, row: Any, number: str, root: Path, seen: dict[str, str]) -> Question | Spoiled:
    if isinstance(row, Spoiled):
        return row
    if not isinstance(row, Mapping):
        return Spoiled(where, "not an object with the keys of a question")
    key = row.get("id")
    name = number if key is None else clean(str(key))[:200] if isinstance(key, str | int) else ""
    if not name.strip():
        return Spoiled(where, "its id is neither a text nor a number")
    if name in seen:
        return Spoiled(where, f"its id '{name}' is that of {seen[name]}, too")
    try:
        question = Question(where, name, _text(row, _WORDS), _text(row, _ANSWER), _clip(row, root))
    except _Wrong as error:
        return Spoiled(where, str(error))
    seen[name] = where
    return question


class _Wrong(Exception):
    """What is wrong with a row."""


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            if len(value) > _LONGEST_TEXT:
                raise _Wrong(f"{name} has {len(value):,} characters; {_LONGEST_TEXT:,} are the most")
            return clean(value).strip()
    return ""


def _clip(row: Mapping[str, Any], root: Path) -> bytes:
    name = next((name for name in _AUDIO if row.get(name) is not None), None)
    if name is None:
        raise _Wrong(f"no clip: it has none of the keys {', '.join(_AUDIO)}")
    value = row[name]
    content = value.get("bytes") if isinstance(value, Mapping) else None
    if isinstance(content, bytes):
        if len(content) > MOST_BYTES:
            raise _Wrong(f"{name} has {len(content)} bytes; {MOST_BYTES} are the most")
        return content
    path = value.get("path") if isinstance(value, Mapping) else value
    if not isinstance(path, str) or not path or "\0" in path:
        raise _Wrong(f"{name} is no path of a clip")
    return _file(path, root)


def _file(path: str, root: Path) -> bytes:
    try:
        file = (root / path).resolve()
        if Path(path).is_absolute() or not file.is_relative_to(root):
            raise _Wrong(f"the clip {path[:200]} isn't in {root}: name another folder with --clips if it should be")
        if not file.is_file():
            raise _Wrong(f"no clip {path[:200]} in {root}")
        if (size := file.stat().st_size) > MOST_BYTES:
            raise _Wrong(f"the clip {path[:200]} has {size} bytes; {MOST_BYTES} are the most")
        return file.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a name that is too long, half a surrogate, links in a circle
        raise _Wrong(f"the clip {clean(path)[:200]} can't be read: {type(error).__name__}") from None
