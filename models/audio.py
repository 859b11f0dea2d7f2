"""Clips as numbers: decode, finish (trim, resample, level, encode), and measure.

Samples are mono float32 [n], full scale at 1.0. Levels are decibels relative to full scale (dBFS), from the root mean
square (RMS). "Active" is what belongs to speech: 10 ms frames within 40 dB of the loudest one, and above -60 dBFS.
"""

import ast
import hashlib
import io
from pathlib import Path

import numpy as np
import soundfile
import soxr

FRAME = 0.01  # seconds
RANGE = 40.0  # dB between the loudest frame and the softest that counts as speech
FLOOR = -60.0  # dBFS
PAD = 0.08  # seconds that are kept around speech
PEAK = -1.0  # dBFS that no sample of a finished clip exceeds
SILENT = -120.0  # dB, stands for the level of digital silence
MEASURES = ("longest_silence", "clipping", "tail_level")  # they change no clip


class BadAudio(ValueError):
    """These bytes are no clip that can be heard."""


def decode(flac: bytes) -> tuple[np.ndarray, int]:
    """(samples, rate in hertz) of an audio file: FLAC, or anything else that libsndfile reads; channels are averaged.

    Raises BadAudio where the file is broken or empty, or a sample isn't a finite number.
    """
    try:
        samples, rate = soundfile.read(io.BytesIO(flac), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise BadAudio(f"not an audio file that can be read ({len(flac)} bytes): {error}") from error
    if not len(samples):
        raise BadAudio("the clip has no samples")
    if not np.isfinite(samples).all():
        raise BadAudio("the clip has samples that aren't finite numbers")
    return samples.mean(axis=1, dtype=np.float32), int(rate)


def encode(samples: np.ndarray, rate: int) -> bytes:
    """A 16-bit mono FLAC file; the same samples give the same bytes. Raises BadAudio where there are no samples."""
    if not len(samples):
        raise BadAudio("the clip has no samples")
    whole = np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, whole, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The samples at `wanted` hertz (soxr, very high quality)."""
    if rate == wanted:
        return samples
    return np.asarray(soxr.resample(samples.astype(np.float32), rate, wanted, quality="VHQ"), np.float32)


def trim(samples: np.ndarray, rate: int, pad: float = PAD) -> np.ndarray:
    """The samples without what is silent before and after speech, save `pad` seconds of it. No speech: no samples.

    Nothing is added: a clip that breaks off in a word still does.
    """
    active = np.flatnonzero(_active(samples, rate))
    if not len(active):
        return samples[:0]
    step, around = _step(rate), round(pad * rate)
    first, last = active[0] * step - around, (active[-1] + 1) * step + around
    trimmed: np.ndarray = samples[max(0, first) : last]
    return trimmed


def level(samples: np.ndarray, rate: int, dbfs: float) -> np.ndarray:
    """The samples with one gain, such that the RMS over active speech is `dbfs`.

    Where a peak would pass -1 dBFS the gain is lower instead: nothing is clipped or compressed. Silence stays as it is.
    """
    loudness = active_level(samples, rate)
    if loudness <= SILENT:
        return samples
    peak = 20 * np.log10(np.abs(samples).max())
    gain = min(dbfs - loudness, PEAK - peak)
    return np.asarray(samples * 10 ** (gain / 20), np.float32)


def finish(samples: np.ndarray, rate: int, wanted: int, dbfs: float) -> bytes:
    """The finished clip: trimmed, at `wanted` hertz, levelled to `dbfs`, as FLAC. Raises BadAudio on silence."""
    spoken = resample(trim(samples, rate), rate, wanted)
    return encode(level(spoken, wanted, dbfs), wanted)


def active_level(samples: np.ndarray, rate: int) -> float:
    """RMS over active speech in dBFS; -120 where there is none."""
    power = _power(samples, rate)[_active(samples, rate)]
    return float(10 * np.log10(power.mean())) if len(power) else SILENT


def longest_silence(samples: np.ndarray, rate: int) -> float:
    """Seconds of the longest pause between the first and the last active frame; 0 where there is no speech."""
    active = np.flatnonzero(_active(samples, rate))
    gaps = np.diff(active) - 1
    return float(gaps.max(initial=0) * FRAME)


def clipping(samples: np.ndarray) -> float:
    """Share of the samples within 1 % of the clip's own peak, 0 to 1: the flat tops of clipping, levelled later or not.

    Speech has less than 0.0001 of them. Tops that were resampled after they were clipped aren't flat any more.
    """
    loudness = np.abs(samples)
    peak = loudness.max(initial=0.0)
    return float((loudness >= 0.99 * peak).mean()) if peak > 0 else 0.0


def tail_level(samples: np.ndarray, rate: int) -> float:
    """RMS of the last 20 ms in dB relative to that of the clip's active speech; near 0 where it breaks off in a word.

    -120 where the end is digitally silent, or the whole clip is.
    """
    tail = samples[-max(1, round(0.02 * rate)) :].astype(np.float64)
    loudness = active_level(samples, rate)
    if loudness <= SILENT or not tail.any():
        return SILENT
    return max(SILENT, float(10 * np.log10(np.mean(tail**2))) - loudness)


def _step(rate: int) -> int:
    return max(1, round(FRAME * rate))


def _power(samples: np.ndarray, rate: int) -> np.ndarray:
    """Mean square of each frame, float64 [frames]; a last frame that is cut short counts as one."""
    step = _step(rate)
    starts = np.arange(0, len(samples), step)
    if not len(starts):
        return np.zeros(0)
    counts = np.minimum(step, len(samples) - starts)
    return np.asarray(np.add.reduceat(samples.astype(np.float64) ** 2, starts) / counts)


def _active(samples: np.ndarray, rate: int) -> np.ndarray:
    """Which frames belong to speech, bool [frames]."""
    power = _power(samples, rate)
    least = max(power.max(initial=0.0) * 10 ** (-RANGE / 10), 10 ** (FLOOR / 10))
    return np.asarray(power > least)


def _digest(source: str) -> str:
    """Of this module's code without its docstrings and measures: what a finished clip depends on."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if getattr(node, "name", None) not in MEASURES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return hashlib.blake2b(ast.dump(tree).encode(), digest_size=8).hexdigest()


FINISH: str = _digest(Path(__file__).read_text(encoding="utf-8"))
