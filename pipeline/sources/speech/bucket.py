"""A folder of recorded speech in an object store: what fsspec opens. Paths are kept inside as on a disk."""

import io
import posixpath
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TextIO, cast

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.record.objects import Object, object_of, opened_url, store_of
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.folder import Branch, File, Folder
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.text import clean

_FOLDERS = 64  # whose objects are remembered: a manifest's clips lie side by side


class Bucket(Folder):
    """A prefix of an object store. Objects are looked up a folder at a time, not one by one: a request each would take days."""

    def __init__(self, url: str, watch: Watch) -> None:
        """Raises RecipeError where fsspec knows no such address, or lacks the package for it."""
        self.path = url.rstrip("/")
        self._watch = watch
        self._store, self._inside = store_of(self.path)
        self._tree: dict[str, dict[str, Object]] | None = None
        self._listed = lru_cache(_FOLDERS)(self._list)

    def locate(self, path: str, base: str = "", suffixes: tuple[str, ...] = ()) -> File:
        """As a Folder's; `path` and `base` may be URLs that lead into this one."""
        full = posixpath.join(self._relative(base), self._relative(path))
        inside = posixpath.normpath(full)
        if full.startswith("/") or inside.split("/")[0] in ("..", "") or is_url(full):
            raise Unfit(
                "outside_root", f"'{path[:200]}' leads out of {self.path}; name what the clips lie in as 'clips'"
            )
        if "\0" in inside or clean(inside) != inside:
            raise Unfit("bad_name", "the name of the clip's file isn't UTF-8, or holds NUL; give it another")
        parent, _, name = inside.rpartition("/")
        there = self._tree.get(parent, {}) if self._tree is not None else self._listed(parent)
        for suffix in suffixes or ("",):
            if (entry := there.get(name + suffix)) is not None:
                return File(inside + suffix, entry.size, None, entry.etag)
        raise Unfit("missing_clip", f"there is no object '{inside}{'|'.join(suffixes)}' in {self.path}")

    def open(self, path: str) -> TextIO:
        url = self.name_of(path)
        self._watch.file(url)
        stream = opened_url(url)
        return cast(TextIO, io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape"))

    def has(self, path: str) -> bool:
        try:
            return bool(self._store.exists(f"{self._inside}/{path}"))
        except Exception as error:  # each store has errors of its own
            raise RunFailed(f"{self.name_of(path)}: {error}; the same command tries again") from None

    def name_of(self, path: str) -> str:
        return f"{self.path}/{path}"

    def walk(self, below: str = "") -> Iterator[Branch]:
        """As a Folder's. All is listed at once: some hundred bytes of memory an object."""
        if self._tree is None:
            self._tree = self._whole()
        for path in sorted(self._tree):
            if path == below or not below or path.startswith(f"{below}/"):
                yield Branch(path, sorted(self._tree[path]))

    def _whole(self) -> dict[str, dict[str, Object]]:
        tree: dict[str, dict[str, Object]] = {}
        for path, one in self._watch.tree(self.path).items():
            parent, _, name = path.rpartition("/")
            if not any(part.startswith(".") for part in path.split("/")):
                tree.setdefault(parent, {})[name] = one
        if not tree:
            raise RecipeError(f"{self.path}: nothing is there")
        return tree

    def _relative(self, path: str) -> str:
        if path.rstrip("/") == self.path:
            return ""
        return path.removeprefix(f"{self.path}/")

    def _list(self, folder: str) -> dict[str, Object]:
        prefix = f"{self._inside}/{folder}".rstrip("/")
        try:
            entries: list[dict[str, Any]] = self._store.ls(prefix, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except Exception as error:  # each store has errors of its own
            raise RunFailed(f"{self.path}/{folder}: {error}; the same command tries again") from None
        files = (entry for entry in entries if entry.get("type") == "file")
        return {entry["name"].rpartition("/")[2]: object_of(entry) for entry in files}


def root_of(place: str, watch: Watch) -> Folder:
    """What a source's clips lie in, on a disk or in an object store."""
    return Bucket(place, watch) if is_url(place) else Folder(place, watch)
