"""Where people speak in a long recording, in stretches that end at pauses. Silero's VAD finds them; faster-whisper has it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import soundfile

from voxsmith.models.audio import BadAudio, resample

RATE = 16000  # that Silero's VAD hears
_LIKELY = 0.35  # of speech
_STEP = 320  # samples: 20 ms
_AS_LOUD = 0.06  # of the power of a stretch: 12 dB less
_FURTHEST = RATE  # samples that a stretch grows at either end
WINDOW = 600.0  # seconds of a recording in memory


class Pauses(NamedTuple):
    """How a recording is cut. `pause`: seconds of silence that end a stretch; `most`: seconds of a stretch, which is cut at
    a shorter pause then, or where there is none; `least`: of speech in it; `pad`: of the pause that stay on either side.
    """

    pause: float = 0.5
    most: float = 20.0
    least: float = 0.1
    pad: float = 0.2


def stretches(path: str, how: Pauses, window: float = WINDOW) -> Iterator[tuple[float, float]]:
    """(offset, duration) in seconds of each stretch of speech, in order. Channels are mixed.

    Raises BadAudio where the recording can't be read to its end, ModuleNotFoundError without faster-whisper.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=_LIKELY,
        min_silence_duration_ms=round(how.pause * 1000),
        max_speech_duration_s=how.most,
        min_speech_duration_ms=round(how.least * 1000),
        speech_pad_ms=round(how.pad * 1000),
    )
    try:
        with soundfile.SoundFile(path) as recording:
            first, rate, frames = 0, recording.samplerate, recording.frames
            while first < frames:
                samples = _window(recording, first, round(window * rate))
                last = first + round(window * rate) >= frames
                spoken = _grown(get_speech_timestamps(samples, options), samples, round(how.most * RATE))
                # The last stretch may go on behind the window: it begins the next one.
                whole = spoken if last or len(spoken) < 2 else spoken[:-1]
                for one in whole:
                    yield first / rate + one["start"] / RATE, (one["end"] - one["start"]) / RATE
                begins = spoken[-1]["start"] if len(whole) < len(spoken) else len(samples)
                first = frames if last else first + round(begins * rate / RATE)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BadAudio(f"not a recording that can be read: {error}") from None


def _grown(spoken: list[dict[str, int]], samples: np.ndarray, most: int) -> list[dict[str, int]]:
    """The stretches, each longer by what is as loud as itself right before and behind it: the detector misses loud speech now
    and then, and would cut in the middle of a word. Those that meet are one, if it isn't too long.
    """
    power = np.square(samples[: len(samples) // _STEP * _STEP]).reshape(-1, _STEP).mean(axis=1)
    grown: list[dict[str, int]] = []
    for number, one in enumerate(spoken):
        first, last = one["start"] // _STEP, min(len(power), -(-one["end"] // _STEP))
        loud = power[first:last].mean() * _AS_LOUD if last > first else np.inf
        before = grown[-1]["end"] if grown else 0
        behind = spoken[number + 1]["start"] if number + 1 < len(spoken) else len(samples)
        start, end = one["start"], one["end"]
        while start - _STEP >= max(before, one["start"] - _FURTHEST) and power[start // _STEP - 1] > loud:
            start -= _STEP
        while end + _STEP <= min(behind, one["end"] + _FURTHEST) and power[end // _STEP] > loud:
            end += _STEP
        if grown and start - before < _STEP and end - grown[-1]["start"] <= most:
            grown[-1]["end"] = end
        else:
            grown.append({"start": start, "end": min(end, start + most)})
    return grown


def _window(recording: soundfile.SoundFile, first: int, count: int) -> np.ndarray:
    """Mono, 16 kHz, float32."""
    recording.seek(first)
    block = recording.read(count, "float32", always_2d=True)
    if not len(block) or not np.isfinite(block).all():
        raise BadAudio("the recording breaks off, or has samples that aren't finite numbers")
    return resample(block.mean(axis=1, dtype=np.float32), recording.samplerate, RATE)
