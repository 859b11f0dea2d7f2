"""The clips that golden numbers are of: the script that makes the numbers and the tests that check them make the same."""

import numpy as np

LENGTHS = (16000, 7777, 23456)  # samples


def clip(number: int) -> np.ndarray:
    """float32 samples at 16 kHz: noise whose loudness and colour change, not around 0."""
    draw = np.random.RandomState(number)
    noise = np.convolve(draw.normal(0, 0.1, LENGTHS[number] + 7), draw.normal(0, 0.5, 8), "valid")
    loudness = 1 + 0.8 * np.sin(np.arange(len(noise)) / 1500)
    return (0.02 + noise * loudness).astype(np.float32)
