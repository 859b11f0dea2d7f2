"""Marks of the files that exports have written: what tells them from files that somebody else put in their place."""

import json
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import xxhash

from voxsmith.pipeline.export.names import MARKS
from voxsmith.pipeline.store.files import write_text
from voxsmith.pipeline.store.forms import Form


class Mark(NamedTuple):
    """A file as it was written: bytes, time of its last change (ns), and XXH3 of its bytes; "" of large files, whose time
    and size have to do.
    """

    size: int
    changed: int
    digest: str = ""


Marks = dict[str, list[Mark]]  # by path below the folder; several while one export takes the place of another
_MARKS: Form[Marks] = Form("marks of files", Marks)


def mark_of(path: Path) -> Mark:
    """Raises OSError."""
    status = path.lstat()
    digest = "" if path.suffix == ".arrow" else _digest(path)
    return Mark(status.st_size, status.st_mtime_ns, digest)


def is_as_marked(path: Path, marks: Iterable[Mark], copied: bool = False) -> bool:
    """Whether the file is as it was written by one of these marks. `copied`: it is known to be a copy, whose time is another."""
    try:
        status = path.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        return False
    same_size = [mark for mark in marks if mark.size == status.st_size]
    if any(mark.changed == status.st_mtime_ns or (copied and not mark.digest) for mark in same_size):
        return True
    digests = {mark.digest for mark in same_size if mark.digest}
    return bool(digests) and _digest(path) in digests


def marks_under(folder: Path, base: Path | None = None) -> Marks:
    """A mark of every file under the folder, by its path below `base`, or else below the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(base or folder)): [mark_of(path)] for path in files}


def merged(*several: Mapping[str, list[Mark]]) -> Marks:
    paths = dict.fromkeys(path for marks in several for path in marks)
    return {path: list(dict.fromkeys(mark for marks in several for mark in marks.get(path, ()))) for path in paths}


def read_marks(folder: Path) -> Marks:
    """The marks that exports left in the folder; none where they can't be read."""
    return _MARKS.of_file(folder / MARKS) or {}


def write_marks(folder: Path, marks: Marks) -> None:
    write_text(folder / MARKS, json.dumps(marks, indent=1))


def _digest(path: Path) -> str:
    return xxhash.xxh3_128_hexdigest(path.read_bytes())
