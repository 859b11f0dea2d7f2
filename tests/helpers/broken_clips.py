"""Recordings that no corpus should take, made of a real clip; and the rows that lead to them."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.paths import DATA
from voxsmith.schemas.clip_reference import ClipReference

ASR = DATA / "asr"
CLIP = ASR / "audio" / "ls-1688-142285-0004.flac"
SECONDS = 4.475  # as the manifest says of it
SAMPLES, RATE = soundfile.read(CLIP, dtype="float32")


def encoded(samples: np.ndarray, rate: int = RATE, format: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    channels = samples.shape[1] if samples.ndim > 1 else 1
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=format) as clip:
        for start in range(0, len(samples), rate):  # Vorbis takes its stack for what it is given at once
            clip.write(samples[start : start + rate])
    return file.getvalue()


def _wrong_header() -> bytes:
    """A rate of 16 kHz, as it is, and 0 bits a sample in 0 channels."""
    data = bytearray(encoded(SAMPLES))
    data[22:24] = data[34:36] = b"\0\0"
    return bytes(data)


def _half(samples: np.ndarray) -> bytes:
    data = encoded(samples)
    return data[: len(data) // 2]


NAN = np.where(np.arange(len(SAMPLES)) == 8000, np.nan, SAMPLES)

# By name: the reason, the bytes (None: no file), and the seconds that the corpus says.
BROKEN: dict[str, tuple[str, Callable[[], bytes] | None, float | None]] = {
    "no_seconds.wav": ("empty_clip", lambda: encoded(SAMPLES[:0]), None),
    "short.wav": ("too_short", lambda: encoded(SAMPLES[:160]), None),
    "header.wav": ("bad_audio", _wrong_header, None),
    "nan.wav": ("bad_audio", lambda: encoded(NAN, subtype="FLOAT"), None),
    "silent.wav": ("silent", lambda: encoded(np.zeros(32000)), None),
    "half.wav": ("cut_audio", lambda: _half(SAMPLES), None),
    "missing.wav": ("missing_file", None, None),
    "mp3.wav": ("misnamed", lambda: encoded(SAMPLES, format="MP3"), None),
    "eight_kilohertz.wav": ("wrong_length", lambda: encoded(SAMPLES[::2], 16000), SECONDS),
    "opposite.wav": ("out_of_phase", lambda: encoded(np.stack([SAMPLES, -SAMPLES], axis=1)), None),
}


def plant(folder: Path) -> dict[str, tuple[str, ClipReference]]:
    """Write the broken recordings into the folder; by name the reason and the reference of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, made, _) in BROKEN.items():
        if made:
            (folder / name).write_bytes(made())
    return {name: (reason, ClipReference(name, length=said)) for name, (reason, _, said) in BROKEN.items()}
