"""Utterances of a corpus as rows, whose clips are references: the files are looked at, not opened.

Reasons for rejects, beside those of texts: missing_clip, outside_root (the path leaves the source's folder), bad_name (no
file has such a name), bad_segment (offset, duration or channel that are none), pipe (a command in wav.scp), few_votes and
many_votes (of Common Voice), bad_archive (a tar that breaks off, or isn't that of its cuts), repeated_id.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.row import Row, grouped
from voxsmith.pipeline.sources.record.values import Unfit, dump, reject
from voxsmith.pipeline.sources.speech.bucket import root_of
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.layouts import utterances
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import ClipReference, ranged
from voxsmith.schemas.columns import COLUMNS, Column, full_name
from voxsmith.schemas.source import Source

_PATIENCE = 1000  # utterances of which none has a clip, before that is taken for the folder's fault
OF_A_CLIP = ("clip", "source_transcript")
_NOT_THERE = {"missing_clip", "outside_root", "pipe"}


def given_as(of: str, name: str) -> str:
    """The column that a source of clips of this group gives by this name: `query_clip`; the speaker is the row's own."""
    return full_name(of, name) if name in OF_A_CLIP else name


def speech(name: str, source: Source, watch: Watch, columns: Mapping[str, Column] = COLUMNS) -> Iterator[list[Row]]:
    """The conversations of a source of recorded speech, not named yet: most are one utterance.

    Raises RecipeError where the corpus isn't what its layout says, or none of its clips is there; RunFailed where a
    disk or connection failed.
    """
    root = root_of(str(source.root), watch)
    rows = _some_there(name, (_row(one, source, root) for one in utterances(name, source, root, watch, columns)))
    yield from grouped(rows) if source.has_talks else ([row] for row in rows)


def _row(read: Read, source: Source, root: Folder) -> Row:
    if isinstance(read, Lost):
        row = reject(read.reason, read.message, read.raw)
        return row | _names(read.name, None) | {"place": read.place}
    names = _names(read.conversation or read.name, read.turn) | {"place": read.place}
    try:
        reference = _reference(read, root)
    except Unfit as unfit:
        return reject(unfit.reason, unfit.message, dump([read.path, read.offset, read.duration or read.length])) | names
    values = {given_as(source.of, name): value for name, value in read.values.items()}
    spoken = any(value for name, value in read.values.items() if name == "source_transcript" or _is_text(name))
    if not spoken and source.transcripts:
        return reject("empty_transcript", "there is no transcript", reference.text) | names
    own: Row = {"instruction": None, "context": None, "reject": None, "raw": _named_by(reference)}
    own["utterance"] = not source.has_talks
    return own | values | {given_as(source.of, "clip"): reference.text} | names


def _reference(read: Utterance, root: Folder) -> ClipReference:
    file = read.located or root.locate(read.path, read.base, read.suffixes)
    try:
        whole = ClipReference(file.path, read.member, size=file.size, time_ns=file.time_ns, etag=file.etag)
    except ValueError as error:
        raise Unfit("outside_root" if "leads out" in str(error) else "bad_name", str(error)) from None
    try:
        return replace(
            whole,
            offset=0.0 if read.offset is None else read.offset,
            duration=read.duration,
            channel=read.channel,
            length=read.length,
        )
    except ValueError as error:
        raise Unfit("bad_segment", str(error).replace("'length'", "'duration'")) from None


def _named_by(reference: ClipReference) -> str:
    """What names a row that has no id: the place, in which a length is a duration, as it was before there was one."""
    if ranged(reference):
        return replace(reference, length=None).text
    return replace(reference, duration=reference.length, length=None).text


def _names(name: str | None, turn: int | None) -> Row:
    """Without an id of its corpus, a row is named by its reference; that is the row's `raw`."""
    return ({} if name is None else {"conversation_id": name}) | ({} if turn is None else {"turn": turn})


def _is_text(name: str) -> bool:
    return name in COLUMNS and COLUMNS[name].role == "text"


def _some_there(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows. Where not one of the first has a clip, that is no verdict on them: a disk isn't mounted, or the recipe names
    another folder.
    """
    first, broken, lost, some = "", "", 0, False
    for row in rows:
        some = some or row["reject"] is None or row["reject"][0] == "empty_transcript"  # whose clip is there
        if not some and row["reject"][0] == "bad_archive":
            broken = broken or f"{row['place']}: {row['reject'][1]}"
        if not some and row["reject"][0] in _NOT_THERE:
            lost += 1
            first = first or f"{row['place']}: {row['reject'][1]}"
            if lost >= _PATIENCE:
                break
        yield row
    if broken and not some:
        raise RecipeError(f"sources.{name}: {broken}")
    if lost and not some:
        message = f"none of the {lost} clips that were looked for is there; the first: {first}"
        raise RecipeError(f"sources.{name}: {message}; is a disk not mounted, or is 'path' or 'clips' another?")
