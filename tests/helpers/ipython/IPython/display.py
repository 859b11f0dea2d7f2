"""`display` and `Audio` with IPython's own signatures."""

from typing import Any

import numpy as np


class Audio:
    """A player. Raw samples need their rate in hertz, as IPython demands."""

    def __init__(self, data: Any = None, *, rate: int | None = None) -> None:
        if not isinstance(data, np.ndarray) or rate is None:
            raise TypeError("samples need a rate")
        self.data, self.rate = data, rate

    def __repr__(self) -> str:
        return f"AUDIO {self.rate} {len(self.data)} {np.abs(self.data).max():.3f}"


def display(*objects: Any) -> None:
    for one in objects:
        print(repr(one))
