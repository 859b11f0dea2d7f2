"""The members of a tar, one after the other, and where their bytes are: what they hold is passed over, not read.

Who lists a corpus and who reads its clips walk by this one way, so that both say the same of a tar.
"""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

_LARGEST = 1 << 26  # bytes that are read at once: no name takes more
_BLOCK = 512  # bytes of a header
_PADDING = 20 * _BLOCK  # bytes of zeros that tars are filled up to
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
# What tarfile raises for headers that it was not made for: an endless row of extended ones, numbers that are none.
_FAULTS = (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError)


class Member(NamedTuple):
    """A file in a tar: `size` bytes from `start`. `again`: one before it has its name, and a member is found by its name."""

    name: str
    start: int
    size: int
    again: bool


class BrokenTar(Exception):
    """What can't be read as a tar any further: the members before it are whole. `member`: the one that is cut, "" where
    nobody knows; `complete`: none is, all up to the tar's end were there.
    """

    def __init__(self, message: str, member: str = "", complete: bool = False) -> None:
        super().__init__(message)
        self.member, self.complete = member, complete


def members(stream: BinaryIO) -> Iterator[Member]:
    """The files in the tar, in order, all of whose bytes are there; links, folders and sparse files are passed over. One is
    in memory at a time, and a number for each name. The stream may be read elsewhere meanwhile.

    Raises BrokenTar where it is no tar, is packed, breaks off, or goes on behind its end; what the stream raises.
    """
    stream.seek(0)
    if stream.read(5).startswith(_PACKED):
        raise BrokenTar("is packed as a whole, and a clip of it can't be read alone; unpack it (gunzip, zstd -d)")
    end = stream.seek(0, 2)
    stream.seek(0)
    names: set[int] = set()
    try:
        with tarfile.open(fileobj=cast(BinaryIO, _Bounded(stream)), mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
                name = info.name.removeprefix("./")
                if not info.isreg() or info.issparse():
                    continue
                if info.offset_data + info.size > end:
                    raise BrokenTar(f"breaks off at byte {end}, within '{name[:200]}'; fetch it again", name)
                known = hash(name)
                yield Member(name, info.offset_data, info.size, known in names)
                names.add(known)
            _check_end(stream, tar.offset, end)  # where tarfile took the end to be
    except _FAULTS as error:
        line = " ".join(str(error).split())[:200]
        raise BrokenTar(f"is no tar, or is cut: {line}; fetch it again") from None


def _check_end(stream: BinaryIO, at: int, end: int) -> None:
    stream.seek(at)
    rest = stream.read(_PADDING)
    if rest[:_BLOCK].strip(b"\0"):
        raise BrokenTar(f"is no tar, or is cut: what stands at byte {at} of {end} is no header; fetch it again")
    if rest.strip(b"\0"):
        more = at + len(rest) - len(rest.lstrip(b"\0"))
        why = f"ends at byte {at}, and goes on at byte {more}: of several tars in one the first is read"
        raise BrokenTar(why, complete=True)


class _Bounded:
    """A stream that reads no more at once than any name needs, whatever a header claims."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        return self._stream.read(size)
