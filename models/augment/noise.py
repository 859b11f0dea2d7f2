"""Noise that needs no files: coloured noise, and babble of voices that are given."""

import io

import numpy as np

COLOURS = {"white": 0, "pink": -1, "brown": -2, "blue": 1, "violet": 2}  # the power spectrum's exponent of frequency
LOWEST = 20.0  # hertz: below it the spectrum is flat, or brown noise would be all rumble that no one hears
BABBLE_RATE = 16000  # hertz of the voices of babble


def coloured(colour: str, count: int, rate: int, seed: int) -> np.ndarray:
    """Gaussian noise [count] whose power spectral density goes with f ** COLOURS[colour] from 20 Hz up."""
    from scipy.fft import next_fast_len

    length = next_fast_len(count, real=True)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / rate), LOWEST)
    return np.fft.irfft(spectrum * frequencies ** (COLOURS[colour] / 2), length)[:count]


def babble(voices: bytes, speakers: int, count: int, seed: int) -> tuple[np.ndarray, list[int]]:
    """So many voices at once, drawn without repeating, each from a place of its own on, [count] at BABBLE_RATE; and which
    they are. `voices`: what `fit_babble` wrote, an .npy file, int16 [voices, samples]. Raises ValueError where it isn't.
    """
    known = np.load(io.BytesIO(voices), allow_pickle=False)
    if known.ndim != 2 or known.dtype != np.int16 or not known.size:
        raise ValueError(
            f"no voices for babble: {known.dtype} {list(known.shape)}; fit_babble writes int16 [voices, n]"
        )
    draw = np.random.default_rng(seed)
    chosen = np.sort(draw.permutation(len(known))[:speakers])
    total = np.zeros(count)
    for voice in chosen:
        start = int(draw.integers(known.shape[1]))
        total += np.resize(np.roll(known[voice], -start), count) / 32768
    return total, [int(voice) for voice in chosen]
