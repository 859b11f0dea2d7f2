"""Kaldi's data folders: wav.scp, text, and where they are there segments, utt2spk, utt2lang and reco2file_and_channel.

Kaldi sorts all of them by their first field, byte by byte, and so they can be read side by side, one line of each in
memory. A command in wav.scp ("flac -d … |") is never run.
"""

import math
import re
from collections.abc import Iterator, Mapping

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.bucket import root_of
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.lines import lines_of, name_of, values
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source

_CALLS = "reco2file_and_channel"
_ARCHIVE = re.compile(r"\.ark:\d+$")
_TO_THE_END = -1
_MOST = 2_000_000  # recordings that segments may lie in, which are in memory

Entry = tuple[str, str, str]  # (first field, the rest, place)


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    folder = root_of(str(source.path), watch)
    for file in ("wav.scp", "text"):
        if not folder.has(file):
            raise RecipeError(f"sources.{name}: there is no {file} in {source.path}")
    lost: list[Lost] = []
    cut = folder.has("segments")
    recordings = _recordings(name, folder, lost) if cut else {}
    calls = None
    if source.turns == "recording":
        if not cut:
            raise RecipeError(
                f"sources.{name}: 'turns: recording' puts the segments of a recording in their order, and there is no "
                f"segments in {source.path}; leave the key out"
            )
        calls = _calls(folder, lost)
    clips = _Sorted(name, folder, "segments" if cut else "wav.scp", lost)
    texts, speakers, languages = (
        _Sorted(name, folder, file, lost) if folder.has(file) else None for file in ("text", "utt2spk", "utt2lang")
    )
    assert texts is not None
    for entry in clips:
        for text in texts.before(entry[0]):
            yield _unspoken(text, "segments" if cut else "wav.scp")
        known = {
            "source_transcript": texts.at(entry[0]),
            "speaker": speakers.at(entry[0]) if speakers else None,
            "language": (languages.at(entry[0]) if languages else None) or source.language,
        }
        yield _utterance(entry, recordings if cut else None, known, calls)
        yield from lost
        lost.clear()
    for text in texts.before(None):
        yield _unspoken(text, "segments" if cut else "wav.scp")
    yield from lost


def _utterance(
    entry: Entry,
    recordings: dict[str, str] | None,
    known: dict[str, str | None],
    calls: Mapping[str, str] | None,
) -> Read:
    """`calls`: recording -> the conversation that it is of, where it isn't one itself; None: utterances are alone."""
    utterance, rest, place = entry
    offset = duration = channel = conversation = None
    name = None
    try:
        name = name_of(utterance)
        if recordings is not None:
            recording, offset, duration, channel = _segment(rest)
            if recording not in recordings:
                raise Unfit("missing_clip", f"wav.scp has no recording '{recording[:200]}'")
            rest = recordings[recording]
            if calls is not None:
                conversation = name_of(calls.get(recording, recording))
        if rest.endswith("|"):
            raise Unfit("pipe", "wav.scp names a command, which is never run; write its output to a file and name that")
        if not rest or rest == "-" or _ARCHIVE.search(rest):
            raise Unfit(
                "missing_clip", f"wav.scp names no file but '{rest[:200]}'; write the clip to a file of its own"
            )
        return Utterance(
            place,
            rest,
            values(known),
            name,
            offset=offset,
            duration=duration,
            channel=channel,
            conversation=conversation,
        )
    except Unfit as unfit:
        return Lost(place, unfit.reason, unfit.message, f"{utterance} {rest}", name)


def _segment(rest: str) -> tuple[str, float, float | None, int | None]:
    """(recording, start, seconds, channel); an end of -1 is the recording's. Raises Unfit."""
    parts = rest.split()
    try:
        if len(parts) not in (3, 4):
            raise ValueError
        start, end = float(parts[1]), float(parts[2])
        channel = int(parts[3]) if len(parts) == 4 else None
    except ValueError:
        raise Unfit(
            "bad_segment", "a line of segments is UTTERANCE RECORDING START END [CHANNEL], in seconds"
        ) from None
    if not (0 <= start < math.inf and (end == _TO_THE_END or start < end < math.inf)):
        raise Unfit("bad_segment", f"it starts at {parts[1]} s and ends at {parts[2]} s")
    return parts[0], start, None if end == _TO_THE_END else round(end - start, 6), channel


def _unspoken(text: Entry, file: str) -> Lost:
    utterance, rest, place = text
    try:
        name = name_of(utterance)
    except Unfit as unfit:
        return Lost(place, unfit.reason, unfit.message, f"{utterance} {rest}")
    return Lost(place, "missing_clip", f"{file} has no utterance '{utterance[:200]}'", f"{utterance} {rest}", name)


def _recordings(name: str, folder: Folder, lost: list[Lost]) -> dict[str, str]:
    """Recording -> what wav.scp has for it. Segments don't come in their order, so they are kept."""
    recordings = {}
    for line in lines_of(folder, "wav.scp"):
        if isinstance(line, Lost):
            lost.append(line)
            continue
        recording, rest = _halves(line.text)
        recordings[recording] = rest
        if len(recordings) > _MOST:
            raise RecipeError(
                f"sources.{name}: {line.place}: more than {_MOST} recordings; cut the folder into several"
            )
    return recordings


def _calls(folder: Folder, lost: list[Lost]) -> dict[str, str]:
    """Recording -> the call whose side it is, where each side of a call is a recording: "fe_03_00001-A fe_03_00001 A"."""
    calls: dict[str, str] = {}
    for line in lines_of(folder, _CALLS) if folder.has(_CALLS) else ():
        if isinstance(line, Lost):
            lost.append(line)
        elif len(parts := line.text.split()) == 3:
            calls[parts[0]] = parts[1]
        else:
            lost.append(Lost(line.place, "bad_line", f"a line of {_CALLS} is RECORDING FILE CHANNEL", line.text))
    return calls


def _halves(line: str) -> tuple[str, str]:
    first, *rest = line.split(None, 1)
    return first, rest[0].strip() if rest else ""


class _Sorted:
    """A file's entries, in the order of their first fields, each of which is there once; one is in memory."""

    def __init__(self, name: str, folder: Folder, file: str, lost: list[Lost]) -> None:
        self._entries = self._read(name, folder, file, lost)
        self._next = next(self._entries, None)

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next) is not None:
            self._next = next(self._entries, None)
            yield entry

    def before(self, key: str | None) -> Iterator[Entry]:
        """The entries that come before this first field, which are passed over; None: all that are left."""
        while self._next is not None and (key is None or _order(self._next[0]) < _order(key)):
            entry, self._next = self._next, next(self._entries, None)
            yield entry

    def at(self, key: str) -> str | None:
        """The entry of this first field, which is passed over, as what comes before it is; None where there is none."""
        for _ in self.before(key):
            pass
        if self._next is None or self._next[0] != key:
            return None
        entry, self._next = self._next, next(self._entries, None)
        return entry[1]

    def _read(self, name: str, folder: Folder, file: str, lost: list[Lost]) -> Iterator[Entry]:
        last = b""
        for line in lines_of(folder, file):
            if isinstance(line, Lost):
                lost.append(line)
                continue
            first, rest = _halves(line.text)
            if (order := _order(first)) <= last:
                raise RecipeError(
                    f"sources.{name}: {line.place}: '{first[:80]}' is not in order, or there twice; "
                    "sort the folder's files as Kaldi does: utils/fix_data_dir.sh, or LC_ALL=C sort -u -k1,1"
                )
            last = order
            yield first, rest, line.place


def _order(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
