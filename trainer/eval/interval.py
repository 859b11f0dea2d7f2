"""A mean, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DRAWS = 2_000
_SURE = 0.95


@dataclass(frozen=True)
class Mean:
    """`low` to `high`: its 95 % interval, by the percentile bootstrap over rows (Efron 1979); the same numbers each time. Of few
    rows it is too narrow, and of rows that are all alike it has no width.
    """

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f}, {self.count} rows)"


def mean_of(values: Sequence[float]) -> Mean | None:
    """None where there are no values."""
    if not len(values):
        return None
    each = np.asarray(values, np.float64)
    draw = np.random.default_rng(0)
    means = [each[draw.integers(len(each), size=len(each))].mean() for _ in range(_DRAWS)]
    low, high = np.quantile(means, [(1 - _SURE) / 2, (1 + _SURE) / 2])
    return Mean(float(each.mean()), float(low), float(high), len(each))
