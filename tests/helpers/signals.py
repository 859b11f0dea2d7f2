"""Signals whose levels are known by hand, and how loud something is, as float64 says."""

import io

import numpy as np
import soundfile

RATE = 16000


def beep(rate: int = RATE, seconds: float = 1.0, amplitude: float = 0.3, hertz: float = 1000) -> np.ndarray:
    """Silence, a sine of -20 log10(amplitude / sqrt 2) dBFS, silence: `seconds` each."""
    count = round(rate * seconds)
    tone = amplitude * np.sin(2 * np.pi * hertz * np.arange(count) / rate)
    return np.concatenate([np.zeros(count), tone, np.zeros(count)])


def decibels(samples: np.ndarray) -> float:
    """RMS in dB relative to full scale."""
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def speech_decibels(samples: np.ndarray, rate: int) -> float:
    """RMS over active speech in dBFS: 10 ms frames that are within 40 dB of the loudest and above -60 dBFS, one by one."""
    step, powers = rate // 100, []
    for start in range(0, len(samples), step):
        powers.append(float(np.mean(samples[start : start + step].astype(np.float64) ** 2)))
    least = max(max(powers) / 10_000, 1e-6)
    return float(10 * np.log10(np.mean([power for power in powers if power > least])))


def flac(samples: np.ndarray, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def read(clip: bytes) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(io.BytesIO(clip), dtype="float64")
    return samples, rate


def band_powers(samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and power spectral density, Welch's estimate."""
    from scipy.signal import welch

    frequencies, density = welch(samples, rate, nperseg=2048)
    return frequencies, density
