"""Rows of a Hugging Face dataset, read by a process of its own, which may take so much memory and no more.

What reads Parquet, Arrow, CSV and archives is the library's: it takes as much memory as a file claims, and a file that is
made for it ends the process. Here that is one line, and the command's own memory is as it was.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Generator, Iterator
from typing import IO, Any

from voxsmith.models.search_path import child_environment
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.dataset import reader
from voxsmith.schemas.lines import TooLarge
from voxsmith.schemas.source import Source

MEMORY = 4 * 2**30  # bytes, beside what the library's code takes
_READER = f"from {reader.__name__} import main; main()"


def dataset_rows(name: str, source: Source, fields: tuple[str, ...]) -> Generator[dict[str, Any] | TooLarge]:
    """The dataset's rows, with the columns of `fields` that it has; a row that no memory should hold is passed over.

    Raises RecipeError where the dataset is broken or not there, RunFailed where a connection failed.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _READER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | child_environment(),
    )  # fmt: skip
    assert process.stdin and process.stdout
    try:
        with process.stdin:
            pickle.dump((name, source.model_dump(), fields, MEMORY), process.stdin)
        yield from _received(process.stdout)
        if code := process.wait():
            where = f"sources.{name}: dataset '{source.dataset}'"
            end = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise RecipeError(
                f"{where}: what reads it ended with {end}; is a file of it broken, or too large for memory?"
            )
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _received(stream: IO[bytes]) -> Iterator[dict[str, Any] | TooLarge]:
    while True:
        try:
            rows, error = pickle.load(stream)  # of our own process, which pickles plain values alone
        except EOFError:
            return
        yield from rows
        if error is not None:
            kind, line = error
            raise RunFailed(line) if kind == "RunFailed" else RecipeError(line)
