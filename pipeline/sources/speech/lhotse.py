"""Lhotse: cuts as JSON lines, and Shar, where the recordings of the cuts lie in tars beside them.

A cut is an object of a dozen keys, whose clip is read by its reference like any other. So it is read here and not by
lhotse, which needs PyTorch and would make objects of what is a row. A row is a supervision: what somebody says in a cut,
with its own seconds. What a cut does to its audio (mixing, padding, speed) is no place in a file: such a cut is a reject.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from voxsmith.models.tar_members import BrokenTar, members
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.files import Bad, records_of
from voxsmith.pipeline.sources.record.values import Unfit, dump, identifier
from voxsmith.pipeline.sources.speech.archive import opened
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.lines import values
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.globs import expanded, files
from voxsmith.schemas.source import Source

_SLACK = 0.05  # seconds that a supervision may reach beyond its cut: they are rounded
_CUTS = re.compile(r"cuts\.(\d{6,})\.jsonl(\.gz)?")
_MOST = 1e15  # seconds, samples or hertz: more than any recording has
_MANIFESTS = {
    ("recording_id", "start", "duration"): "a supervision",
    ("sources", "sampling_rate"): "a recording",
    ("num_frames", "storage_path"): "of features",
}
_MAKE_CUTS = "make cuts and name those: lhotse cut simple -r RECORDINGS -s SUPERVISIONS cuts.jsonl.gz"
_AGAIN = "write both again"
_NOTHING = (".nodata", ".nometa")  # stand in a tar for a cut that lacks the field
_KINDS = {
    "url": "a URL",
    "command": "a command, which is never run",
    "memory": "bytes in the manifest",
    "shar": "a Shar",
}


class _Sound(NamedTuple):
    """The recording of a cut: its file as the manifest writes it, its tar's member, the channels that the file has, and its
    seconds; None and () where the manifest doesn't say.
    """

    path: str
    member: str = ""
    channels: tuple[int, ...] = ()
    length: float | None = None


def cuts(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """Paths in a manifest start from the folder where lhotse ran: here from `clips`, or else the manifest's own folder."""
    path = str(source.path)
    for file in expanded(path) if is_url(path) else [str(one.absolute()) for one in files(path)]:
        watch.file(file)
        base = "" if source.clips else file.rpartition("/")[0]
        for number, (place, record) in enumerate(records_of(file if is_url(file) else Path(file))):
            if number == 0 and isinstance(record, dict) and (what := _other_manifest(record)):
                raise RecipeError(f"sources.{name}: {place}: {what}")
            yield from _rows(place, record, None, base, source)


def shar(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """Each cuts.NNNNNN.jsonl.gz with its recording.NNNNNN.tar, which has the cuts' clips in the same order."""
    there = sorted((match[1], file) for file in next(root.walk()).files if (match := _CUTS.fullmatch(file)))
    if not there:
        raise RecipeError(f"sources.{name}: there is no cuts.000000.jsonl.gz in {source.path}")
    for number, file in there:
        cut_file, tar = (root.name_of(one) for one in (file, f"recording.{number}.tar"))
        watch.file(cut_file)
        watch.unread(tar)
        with opened(tar) as stream:
            yield from _shard(cut_file, tar, stream, source)


def _shard(cut_file: str, tar: str, stream: BinaryIO, source: Source) -> Iterator[Read]:
    """The cuts of a file with the clips of its tar. From where the two don't go together each is a reject."""
    clips, fault = _clips(stream), ""
    for place, record in records_of(cut_file if is_url(cut_file) else Path(cut_file)):
        clip = None
        try:
            clip = None if fault else next(clips, None)
            fault = fault or _apart(record, clip)
        except BrokenTar as broken:
            fault = str(broken)
        if fault or clip is None:
            named = record.get("id") if isinstance(record, dict) else None
            yield Lost(place, "bad_archive", f"{tar} {fault}", dump([tar, named]))
        else:
            yield from _rows(place, record, _Sound(tar, clip), "", source)
    try:
        for clip in () if fault else clips:
            yield Lost(f"{tar}, {clip}", "bad_archive", f"{cut_file} has no cut for '{clip[:200]}'; {_AGAIN}", clip)
    except BrokenTar as broken:
        yield Lost(tar, "bad_archive", f"{tar} {broken}", tar)


def _clips(stream: BinaryIO) -> Iterator[str]:
    return (one.name for one in members(stream) if not one.name.endswith((".json", ".nometa")))


def _apart(record: Any, clip: str | None) -> str:
    """What is wrong with the tar's next clip as this cut's, or ""."""
    if clip is None:
        return f"has fewer clips than its cuts are; {_AGAIN}"
    named = record.get("id") if isinstance(record, dict) else None
    if isinstance(named, str) and named != clip.rpartition(".")[0]:
        return f"has '{clip[:200]}' where its cuts have '{named[:200]}'; {_AGAIN}"
    return ""


def _rows(place: str, record: Any, sound: _Sound | None, base: str, source: Source) -> Iterator[Read]:
    if isinstance(record, Bad):
        yield Lost(place, "bad_line", record.message, record.raw)
        return
    try:
        cut = identifier(record, "id") if "id" in record else None
        sound = _sound(record, sound)
        said = record.get("supervisions") or []
        if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
            raise Unfit("bad_cut", "'supervisions' is no list of objects")
        if not said:
            raise Unfit("empty_transcript", "the cut has no supervision: nobody wrote down what is said")
    except Unfit as unfit:
        yield Lost(place, unfit.reason, unfit.message, dump(record))
        return
    for one in said:
        try:
            yield _utterance(place, record, one, sound, base, cut if len(said) == 1 else None, source)
        except Unfit as unfit:
            yield Lost(place, unfit.reason, unfit.message, dump([record.get("id"), one]))


def _sound(record: Mapping[str, Any], sound: _Sound | None) -> _Sound:
    """Where the cut's recording is. Raises Unfit (bad_cut, missing_clip)."""
    if (kind := record.get("type", "MonoCut")) not in ("MonoCut", "MultiCut"):
        raise Unfit(
            "bad_cut", f"a {str(kind)[:40]} is made of several recordings; have lhotse save its audio: save_audios"
        )
    recording = record.get("recording")
    if not isinstance(recording, dict):
        other = _other_manifest(record)
        raise Unfit("bad_cut", other) if other else Unfit("missing_clip", "the cut has no recording")
    if sound is not None:
        if sound.member.endswith(_NOTHING):
            raise Unfit("missing_clip", f"the tar has {sound.member.rpartition('.')[2]} for the cut")
        return sound._replace(channels=_channels(recording.get("channel_ids")), length=_length(recording))
    if recording.get("transforms"):
        raise Unfit("bad_cut", "its recording is to be transformed; have lhotse save its audio: save_audios")
    sources = recording.get("sources")
    first = sources[0] if isinstance(sources, list) and len(sources) == 1 else None
    if not isinstance(first, dict) or not isinstance(first.get("source"), str):
        raise Unfit("bad_cut", "its recording has no single file as its source")
    if (what := first.get("type")) != "file":
        known = _KINDS.get(str(what), str(what)[:40])
        raise Unfit("bad_cut", f"its recording is {known}; files are read: have lhotse save its audio, save_audios")
    return _Sound(first["source"], channels=_channels(first.get("channels")), length=_length(recording))


def _other_manifest(record: Mapping[str, Any]) -> str:
    """What to do where the record is of another manifest of Lhotse's; "" where it is of none."""
    what = next((kind for fields, kind in _MANIFESTS.items() if set(fields) <= set(record)), "")
    return f"it is {what}, not a cut; {_MAKE_CUTS}" if what and "type" not in record else ""


def _length(recording: Mapping[str, Any]) -> float | None:
    """Seconds of the recording. Raises Unfit (bad_segment) where its numbers are none."""
    if recording.get("num_samples") is None or recording.get("sampling_rate") is None:
        return None
    samples, rate = _number(recording, "num_samples"), _number(recording, "sampling_rate")
    if samples <= 0 or rate <= 0:
        raise Unfit("bad_segment", f"its recording has {samples:g} samples at {rate:g} Hz")
    return round(samples / rate, 6)


def _channels(value: Any) -> tuple[int, ...]:
    given = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in given):
        raise Unfit("bad_cut", "its channels are no whole numbers from 0 up")
    return tuple(given)


def _channel(wanted: tuple[int, ...], there: tuple[int, ...]) -> int | None:
    """Which channel of the file, counted from 0; None: all, mixed. Files may number theirs otherwise. Raises Unfit (bad_cut)."""
    if not wanted or len(there) == 1 or set(wanted) == set(there):
        return None
    if len(set(wanted)) > 1:
        raise Unfit("bad_cut", f"it takes {len(set(wanted))} channels of more; have lhotse save its audio: save_audios")
    if there and wanted[0] not in there:
        raise Unfit("bad_cut", f"it takes channel {wanted[0]}, and its recording has {', '.join(map(str, there))[:80]}")
    return there.index(wanted[0]) if there else wanted[0]


def _utterance(
    place: str,
    cut: Mapping[str, Any],
    said: Mapping[str, Any],
    sound: _Sound,
    base: str,
    named: str | None,
    source: Source,
) -> Utterance:
    """The seconds of a supervision count from its cut's start, those of a cut from its recording's; in a Shar that is the cut
    alone. `named`: the cut's id, where it has one supervision: of windows over a recording several may share that one's.
    """
    start, seconds, first, length = (_number(one, field) for one in (cut, said) for field in ("start", "duration"))
    if start < 0 or seconds <= 0 or length <= 0:
        raise Unfit("bad_segment", "the cut starts before 0 s, or it or what is said in it has no seconds")
    if first < -_SLACK or first + length > seconds + _SLACK:
        raise Unfit("bad_segment", "what is said begins before the cut, or ends behind it: the transcript is of more")
    first, end = max(0.0, first), min(seconds, first + length)
    known = {
        "source_transcript": said.get("text"),
        "speaker": said.get("speaker"),
        "language": said.get("language") or source.language,
    }
    wanted = _channels(said.get("channel", cut.get("channel")))
    return Utterance(
        place,
        sound.path,
        values(known),
        named or (identifier(dict(said), "id") if "id" in said else None),
        base=base,
        offset=round(start + first, 6),
        duration=round(end - first, 6),
        channel=_channel(wanted, sound.channels),
        member=sound.member,
        conversation=_conversation(cut, sound) if source.turns == "recording" else None,
        length=sound.length,
    )


def _conversation(cut: Mapping[str, Any], sound: _Sound) -> str | None:
    """The id of the cut's recording: two channels of a call are two cuts of one. In a Shar a cut has a clip of its own, and
    doesn't say any more where in the recording that was, so there it is the cut's.
    """
    recording = cut.get("recording")
    if isinstance(recording, dict) and "id" in recording and not sound.member:
        return identifier(recording, "id")
    return identifier(dict(cut), "id")


def _number(record: Mapping[str, Any], field: str) -> float:
    """Raises Unfit (bad_segment) for what is no number, also for NaN and what no recording can have."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MOST < value < _MOST:
        raise Unfit("bad_segment", f"'{field}' is no number of seconds, samples or hertz")
    return float(value)
