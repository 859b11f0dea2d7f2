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
from collections.abc import Mapping
from typing import Any

from voxsmith.pipeline.sources.record.objects import Object, info_of, tree_below
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.hashing import hashed_number
from voxsmith.schemas.text import clean

_MOST = 200_000  # folders that are looked at; where clips lie in more, only some of them tell that a clip came or went
UNREAD = "unread"  # for a sha256
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

    def unread(self, path: str) -> None:
        """A file that is large, and of which little is read: its size and time are all that it is known by."""
        if path not in self._noted and clean(path) == path:
            self._noted[path] = [*stat_of(path), UNREAD]

    def folder(self, path: str) -> None:
        """A folder of this machine, there or not."""
        key = f"{path.rstrip('/')}/"
        if key not in self._noted and len(self._noted) < _MOST and clean(path) == path:
            self._noted[key] = [*stat_of(key), ""]

    def tree(self, url: str) -> dict[str, Object]:
        """All that is below a URL, by its path from there."""
        objects = tree_below(url)
        self._noted[f"{url}/"] = [f"{url}/", len(objects), _digest(objects), ""]
        return objects

    @property
    def noted(self) -> list[list[Any]]:
        return list(self._noted.values())


def stat_of(path: str) -> Stat:
    """The file, folder or object as it is now. Raises OSError where that can't be had."""
    if is_url(path) and path.endswith("/"):
        objects = tree_below(path.rstrip("/"))
        return [path, len(objects), _digest(objects)]
    if is_url(path):
        one = info_of(path)
        return [path, 0, _GONE] if one is None else [path, one.size or 0, one.version]
    try:
        stat = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return [path, 0, _GONE]
    return [path, 0 if path.endswith("/") else stat.st_size, stat.st_mtime_ns]


def _digest(objects: Mapping[str, Object]) -> int:
    """A number that stands for names, sizes and versions, in whatever order they come."""
    return sum(hashed_number(f"{name}\0{one.size}\0{one.version}") for name, one in objects.items()) % 10**15


def sha256_of(path: str) -> str:
    """Of a file's content. What is no file of this machine has none: "-"."""
    if path.endswith("/") or is_url(path) or not os.path.isfile(path):
        return "-"
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
