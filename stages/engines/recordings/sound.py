"""A range of a recording as samples, and what makes a file no recording: cut, empty, not numbers, another format.

Nothing beyond the range is decoded, whatever a header claims.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
import soundfile

from voxsmith.stages.engines.base import Refused

MOST_SECONDS = 3600
MOST_SAMPLES = 1 << 27  # all channels together: half a gigabyte decoded
_RATES = range(4_000, 384_001)  # hertz
_CHANNELS = 64
_UNKNOWN = 2**36 - 1  # frames: more than a FLAC file can say
_LOUDEST = 100.0  # times full scale: whole numbers that were written as floats
_SLACK, _SLACK_SHARE = 0.1, 0.01  # seconds, and of the length, that a listed length may be off: it is rounded, or MP3's
_WHOLE = 1.0  # seconds more, where the length is listed in whole seconds, rounded or cut
_OPPOSED = 0.1  # of the channels' power that is left when channels of opposite phase are mixed
# What libsndfile's log says of a WAV file whose data are fewer than its header says.
_CUT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.M)
_LAST_PAGE = 65_307  # bytes of an Ogg page at most
_FORMATS = {
    ".wav": ("WAV", "WAVEX", "RF64", "W64"),
    ".flac": ("FLAC",),
    ".mp3": ("MP3",),
    ".ogg": ("OGG",),
    ".opus": ("OGG",),
    ".aiff": ("AIFF",),
    ".aif": ("AIFF",),
}


@dataclass(frozen=True)
class Range:
    """Seconds of a recording; a duration of None: all that is left. `channel`: counted from 0; None: all, mixed. `length`:
    seconds that the whole recording is said to have.
    """

    offset: float = 0.0
    duration: float | None = None
    channel: int | None = None
    length: float | None = None


def open_sound(file: BinaryIO, size: int | None) -> soundfile.SoundFile:
    """The recording, not decoded. Raises Refused `empty_clip`, `bad_audio`."""
    if size == 0:
        raise Refused("empty_clip", "the file is empty")
    try:
        sound = soundfile.SoundFile(file)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise Refused("bad_audio", f"not an audio file that can be read ({size} bytes): {error}") from None
    if sound.samplerate not in _RATES or not 0 < sound.channels <= _CHANNELS:
        raise Refused("bad_audio", f"the header says {sound.channels} channels at {sound.samplerate} Hz")
    return sound


def refuse_misnamed(sound: soundfile.SoundFile, name: str) -> None:
    """Raises Refused `misnamed` where the file is of another format than its name says."""
    known = _FORMATS.get(PurePosixPath(name).suffix.lower())
    if known and sound.format not in known:
        raise Refused(
            "misnamed",
            f"the file is {sound.format}, its name ends in {PurePosixPath(name).suffix}; `misnamed: true` takes it as it is",
        )


def refuse_cut_ogg(file: BinaryIO) -> None:
    """Raises Refused where an Ogg file lacks the page that is marked as its last (RFC 3533, 6): libsndfile takes what is
    there for all of it.
    """
    if file.read(4) == b"OggS":
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _LAST_PAGE))
        last = file.read().rpartition(b"OggS")[2]
        if len(last) < 2 or not last[1] & 4:
            raise Refused("cut_audio", "the file is cut: its last page is missing")
    file.seek(0)


def samples_of(sound: soundfile.SoundFile, wanted: Range) -> np.ndarray:
    """The range's samples, float32 [n], one channel, at the recording's own rate.

    Raises Refused: `bad_audio`, `cut_audio`, `empty_clip`, `wrong_length`, `too_short`, `too_long`, `out_of_phase`.
    """
    rate, frames = sound.samplerate, sound.frames
    known = frames < _UNKNOWN
    first = round(wanted.offset * rate)
    if known:
        if wanted.duration is None and (cut := _CUT.search(sound.extra_info)) and _is_cut(int(cut[2]), int(cut[1])):
            raise Refused("cut_audio", f"the file is cut: {cut[2]} bytes of {cut[1]} are there")
        _check_length(frames / rate, first < frames, wanted)
    count = min(frames - first, round((wanted.duration or MOST_SECONDS + 1) * rate))
    if wanted.duration is not None and round(wanted.duration * rate) == 0:
        raise Refused("too_short", f"there is no sample in a range of {wanted.duration:g} s")
    if count > MOST_SECONDS * rate or count * sound.channels > MOST_SAMPLES:
        raise Refused("too_long", f"the clip lasts longer than {MOST_SECONDS} s; cut the recording into ranges")
    try:
        sound.seek(first)
        block = sound.read(max(0, count), "float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise Refused("bad_audio", f"the file can't be decoded at {wanted.offset:g} s: {error}") from None
    if known and len(block) < count - _slack(count / rate) * rate:
        raise Refused("cut_audio", f"the file breaks off: {len(block) / rate:.2f} s of {count / rate:.2f} s are there")
    if not len(block):
        raise Refused("empty_clip", "the clip has no samples")
    if not np.isfinite(block).all() or np.abs(block).max() > _LOUDEST:
        raise Refused("bad_audio", "the clip has samples that are no sound: not finite, or far beyond full scale")
    return _one_channel(block, wanted.channel)


def _is_cut(there: int, claimed: int) -> bool:
    """Not where whoever wrote the header didn't know the length yet, and claimed gigabytes."""
    return there < claimed < 2**31 - 2**16


def _check_length(total: float, begins: bool, wanted: Range) -> None:
    """`total`: seconds that are there; `begins`: whether the range's first sample is."""
    if total == 0:
        raise Refused("empty_clip", "the recording has no samples")
    if wanted.length is not None and abs(total - wanted.length) > _slack(wanted.length) + _rounded(wanted.length):
        raise Refused("wrong_length", f"the source says {wanted.length:.2f} s, the recording has {total:.2f} s")
    end = wanted.offset + (wanted.duration or 0.0)
    if not begins or end > total + _slack(wanted.duration or 0.0):
        says = f"{wanted.offset:.2f} s to {end:.2f} s" if wanted.offset else f"{end:.2f} s"
        raise Refused("wrong_length", f"the source says {says}, the recording has {total:.2f} s")


def _slack(seconds: float) -> float:
    return _SLACK + _SLACK_SHARE * seconds


def _rounded(seconds: float) -> float:
    return _WHOLE if seconds.is_integer() else 0.0


def _one_channel(block: np.ndarray, channel: int | None) -> np.ndarray:
    width = block.shape[1]
    if channel is not None:
        if channel >= width:
            raise Refused("bad_audio", f"channel {channel} is asked for, and the recording has {width}, counted from 0")
        return np.ascontiguousarray(block[:, channel])
    if width == 1:
        return np.ascontiguousarray(block[:, 0])
    mixed: np.ndarray = block.mean(axis=1, dtype=np.float32)
    if width == 2:
        each, both = float(np.square(block, dtype=np.float64).mean()), float(np.square(mixed, dtype=np.float64).mean())
        alike = min(float(np.square(block[:, n], dtype=np.float64).mean()) for n in (0, 1)) > each / 4
        if alike and both < _OPPOSED * each:
            raise Refused(
                "out_of_phase",
                "mixing the two channels cancels them: they are of opposite phase; take one: `channel: 0`",
            )
    return mixed
