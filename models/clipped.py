"""How much of a recording is clipped: flat tops, which no sound makes by itself.

That samples in a row stay at a signal's extreme is what SoX's `stats` and FFmpeg's `astats` call the flat factor. Here a
top may be a little uneven (noise, 8 bits), so it is told from a round one by its shape. Near its extreme a smooth peak is
a parabola: as wide again where it is cut four times as deep (a width goes with the square root of the depth). A flat top
has steep sides, and hardly grows.
"""

import numpy as np

from voxsmith.models.audio import FLOOR, FRAME, RANGE

_DEPTH = 0.01  # below the extreme, of its distance from the middle, to which a top reaches
_DEEPER = 4  # times that depth, at which a round peak is twice as wide
_GROWTH = 1.5  # of the width there, up to which a top is flat: between 1 and 2
_LEAST = 3  # samples in a row
_SOUND = 1e-6  # of full scale: what is less is a constant, and the rounding of its mean


def clipped_share(samples: np.ndarray, rate: int) -> float:
    """Share of the 10 ms frames with speech, 0 to 1, that hold flat tops. `samples`: float [n] at `rate` hertz, as recorded.

    Tops are flat until they are resampled, or packed by a lossy codec: clipping before that isn't seen.
    """
    if not len(samples):
        return 0.0
    centred = samples - samples.mean(dtype=np.float64)
    step = max(1, round(FRAME * rate))
    hit = np.zeros(-(-len(samples) // step) + 1)
    for half in (centred, -centred):
        for start, end in _flat_tops(half):
            hit[start // step : (end - 1) // step + 1] = 1
    return float(hit.sum() / max(1.0, hit.sum(), _active_frames(centred, step)))


def _flat_tops(half: np.ndarray) -> list[tuple[int, int]]:
    """(first sample, sample behind the last) of each flat top of the positive half."""
    extreme = half.max(initial=0.0)
    if extreme < _SOUND:
        return []
    starts, ends = _runs(half >= extreme * (1 - _DEPTH))
    deep_starts, deep_ends = _runs(half >= extreme * (1 - _DEPTH * _DEEPER))
    inside = np.searchsorted(deep_starts, starts, side="right") - 1  # of which deeper run each run is a part
    longest, together = np.zeros(len(deep_starts)), np.zeros(len(deep_starts))
    np.maximum.at(longest, inside, ends - starts)
    np.add.at(together, inside, ends - starts)
    flat = (longest >= _LEAST) & (deep_ends - deep_starts <= _GROWTH * together)
    return list(zip(deep_starts[flat].tolist(), deep_ends[flat].tolist(), strict=True))


def _runs(high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    change = np.diff(np.concatenate([[0], high.astype(np.int8), [0]]))
    return np.flatnonzero(change == 1), np.flatnonzero(change == -1)


def _active_frames(samples: np.ndarray, step: int) -> int:
    starts = np.arange(0, len(samples), step)
    power = np.add.reduceat(np.square(samples), starts) / np.minimum(step, len(samples) - starts)
    return int((power > max(power.max() * 10 ** (-RANGE / 10), 10 ** (FLOOR / 10))).sum())
