"""A folder or an object store as a place to publish to: s3://, gs://, whatever the store itself may be.

Object stores have checksums of different kinds, so those of the files are kept beside them, in SHA256SUMS (`sha256sum
--check` reads it): a file counts as sent where its size and its line there are right. What is about to be sent is announced
in it, in comments, so that whatever a kill leaves is known as ours. Files that are not are never written over.
"""

import hashlib
import io
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit, urlunsplit

import pyarrow.fs as pafs

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.export.names import CARD
from voxsmith.pipeline.publish.files import ReadyFile, There, small
from voxsmith.pipeline.publish.retry import patiently
from voxsmith.pipeline.secrets import secrets_here
from voxsmith.pipeline.store.store import json_object, open_filesystem

Reply = TypeVar("Reply")

SUMS = "SHA256SUMS"
# A line of it; sha256sum marks files that it read as binary with *.
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_HEADER, _COMING = "# written by voxsmith publish", "# on its way: "
_UNKNOWN = "0" * 64
_CHUNK = 8 * 2**20  # bytes


def address(url: str) -> str:
    """The URL without what may be secret in it."""
    parts = urlsplit(url)
    if "://" not in url:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


class Bucket:
    """A prefix in an object store, or a folder. `say` gets sentences for people about what is being waited for."""

    keeps_old = False

    def __init__(self, url: str, say: Callable[[str], None]) -> None:
        """Raises RecipeError where the URL can't be opened."""
        self.where = self.name = address(url)
        try:
            self._fs, self._root = open_filesystem(url)
        except (OSError, ValueError, ImportError) as error:
            raise RecipeError(f"--to {self.where}: {secrets_here().hide(str(error))}") from None
        self._local = isinstance(self._fs, pafs.LocalFileSystem)
        self._say = say
        self._text = ""  # of SHA256SUMS as it is there
        self._sizes: dict[str, int] = {}  # of all files that are there
        self._sums: dict[str, str] = {}  # of those that a publication sent
        self._others: dict[str, str] = {}  # of those that somebody else listed
        self._announced: set[str] = set()

    def load(self, split: str, files: str, form: str) -> str:
        what = f'load_dataset("{form}", data_files="{self.where}/{files}", split="train")'
        return f"from datasets import load_dataset\n\nrow = {what}[0]"

    def listing(self) -> dict[str, There]:
        """Size and sha256 of each file that is there and named in SHA256SUMS."""

        def ask() -> dict[str, int]:
            selector = pafs.FileSelector(self._root, recursive=True, allow_not_found=True)
            infos = [info for info in self._fs.get_file_info(selector) if info.is_file]
            return {info.path[len(self._root) :].lstrip("/"): info.size for info in infos}

        self._sizes = self._asked("listing", ask)
        text = self._text = self._asked(f"reading {SUMS}", lambda: self._read(SUMS)) if SUMS in self._sizes else ""
        self._announced = {line.removeprefix(_COMING) for line in text.splitlines() if line.startswith(_COMING)}
        lines = (_LINE.fullmatch(line) for line in text.splitlines())  # somebody else's may look otherwise
        sums = {line[2]: line[1] for line in lines if line and line[2] in self._sizes}
        sums |= dict.fromkeys(self._announced & self._sizes.keys(), _UNKNOWN)  # a kill may have left them old or new
        is_ours = text.startswith(_HEADER) or self._corpus(sums) is not None
        self._sums, self._others = (sums, {}) if is_ours else ({}, sums)
        return {name: There(self._sizes[name], sha256) for name, sha256 in self._sums.items()}

    def check(self, names: list[str], corpus: str) -> None:
        """See `Place.check`. Deletes what a killed publication has half written."""
        for name in (SUMS, *self._announced):
            if self._local and f"{name}.writing" in self._sizes:
                self._delete(f"{name}.writing")
        for name in names:
            if name in self._sizes and name not in self._sums:
                raise RecipeError(
                    f"--to {self.where}: {name} is there, and no publication wrote it; name another place"
                )
        other = self._corpus(self._sums)
        if other not in (None, corpus):
            raise RecipeError(f"--to {self.where}: the corpus '{other}' is published there; name another place")
        if self._sums.get(CARD, _UNKNOWN) != _UNKNOWN and self._sha256(CARD) != self._sums[CARD]:
            raise RecipeError(
                f"--to {self.where}: {CARD} was edited since it was published, and would be written over; move it away, or "
                "name another place"
            )
        if self._local:
            self._check_links(names)

    def put(self, files: list[ReadyFile], gone: list[str], message: str) -> None:
        """Copy one file after the other, and write SHA256SUMS after each, so that a kill costs one file. Without files that
        puts right what a kill left in it.
        """
        coming = [file.name for file in files]
        if files:
            self._note(self._sums, coming)
        for number, file in enumerate(files, 1):
            self._asked(f"{message}: {file.name}", lambda file=file: self._copy(file))  # type: ignore[misc]
            self._note(self._sums | {file.name: file.sha256}, coming[number:])
        for name in gone:
            self._asked(f"deleting {name}", lambda name=name: self._delete(name))  # type: ignore[misc]
        # Only after the files: what a kill leaves there is still listed as ours, and is deleted the next time.
        self._note({name: sha256 for name, sha256 in self._sums.items() if name not in gone}, [])

    def _note(self, sums: dict[str, str], coming: list[str]) -> None:
        self._sums = sums
        lines = [_HEADER, *(f"{_COMING}{name}" for name in coming)]
        lines += [f"{sha256}  {name}" for name, sha256 in sorted((self._others | sums).items())]
        text = "".join(f"{line}\n" for line in lines)
        if text != self._text:
            data = text.encode(errors="surrogateescape")
            self._asked(f"writing {SUMS}", lambda: self._copy(small(SUMS, data)))
            self._text = text

    def _corpus(self, sums: Mapping[str, str]) -> str | None:
        """The name of the corpus that a publication has left there; None where it left no manifest, or what is there is
        somebody else's.
        """
        if "manifest.json" not in sums:
            return None
        manifest = json_object(self._asked("reading manifest.json", lambda: self._bytes("manifest.json"))) or {}
        return str(manifest["name"]) if {"name", "recipe_digest"} <= manifest.keys() else None

    def _sha256(self, name: str) -> str:
        return hashlib.sha256(self._asked(f"reading {name}", lambda: self._bytes(name))).hexdigest()

    def _check_links(self, names: list[str]) -> None:
        root = os.path.realpath(self._root)
        for folder in sorted({name.rpartition("/")[0] for name in names}):
            if os.path.realpath(f"{self._root}/{folder}") != os.path.normpath(f"{root}/{folder}"):
                raise RecipeError(f"--to {self.where}: {folder} is a link to another place; name another folder")

    def _copy(self, file: ReadyFile) -> None:
        place = f"{self._root}/{file.name}"
        fresh = f"{place}.writing" if self._local else place  # an object appears when it is whole, a file by its rename
        if self._local:
            self._fs.create_dir(place.rpartition("/")[0], recursive=True)
        sha256 = hashlib.sha256()
        with _reader(file) as source, self._fs.open_output_stream(fresh) as sink:
            while chunk := source.read(_CHUNK):
                sha256.update(chunk)
                sink.write(chunk)
        if sha256.hexdigest() != file.sha256:
            raise RunFailed(
                f"{file.name} changed while it was sent: is an export running? Run the same command after it"
            )
        if self._local:
            self._fs.move(fresh, place)

    def _read(self, name: str) -> str:
        return self._bytes(name).decode(errors="surrogateescape")

    def _bytes(self, name: str) -> bytes:
        with self._fs.open_input_stream(f"{self._root}/{name}") as file:
            return bytes(file.read())

    def _delete(self, name: str) -> None:
        """Delete a file; that it is gone already is no error: another process may have been first."""
        with suppress(FileNotFoundError):
            self._fs.delete_file(f"{self._root}/{name}")

    def _asked(self, what: str, call: Callable[[], Reply]) -> Reply:
        try:
            return patiently(what, call, self._say)
        except OSError as error:
            raise RunFailed(f"{what}: {' '.join(str(error).split())}") from None


def _reader(file: ReadyFile) -> BinaryIO:
    return io.BytesIO(file.data) if isinstance(file.data, bytes) else file.data.open("rb")
