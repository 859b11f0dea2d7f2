"""What a corpus says of one clip, before anybody looked where the clip is."""

from typing import Any, NamedTuple

from voxsmith.pipeline.sources.speech.folder import File


class Utterance(NamedTuple):
    """A clip and what is known of it.

    `place`: where that is written, for people. `path`: the clip's file as the corpus writes it; `suffixes`: where a corpus
    leaves its end out, those to try. `base`: the folder that a relative path starts at, below the source's root ("": the
    root itself). `values`: by column, `source_transcript`, `speaker`, `language` and others that a record gives;
    checked, or None. `name`: the corpus' own id of the utterance. offset, duration: seconds, unchecked; `length`: those of
    the whole recording, as the corpus says. `member`: of the archive or table at `path`; `located`: that file, where it
    need not be looked for.
    """

    place: str
    path: str
    values: dict[str, Any]
    name: str | None = None
    suffixes: tuple[str, ...] = ()
    base: str = ""
    offset: Any = None
    duration: Any = None
    channel: Any = None
    conversation: str | None = None
    turn: int | None = None
    member: str = ""
    located: File | None = None
    length: Any = None


class Lost(NamedTuple):
    """What is no utterance: a row that is rejected. `raw`: all that was read of it; `name` as above."""

    place: str
    reason: str
    message: str
    raw: str
    name: str | None = None


Read = Utterance | Lost
