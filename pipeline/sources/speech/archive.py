"""The members of a tar, one after the other; what a clip holds is passed over, not read."""

import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, NamedTuple, cast

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.objects import opened_url
from voxsmith.schemas.clip_reference import is_url

_LARGEST = 1 << 26  # bytes that are read at once: a name, or a member that is text
_BLOCK = 512  # bytes of a header
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class Member(NamedTuple):
    """A file in a tar. `text` gives its content; bytes that aren't UTF-8 come out as lone surrogates."""

    name: str
    size: int
    text: Callable[[], str]


def opened(file: str) -> BinaryIO:
    """A file of this machine, or an object. Raises OSError; for an object RecipeError, RunFailed."""
    return opened_url(file) if is_url(file) else open(file, "rb")


def members(stream: BinaryIO, name: str) -> Iterator[Member]:
    """The files of the tar in `stream`, in order; `name` is for messages. One is in memory at a time.

    Raises RecipeError where it is no tar, is packed, or is cut: what lies behind the cut can't be known.
    """
    if stream.read(5).startswith(_PACKED):
        raise RecipeError(
            f"{name}: is packed as a whole, and a clip of it can't be read alone; unpack it (gunzip, zstd -d)"
        )
    stream.seek(0)
    try:
        with tarfile.open(fileobj=cast(BinaryIO, _Bounded(stream)), mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
                if info.isreg() and not info.issparse():
                    yield Member(info.name.removeprefix("./"), info.size, partial(_text, tar, info))
            stream.seek(tar.offset)  # where tarfile took the end to be
            if stream.read(_BLOCK).strip(b"\0"):
                raise tarfile.ReadError(f"what stands at byte {tar.offset} is no header")
    except tarfile.TarError as error:
        raise RecipeError(f"{name}: is no tar, or is cut: {error}; fetch it again") from None


def _text(tar: tarfile.TarFile, info: tarfile.TarInfo) -> str:
    stream = tar.extractfile(info)
    assert stream is not None
    return stream.read(_LARGEST).decode("utf-8", "surrogateescape")


class _Bounded:
    """A stream that reads no more at once than any name or text needs, whatever a header claims."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        return self._stream.read(size)
