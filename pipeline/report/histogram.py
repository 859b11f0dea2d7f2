"""Counts of values between edges. Values are whole numbers of a measure's step, so that quantiles are exact to it."""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

BINS = 30


@dataclass(frozen=True)
class Histogram:
    """Counts between edges; `counts[i]` lies in [edges[i], edges[i + 1]). Quantiles are exact to the measure's step."""

    count: int
    missing: int
    mean: float
    least: float
    median: float
    p95: float
    greatest: float
    edges: list[float]
    counts: list[int]


def edges_over(steps: list[int], step: float) -> list[float]:
    """At most BINS bins of a round width that cover all `steps` (values in units of `step`).

    They start at 0 where that is near; whole numbers that have a bin each stand in its middle.
    """
    low, high = min(steps), max(steps) + 1
    if step == 1 and high - low <= BINS:
        return [i - 0.5 for i in range(low, max(high, low + 6) + 1)]
    if low <= (high - low) / 2:
        low = min(low, 0)
    width = next(
        factor * 10**power
        for power in range(19)
        for factor in (1, 2, 5)
        if (high - low) / (factor * 10**power) <= BINS - 1
    )
    first, last = math.floor(low / width), math.ceil(high / width)
    return [round(i * width * step, 6) for i in range(first, last + 1)]


def histogram(tally: Counter[int], step: float, edges: list[float], mean: float, missing: int) -> Histogram:
    values = np.array(sorted(tally))
    counts = np.array([tally[int(value)] for value in values])
    upto = np.cumsum(counts)
    # A little up, so that a value that is an edge falls above it, whatever rounding did to either.
    inside, _ = np.histogram((values + 0.25) * step, edges, weights=counts)

    def quantile(share: float) -> float:
        return round(float(values[np.searchsorted(upto, share * upto[-1])]) * step, 6)

    return Histogram(
        count=int(upto[-1]),
        missing=missing,
        mean=round(mean, 6),
        least=quantile(0.0),
        median=quantile(0.5),
        p95=quantile(0.95),
        greatest=round(float(values[-1]) * step, 6),
        edges=edges,
        counts=[int(count) for count in inside],
    )
