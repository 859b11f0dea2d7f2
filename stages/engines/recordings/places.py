"""The file that a clip is in: below its source's root folder, or at a URL; and whose fault it is where it can't be read.

A file that isn't there is a verdict on its row. A folder, a mount, a bucket or a network that isn't there is none: the row
is tried again.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from voxsmith.schemas.clip_reference import ClipReference, is_url
from voxsmith.stages.engines.base import Refused, Unavailable

# A clip's address may come from a stranger's manifest: it may not lead to this machine's files.
REMOTE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hf", "http", "https", "oci", "memory")
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)


class State(NamedTuple):
    """What a file is known again by; None and "" where nobody knows."""

    size: int | None
    time_ns: int | None = None
    etag: str = ""


@dataclass(frozen=True)
class Place:
    """Where the file is: a path of this machine, or a URL."""

    address: str
    root: str

    @property
    def shown(self) -> str:
        """The address as people may see it: what follows a `?` may be a key."""
        return self.address.partition("?")[0] if is_url(self.address) else self.address


def place_of(reference: ClipReference, source: str, roots: dict[str, str]) -> Place:
    """Raises Unavailable where nobody knows the source's root, Refused for a URL that no clip may have."""
    root = roots.get(source, "")
    if is_url(reference.path):
        scheme = reference.path.partition("://")[0]
        if scheme not in REMOTE:
            raise Refused("bad_reference", f"a clip can't be read from {scheme[:40]}://; known: {', '.join(REMOTE)}")
        return Place(reference.path, "")
    if not root:
        raise Unavailable(f"the source '{source}' has no folder that its clips lie in")
    return Place(f"{root.rstrip('/')}/{reference.path}", root)


@contextmanager
def opened(place: Place, expected: State) -> Iterator[tuple[BinaryIO, State]]:
    """The file, open, and what it is known by. Raises Refused (`missing_file`, `changed_file`), Unavailable."""
    with _remote(place) if is_url(place.address) else _local(place) as (file, state):
        refuse_changed(place, expected, state)
        yield file, state


def refuse_changed(place: Place, expected: State, state: State) -> None:
    """Raises Refused where the file isn't the one that was listed."""
    pairs = (
        ("size", expected.size, state.size),
        ("time", expected.time_ns, state.time_ns),
        ("etag", expected.etag or None, state.etag or None),
    )
    for name, listed, now in pairs:
        if listed is not None and now is not None and listed != now:
            raise Refused(
                "changed_file",
                f"{place.shown} is not the file that was listed: its {name} was {listed} and is {now}; "
                "list the source again, or put the file back and run with --retry-rejects changed_file",
            )


@contextmanager
def _local(place: Place) -> Iterator[tuple[BinaryIO, State]]:
    path = place.address
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("missing_file", f"{path} is no file")
        file = open(path, "rb")  # noqa: SIM115 (closed below; what the block raises is none of these errors)
    except (OSError, ValueError) as error:
        raise _verdict(place, error) from None
    with file:
        status = os.fstat(file.fileno())
        yield file, State(status.st_size, status.st_mtime_ns)


def _verdict(place: Place, error: OSError | ValueError) -> Exception:
    """A file that isn't there is the row's fault, if its source's folder is there and has anything in it."""
    if isinstance(error, OSError) and error.errno not in _NO_FILE:
        return Unavailable(f"{place.shown} can't be read now: {error.strerror or error}")
    try:
        empty = next(iter(os.scandir(place.root)), None) is None
    except OSError as gone:
        return Unavailable(
            f"the folder of its source can't be read: {place.root}: {gone.strerror}; is its disk mounted?"
        )
    if empty:
        return Unavailable(f"the folder of its source is empty: {place.root}; is its disk mounted?")
    return Refused("missing_file", f"there is no file {place.shown}")


@contextmanager
def _remote(place: Place) -> Iterator[tuple[BinaryIO, State]]:
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(place.address)
        entry = filesystem.info(path)
        file = filesystem.open(path, "rb")
    except FileNotFoundError:
        raise _remote_verdict(place) from None
    except Exception as error:  # each file system has errors of its own: network, keys, a package that isn't there
        raise Unavailable(f"{place.shown} can't be read now: {_line(error)}") from None
    with file:
        yield file, State(entry.get("size"), None, _etag(entry))


def _remote_verdict(place: Place) -> Exception:
    """Whether the file alone is missing, or all that it is in."""
    from fsspec.core import url_to_fs

    top = place.root or "/".join(place.address.split("/")[:3])
    try:
        if place.address.startswith("http"):  # a server lists nothing
            return Refused("missing_file", f"there is no file {place.shown}")
        filesystem, path = url_to_fs(top)
        if not filesystem.exists(path):
            return Unavailable(
                f"there is no {top.partition('?')[0]}: is the bucket or folder there, and may you read it?"
            )
    except Exception as error:  # as above
        return Unavailable(f"{place.shown} can't be read now: {_line(error)}")
    return Refused("missing_file", f"there is no file {place.shown}")


def _etag(entry: dict[str, Any]) -> str:
    return str(entry.get("ETag") or entry.get("etag") or "").strip('"')


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
