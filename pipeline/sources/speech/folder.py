"""The folder that a source's clips lie in, on a disk of this machine: nothing outside of it is looked at."""

import os
import stat as modes
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, TextIO

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.text import clean

_FOLDERS = 1 << 14  # whose real places are remembered


class File(NamedTuple):
    """A clip's file: its path below the root, POSIX; bytes; time of change in nanoseconds; an object's etag."""

    path: str
    size: int | None
    time_ns: int | None
    etag: str = ""


class Branch(NamedTuple):
    """A folder of a tree: its path below the root ("" for the root), and the names of its files, sorted."""

    path: str
    files: list[str]


class Folder:
    """A folder with recorded speech in it. `where`: for messages."""

    def __init__(self, path: str, watch: Watch) -> None:
        self.path = os.path.abspath(path)
        self._real = os.path.realpath(self.path)
        self._watch = watch
        self._is_inside = lru_cache(_FOLDERS)(self._look)

    def locate(self, path: str, base: str = "", suffixes: tuple[str, ...] = ()) -> File:
        """The file of a clip. `path` may be absolute where it leads into this folder; a relative one starts at `base`.

        Raises Unfit (bad_name, outside_root, missing_clip), RunFailed where the disk can't say.
        """
        if is_url(path):
            raise Unfit("outside_root", f"'{path[:200]}' is a URL, and the clips lie in {self.path}")
        full = os.path.normpath(os.path.join(self.path, base, path))
        inside = self._below(full, path)
        stat = None
        for suffix in suffixes or ("",):
            try:
                if (stat := self._stat(full + suffix)) is not None:
                    return File(inside + suffix, stat.st_size, stat.st_mtime_ns)
            except (ValueError, OSError) as error:
                raise _unreadable(full + suffix, error) from None
        shown = inside + (f"{{{','.join(suffixes)}}}" if len(suffixes) > 1 else "".join(suffixes))
        raise Unfit("missing_clip", f"there is no file '{shown}' in {self.path}")

    def open(self, path: str) -> TextIO:
        """A text of the tree. Bytes that aren't UTF-8 come out as lone surrogates. Raises OSError; RecipeError for a link that
        leads out."""
        full = os.path.join(self.path, path)
        try:
            if self._stat(full) is None:
                raise FileNotFoundError(2, "no such file", full)
        except Unfit as unfit:
            raise RecipeError(f"{unfit.message}; it is not read") from None
        self._watch.file(full)
        return open(full, encoding="utf-8-sig", errors="surrogateescape")

    def has(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        full = os.path.join(self.path, path)
        self._watch.folder(os.path.dirname(full))
        return os.path.exists(full)

    def name_of(self, path: str) -> str:
        """What people find it by."""
        return os.path.join(self.path, path)

    def walk(self, below: str = "") -> Iterator[Branch]:
        """The folder, or the one `below` it, and all in it, by name; what hides is left out. Links of folders are followed
        where they stay inside, each once. Raises RunFailed for one that leads out, or that can't be looked into.
        """
        seen: set[str] = set()
        waiting = [os.path.join(self.path, below) if below else self.path]
        while waiting:
            folder = waiting.pop()
            real = os.path.realpath(folder)
            if real in seen:
                continue
            seen.add(real)
            if not self._contains(real):
                raise RunFailed(
                    f"{folder}: is a link that leads out of {self.path}; name the folder that both lie in as 'path'"
                )
            self._watch.folder(folder)
            try:
                with os.scandir(folder) as entries:
                    names = [(entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")]
            except OSError as error:
                raise RunFailed(f"{folder}: can't be listed: {error.strerror or error}") from None
            names.sort()
            path = os.path.relpath(folder, self.path)
            yield Branch("" if path == "." else path, [name for name, is_folder in names if not is_folder])
            waiting += [os.path.join(folder, name) for name, is_folder in reversed(names) if is_folder]

    def _below(self, full: str, path: str) -> str:
        """The path below the root. Raises Unfit."""
        for root in (self.path, self._real):
            if full.startswith(root.rstrip("/") + "/"):
                inside = full[len(root.rstrip("/")) + 1 :]
                if "\0" in inside or clean(inside) != inside:
                    raise Unfit("bad_name", "the name of the clip's file isn't UTF-8, or holds NUL; give it another")
                return inside
        raise Unfit(
            "outside_root", f"'{path[:200]}' leads out of {self.path}; name the folder that the clips lie in as 'clips'"
        )

    def _stat(self, full: str) -> os.stat_result | None:
        """The file's, or None where there is none. Raises Unfit for one that lies elsewhere."""
        parent = os.path.dirname(full)
        if not self._is_inside(parent):
            raise Unfit("outside_root", f"'{full}' lies behind a link that leads out of {self.path}")
        try:
            stat = os.lstat(full)
            if modes.S_ISLNK(stat.st_mode):
                if not self._contains(os.path.realpath(full)):
                    raise Unfit("outside_root", f"'{full}' is a link that leads out of {self.path}")
                stat = os.stat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return stat if modes.S_ISREG(stat.st_mode) else None

    def _look(self, parent: str) -> bool:
        self._watch.folder(parent)
        return self._contains(os.path.realpath(parent))

    def _contains(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip("/") + "/")


def _unreadable(path: str, error: Exception) -> Exception:
    """What can be no file's name is the row's fault; what else the system says is the disk's."""
    if isinstance(error, OSError) and error.errno not in _NO_NAME:
        return RunFailed(f"{path}: {error.strerror or error}; the same command tries again")
    return Unfit("bad_name", f"'{path[:200]}' can't be a file's name")


_NO_NAME = (22, 36, 40)  # EINVAL, ENAMETOOLONG, ELOOP: links in a circle
