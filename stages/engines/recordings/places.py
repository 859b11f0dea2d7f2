"""Where the file of a clip is: below its source's root folder, or at a URL; and what the file is known by.

A file that isn't there is a verdict on its row. A folder, a mount, a bucket or a network that isn't there is none: the row
is tried again.
"""

from dataclasses import dataclass
from typing import NamedTuple

from voxsmith.schemas.clip_reference import ClipReference, is_url
from voxsmith.stages.engines.base import Refused, Unavailable

# A clip's address may come from a stranger's manifest: it may not lead to this machine's files.
REMOTE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hf", "http", "https", "oci", "memory")


class State(NamedTuple):
    """What a file is known again by; None and "" where nobody knows."""

    size: int | None
    time_ns: int | None = None
    etag: str = ""


@dataclass(frozen=True)
class Place:
    """Where the file is: a path of this machine, or a URL. `root`: the folder that all clips of its source lie in."""

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


def refuse_changed(place: Place, listed: State, now: State) -> None:
    """Raises Refused `changed_file` where the file isn't the one that was listed."""
    for name, before, after in (
        ("size", listed.size, now.size),
        ("time", listed.time_ns, now.time_ns),
        ("etag", listed.etag or None, now.etag or None),
    ):
        if before is not None and after is not None and before != after:
            raise Refused(
                "changed_file",
                f"{place.shown} is not the file that was listed: its {name} was {before} and is {after}; "
                "list the source again, or put the file back and run with --retry-rejects changed_file",
            )
