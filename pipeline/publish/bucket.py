"""A folder or an object store as a place to publish to: s3://, gs://, whatever the store itself may be.

Object stores have checksums of different kinds, so those of the files are kept beside them, in SHA256SUMS (`sha256sum
--check` reads it): a file counts as sent where its size and its line there are right.
"""

import hashlib
import io
import re
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit, urlunsplit

import pyarrow.fs as pafs

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.publish.files import ReadyFile, There, small
from voxsmith.pipeline.publish.retry import patiently
from voxsmith.pipeline.store.store import open_filesystem

Reply = TypeVar("Reply")

SUMS = "SHA256SUMS"
# A line of it; sha256sum marks files that it read as binary with *.
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CHUNK = 8 * 2**20  # bytes


def address(url: str) -> str:
    """The URL without what may be secret in it."""
    parts = urlsplit(url)
    if "://" not in url:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


class Bucket:
    """A prefix in an object store, or a folder. `say` gets sentences for people about what is being waited for."""

    def __init__(self, url: str, say: Callable[[str], None]) -> None:
        """Raises RecipeError where the URL can't be opened."""
        self.where = address(url)
        try:
            self._fs, self._root = open_filesystem(url)
        except (OSError, ValueError, ImportError) as error:
            raise RecipeError(f"--to {self.where}: {error}") from None
        self._local = isinstance(self._fs, pafs.LocalFileSystem)
        self._say = say
        self._sums: dict[str, str] = {}

    def load(self, split: str, files: str, form: str) -> str:
        what = f'load_dataset("{form}", data_files="{self.where}/{files}", split="train")'
        return f"from datasets import load_dataset\n\nrow = {what}[0]"

    def listing(self) -> dict[str, There]:
        """Size and sha256 of each file that is there and named in SHA256SUMS."""

        def ask() -> dict[str, int]:
            selector = pafs.FileSelector(self._root, recursive=True, allow_not_found=True)
            infos = [info for info in self._fs.get_file_info(selector) if info.is_file]
            return {info.path[len(self._root) :].lstrip("/"): info.size for info in infos}

        sizes = self._asked("listing", ask)
        text = self._asked(f"reading {SUMS}", lambda: self._read(SUMS)) if SUMS in sizes else ""
        lines = (_LINE.fullmatch(line) for line in text.splitlines())  # somebody else's may look otherwise
        self._sums = {line[2]: line[1] for line in lines if line and line[2] in sizes}
        return {name: There(sizes[name], sha256) for name, sha256 in self._sums.items()}

    def put(self, files: list[ReadyFile], gone: list[str], message: str) -> None:
        """Copy one file after the other, and write SHA256SUMS after each, so that a kill costs one file."""
        for file in files:
            self._asked(f"{message}: {file.name}", lambda file=file: self._copy(file))  # type: ignore[misc]
            self._note(self._sums | {file.name: file.sha256})
        for name in gone:
            self._asked(f"deleting {name}", lambda name=name: self._delete(name))  # type: ignore[misc]
        # Only after the files: what a kill leaves there is still listed as ours, and is deleted the next time.
        if gone:
            self._note({name: sha256 for name, sha256 in self._sums.items() if name not in gone})

    def _note(self, sums: dict[str, str]) -> None:
        self._sums = sums
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
        self._asked(f"writing {SUMS}", lambda: self._copy(small(SUMS, lines.encode(errors="surrogateescape"))))

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
        with self._fs.open_input_stream(f"{self._root}/{name}") as file:
            return bytes(file.read()).decode(errors="surrogateescape")

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
