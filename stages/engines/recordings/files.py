"""A file that is open for reading at any place, here or in an object store, by several threads at a time."""

import errno
import io
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, BinaryIO

from voxsmith.schemas.clip_reference import is_url
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.recordings.places import Place, State

_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)


class OpenFile(ABC):
    """`place`: where it is. `state`: what the file was known by when it was opened."""

    place: Place
    state: State
    ahead: int  # bytes that are read at once where a library asks for few

    @property
    def size(self) -> int:
        return self.state.size or 0

    @abstractmethod
    def read_at(self, start: int, count: int) -> bytes:
        """The bytes from there on, fewer at the file's end. Raises Unavailable."""

    @abstractmethod
    def close(self) -> None: ...


class LocalFile(OpenFile):
    ahead = 1 << 15

    def __init__(self, place: Place) -> None:
        self.place = place
        try:
            if not stat.S_ISREG(os.stat(place.address).st_mode):  # a pipe would wait for ever
                raise Refused("missing_file", f"{place.shown} is no file")
            self._handle = os.open(place.address, os.O_RDONLY)
            self.state = _state(os.fstat(self._handle))
        except (OSError, ValueError) as error:
            raise _verdict(place, error) from None

    def read_at(self, start: int, count: int) -> bytes:
        parts: list[bytes] = []
        try:
            while count > 0 and (part := os.pread(self._handle, count, start)):
                parts.append(part)
                start, count = start + len(part), count - len(part)
        except OSError as error:
            raise Unavailable(f"{self.place.shown} can't be read now: {error.strerror}") from None
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._handle)


class RemoteFile(OpenFile):
    ahead = 1 << 18

    def __init__(self, place: Place) -> None:
        from fsspec.core import url_to_fs

        self.place = place
        try:
            self._store, self._path = url_to_fs(place.address)
            entry = self._store.info(self._path)
        except FileNotFoundError:
            raise _remote_verdict(place) from None
        except Exception as error:  # each file system has errors of its own: network, keys, a package that isn't there
            raise _not_now(place, error) from None
        if entry.get("type") == "directory":
            raise Refused("missing_file", f"{place.shown} is no file")
        etag = str(entry.get("ETag") or entry.get("etag") or "").strip('"')
        self.state = State(entry.get("size"), None, etag)

    def read_at(self, start: int, count: int) -> bytes:
        end = start + count if self.state.size is None else min(start + count, self.size)
        if start >= end:
            return b""
        try:
            data: bytes = self._store.cat_file(self._path, start=start, end=end)
        except Exception as error:  # as above
            raise _not_now(self.place, error) from None
        if len(data) < end - start and self.state.size is not None:
            raise Unavailable(f"{self.place.shown}: the connection broke off")
        return data

    def close(self) -> None:
        pass


def state_now(place: Place) -> State | None:
    """What the file is known by now; None where that is dear to ask. Raises Refused `missing_file`, Unavailable."""
    if is_url(place.address):
        return None
    try:
        return _state(os.stat(place.address))
    except (OSError, ValueError) as error:
        raise _verdict(place, error) from None


def open_file(place: Place) -> OpenFile:
    """Raises Refused `missing_file`, Unavailable."""
    return RemoteFile(place) if is_url(place.address) else LocalFile(place)


class Part(io.RawIOBase):
    """Bytes of a file as a file of their own. A library's callback can raise nothing: what went wrong is in `failed`."""

    def __init__(self, read_at: Callable[[int, int], bytes], start: int, size: int) -> None:
        self._read_at, self._start, self._size, self._at = read_at, start, size, 0
        self.failed: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        try:
            data = self._read_at(self._start + self._at, count) if count else b""
        except Exception as error:  # whatever a store raises
            self.failed = error
            return 0
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def buffered(part: Part, ahead: int) -> BinaryIO:
    return io.BufferedReader(part, ahead)


def _state(status: os.stat_result) -> State:
    return State(status.st_size, status.st_mtime_ns)


def _verdict(place: Place, error: OSError | ValueError) -> Exception:
    """A file that isn't there is the row's fault, if its source's folder is there and has anything in it."""
    if isinstance(error, OSError) and error.errno not in _NO_FILE:
        return Unavailable(f"{place.shown} can't be read now: {error.strerror or error}")
    try:
        with os.scandir(place.root) as entries:
            empty = next(entries, None) is None
    except OSError as gone:
        return Unavailable(
            f"the folder of its source can't be read: {place.root}: {gone.strerror}; is its disk mounted?"
        )
    if empty:
        return Unavailable(f"the folder of its source is empty: {place.root}; is its disk mounted?")
    return Refused("missing_file", f"there is no file {place.shown}")


def _remote_verdict(place: Place) -> Exception:
    """Whether the file alone is missing, or all that it is in."""
    from fsspec.core import url_to_fs

    top = place.root or "/".join(place.address.split("/")[:3])
    try:
        if not place.address.startswith("http"):  # a web server lists nothing
            store, path = url_to_fs(top)
            if not store.exists(path):
                return Unavailable(f"there is no {top.partition('?')[0]}: is it there, and may you read it?")
    except Exception as error:  # as above
        return _not_now(place, error)
    return Refused("missing_file", f"there is no file {place.shown}")


def _not_now(place: Place, error: Exception) -> Unavailable:
    why = " ".join(str(error).split())[:300] or type(error).__name__
    return Unavailable(f"{place.shown} can't be read now: {why}")
