"""Speech as 16-bit samples, and as a file that can be played at any moment."""

import wave
from pathlib import Path

import numpy as np


def pcm16(samples: np.ndarray) -> bytes:
    """Samples (float32 [n], full scale 1) as 16-bit whole numbers, little-endian."""
    return (samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes()


class GrowingWav:
    """A mono wav of 16 bits. Its header tells its length after each piece: what plays it amid the answer, or after a crash,
    hears what there is. Everything raises OSError.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._file = path.open("wb")
        self._writer = wave.open(self._file, "wb")  # noqa: SIM115 (`close` closes it)
        self._writer.setparams((1, 2, rate, 0, "NONE", ""))
        self.samples = 0
        self.add(np.zeros(0, np.float32))

    def add(self, samples: np.ndarray) -> None:
        """Samples (float32 [n], full scale 1) behind those that are there."""
        self._writer.writeframes(pcm16(samples))
        self._file.flush()
        self.samples += len(samples)

    def close(self) -> None:
        self._writer.close()
        self._file.close()
