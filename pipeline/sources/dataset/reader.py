"""The process that reads a Hugging Face dataset: streamed, or from the folder that `save_to_disk` wrote.

Gets what to read as a pickle on stdin, writes rows as pickles to stdout: (rows, None), …, and last ([], error or None).
"""

import json
import logging
import os
import pickle
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.dataset.faults import said
from voxsmith.pipeline.sources.dataset.tables import table_rows
from voxsmith.pipeline.terminal import make_streams_plain
from voxsmith.schemas.lines import LARGEST, Digest, TooLarge
from voxsmith.schemas.names import nearest
from voxsmith.schemas.source import Source

_ROWS, _CHARACTERS = 256, 1 << 20  # that are sent at once, about


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the command's to end this process
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # and if that is gone, nobody reads
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)  # what libraries print
        make_streams_plain()
        name, source, fields, memory = pickle.load(sys.stdin.buffer)
        where = f"sources.{name}: dataset '{source['dataset']}'"
        error: tuple[str, str] | None = None
        try:
            import datasets  # noqa: F401  # late: it takes seconds; before the limit: its code isn't counted

            _limit(memory)
            _send(dataset_records(name, Source.model_construct(**source), fields), stream)
        except (RecipeError, RunFailed) as known:
            error = type(known).__name__, str(known)
        except MemoryError:
            error = (
                "RecipeError",
                (
                    f"{where}: it would take more than {memory / 2**30:g} GiB of memory to read it: a file, or a row of it, is too "
                    "large or claims to be; take that out, or write it as .jsonl"
                ),
            )
        pickle.dump(([], error), stream)


def _send(rows: Iterator[dict[str, Any]], stream: Any) -> None:
    waiting: list[dict[str, Any] | TooLarge] = []
    size = 0
    for row in rows:
        characters = _characters(row)
        waiting.append(row if characters <= LARGEST else _too_large(row))
        size += min(characters, LARGEST)
        if len(waiting) >= _ROWS or size >= _CHARACTERS:
            pickle.dump((waiting, None), stream)
            waiting, size = [], 0
    pickle.dump((waiting, None), stream)


def _characters(value: Any) -> int:
    """Of all texts and bytes in it, and one for each other value."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list) else 1


def _too_large(row: dict[str, Any]) -> TooLarge:
    digest, pieces = Digest(), json.JSONEncoder(ensure_ascii=False, default=str).iterencode(row)
    for piece in pieces:
        digest.add(piece)
    return digest.text


def dataset_records(name: str, source: Source, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The dataset's rows, in this process. Raises RecipeError, RunFailed, MemoryError."""
    where = f"sources.{name}: dataset '{source.dataset}'"
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # not a line for each try
    local = Path(str(source.dataset)).exists()
    if source.layout == "audio_dataset":
        yield from _telling(where, source, table_rows(where, source), local)
        return
    try:
        rows = _opened(where, source)
    except (RecipeError, MemoryError):
        raise
    except Exception as error:  # whatever the library raises, it is about what the recipe names
        raise said(where, source, error, local) from None
    if rows.column_names is not None:
        there = [field for field in fields if field in rows.column_names]
        if not there:
            raise RecipeError(f"{where}: has no field '{fields[0]}'; {nearest(fields[0], rows.column_names)}")
        rows = rows.select_columns(there)  # columns of audio or images are not even decoded
    yield from _telling(where, source, rows, local)


def _telling(where: str, source: Source, rows: Iterable[dict[str, Any]], local: bool) -> Iterator[dict[str, Any]]:
    """The rows. What libraries raise on the way becomes one line: RunFailed where a network failed, else RecipeError."""
    try:
        yield from rows
    except (RecipeError, MemoryError):
        raise
    except Exception as error:
        raise said(where, source, error, local, "a file of it can't be read: ") from None


def _opened(where: str, source: Source) -> Any:
    import datasets

    folder = Path(str(source.dataset))
    if folder.suffix == ".parquet" and folder.is_file():
        return datasets.load_dataset("parquet", data_files=str(folder), split="train", streaming=True)
    if (folder / "dataset_dict.json").is_file():
        splits = datasets.load_from_disk(str(folder))
        if source.split not in splits:
            raise RecipeError(f"{where}: no split '{source.split}'; {nearest(source.split, map(str, splits))}")
        return splits[source.split]
    if (folder / "state.json").is_file():
        return datasets.load_from_disk(str(folder))
    return datasets.load_dataset(
        str(source.dataset), source.config, split=source.split, revision=source.revision, streaming=True
    )


def _limit(memory: int) -> None:
    """Data of this process from now on: what is more raises MemoryError, or ends the process."""
    import resource

    import psutil

    used = psutil.Process().memory_full_info().data
    resource.setrlimit(resource.RLIMIT_DATA, (used + memory, used + memory))
