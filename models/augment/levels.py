"""Levels of what is mixed, in dB relative to full scale."""

import numpy as np

from voxsmith.models.audio import PEAK, active_level

SILENT = -90.0  # dBFS: noise below that can't be brought to a level


class NoSpeech(ValueError):
    """The clip has no speech that a level could be relative to."""


def rms_level(samples: np.ndarray) -> float:
    """RMS over all samples in dBFS, -inf for digital silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return float(10 * np.log10(power)) if power > 0 else -np.inf


def speech_level(samples: np.ndarray, rate: int) -> float:
    """RMS over active speech in dBFS, see voxsmith.models.audio. Raises NoSpeech."""
    level = active_level(samples, rate)
    if level <= SILENT:
        raise NoSpeech("the clip has no speech that a level could be relative to")
    return level


def mixed(speech: np.ndarray, noise: np.ndarray, rate: int, snr: float) -> np.ndarray:
    """Speech and noise [n] together: the RMS of active speech is `snr` dB over the RMS of the noise, which is taken over all
    of it. Raises NoSpeech; ValueError where the noise is silent.
    """
    if (level := rms_level(noise)) < SILENT:
        raise ValueError("the noise is silent")
    gain = speech_level(speech, rate) - snr - level
    return np.asarray(speech + noise * 10 ** (gain / 20))


def below_full_scale(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """The samples and 0.0; where one is beyond full scale, all of them turned down such that the peak is at -1 dBFS, and by
    how many dB.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if peak <= 1.0:
        return samples, 0.0
    gain = PEAK - 20 * np.log10(peak)
    return samples * 10 ** (gain / 20), float(gain)
