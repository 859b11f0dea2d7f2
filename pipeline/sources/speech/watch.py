"""What a listing of recorded speech depends on, and whether that is as it was.

Manifests and transcripts are files that are read: size and time of change, or else the sha256, say that they are the
same. Clips are not looked at again: two millions of them would take a plan minutes on a network's disk, and their size
and time stand in the rows, so that who reads a clip tells of one that was changed in its place. A clip that came, went
or got another name changed the time of its folder, so the folders are looked at: some thousands for a large corpus.
`touch FOLDER` thus has a source listed again. In an object store there are no folders: a manifest there is one object,
which is looked at; a tree is listed each time, a thousand objects a request.
"""

import hashlib
import os
from typing import Any

from voxsmith.pipeline.store.store import open_filesystem
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.hashing import hashed_number
from voxsmith.schemas.text import clean

_MOST = 200_000  # folders that are looked at; where clips lie in more, only some of them tell that a clip came or went
_GONE = -1  # the time of what isn't there

Stat = list[Any]  # [path, bytes, time of change in nanoseconds]; a folder's path ends in /, and it has no bytes


class Watch:
    """Notes files and folders before they are read, each as it then is: [path, bytes, time of change, sha256]."""

    def __init__(self) -> None:
        self._noted: dict[str, list[Any]] = {}

    def file(self, path: str) -> None:
        """Raises OSError where it can't be read."""
        if path not in self._noted and clean(path) == path:
            self._noted[path] = [*stat_of(path), "" if is_url(path) else sha256_of(path)]

    def folder(self, path: str) -> None:
        """A folder of this machine, there or not."""
        key = f"{path.rstrip('/')}/"
        if key not in self._noted and len(self._noted) < _MOST and clean(path) == path:
            self._noted[key] = [*stat_of(key), ""]

    def tree(self, url: str, objects: int, digest: int) -> None:
        """All below a URL. `objects`, `digest`: as `tree_of` has them."""
        self._noted[f"{url}/"] = [f"{url}/", objects, digest, ""]

    @property
    def noted(self) -> list[list[Any]]:
        return list(self._noted.values())


def stat_of(path: str) -> Stat:
    """The file, folder or object as it is now. Raises OSError where that can't be had."""
    if is_url(path) and path.endswith("/"):
        return [path, *tree_of(path.rstrip("/"))]
    if is_url(path):
        filesystem, inside = open_filesystem(path)
        info = filesystem.get_file_info(inside)
        return [path, info.size or 0, info.mtime_ns if info.mtime_ns is not None else _GONE]
    try:
        stat = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return [path, 0, _GONE]
    return [path, 0 if path.endswith("/") else stat.st_size, stat.st_mtime_ns]


def tree_of(url: str) -> tuple[int, int]:
    """How many objects there are below a URL, and a number that stands for their names, sizes and times."""
    from pyarrow.fs import FileSelector

    filesystem, inside = open_filesystem(url)
    infos = filesystem.get_file_info(FileSelector(inside, recursive=True))
    total = sum(hashed_number(f"{info.path}\0{info.size}\0{info.mtime_ns}") for info in infos)
    return len(infos), total % 2**62


def is_folder(path: str) -> bool:
    return path.endswith("/") and not is_url(path)


def sha256_of(path: str) -> str:
    """Of a file's content. What is no file of this machine has none: "-"."""
    if path.endswith("/") or is_url(path) or not os.path.isfile(path):
        return "-"
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
