"""Where a recorded clip is: the text that a source's rows carry in place of audio, and that workers read clips by."""

import json
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import unquote

from voxsmith.schemas.text import clean

_MOST = 1e9  # seconds, thirty years: a sum or a product of such numbers is one still


@dataclass(frozen=True)
class ClipReference:
    """A clip in a file: a whole recording, a range of one, or a member of an archive or table.

    `path`: POSIX, relative to the root folder of the source (no `..`), or a URL as fsspec takes it. `member`: the name
    within a tar, or `column:row` of a Parquet or Arrow file. `offset`, `duration`: seconds of the recording; a duration
    of None is all that is left. `channel`: counted from 0; None: all, mixed. `length`: seconds of the whole recording, as
    its corpus says: a recording of another length is not the one that was meant. `size` (bytes), `time_ns` (time of
    change, nanoseconds since 1970) and `etag` are the file's as it was listed: what reads it tells by them whether it
    changed.

    Raises ValueError (one line) for what can't be such a place: a path that leaves its root, a negative offset.
    """

    path: str
    member: str = ""
    offset: float = 0.0
    duration: float | None = None
    channel: int | None = None
    size: int | None = None
    time_ns: int | None = None
    etag: str = ""
    length: float | None = None

    def __post_init__(self) -> None:
        for name in ("path", "member", "etag"):
            text = getattr(self, name)
            if not isinstance(text, str) or "\0" in text or clean(text) != text:
                raise ValueError(f"'{name}' is not Unicode text")
        _check_path(self.path)
        if self.member.startswith("/") or ".." in self.member.split("/"):
            raise ValueError(f"the member '{self.member}' leads out of its archive")
        if not _is_number(self.offset) or self.offset < 0:
            raise ValueError(f"'offset' is {_shown(self.offset)}; seconds from 0 up are wanted")
        for name in ("duration", "length"):
            seconds = getattr(self, name)
            if seconds is not None and (not _is_number(seconds) or seconds <= 0):
                raise ValueError(f"'{name}' is {_shown(seconds)}; seconds above 0 are wanted")
        for name in ("channel", "size", "time_ns"):
            number = getattr(self, name)
            if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
                raise ValueError(f"'{name}' is {_shown(number)}; a whole number is wanted")
        if any(number is not None and number < 0 for number in (self.channel, self.size)):
            raise ValueError("'channel' and 'size' are numbers from 0 up")
        if self.channel is not None and self.channel > _MOST:
            raise ValueError(f"'channel' is {_shown(self.channel)}; no recording has so many")
        object.__setattr__(self, "offset", float(self.offset))  # 1 and 1.0 are one place, and one text
        for name in ("duration", "length"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def text(self) -> str:
        """Compact JSON with sorted keys; what has its default is left out. Equal references have equal texts."""
        given = {name: value for name, default in _DEFAULTS if (value := getattr(self, name)) != default}
        return json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> "ClipReference":
        """The reference that has this text. Raises ValueError, with one line, for any other text."""
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict) or "path" not in given:
            raise ValueError(f"'{text[:80]}' is no reference to a clip")
        if unknown := sorted(set(given) - {one.name for one in fields(cls)}):
            raise ValueError(f"a reference to a clip has no '{unknown[0][:80]}'")
        return cls(**given)


_DEFAULTS = tuple((one.name, one.default) for one in fields(ClipReference))


def is_url(path: str) -> bool:
    """Whether fsspec, not the file system, is to open it."""
    return "://" in path


def ranged(reference: ClipReference) -> bool:
    """Whether the clip is a part of its recording."""
    return reference.duration is not None or reference.offset > 0


def _check_path(path: str) -> None:
    if not path:
        raise ValueError("the path is empty")
    within = unquote(path.split("://", 1)[1]) if is_url(path) else path
    if not is_url(path) and path.startswith("/"):
        raise ValueError(f"'{path}' is an absolute path; one below the source's folder is wanted")
    if ".." in within.replace("\\", "/").split("/"):
        raise ValueError(f"'{path}' leads out of its folder")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MOST < value < _MOST  # so no NaN


def _shown(value: Any) -> str:
    """A value of somebody's file, in an error's line: a whole number may have thousands of digits."""
    if isinstance(value, int) and abs(value) > _MOST:
        return "a number beyond all measure"
    return repr(value)[:40]
