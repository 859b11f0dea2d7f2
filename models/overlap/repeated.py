"""Which requests repeat an earlier one, over all requests of a corpus, in memory of some 50 bytes a request.

The earliest request in order stays: the answer depends on the requests and their order alone, however they are cut into
shards and whenever these were made.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from voxsmith.models.overlap.alike import near_identical

_Array = np.ndarray[Any, Any]
_BEFORE = (
    32  # of the requests that share a band, how many before each it is compared with: bounds a template's thousands
)
_PAIRS = 1 << 20  # that are compared at a time
IDENTICAL, NEAR = "identical", "near-identical"
Repeats = dict[int, tuple[int, str]]  # a request -> the one that it repeats, and how


def identical(names: _Array) -> tuple[_Array, _Array]:
    """(requests, the first request of the same name for each), both int64, of requests that aren't the first ones.

    `names`: uint64 [requests].
    """
    order = np.argsort(names, kind="stable")
    ordered = names[order]
    starts = np.maximum.accumulate(
        np.where(np.r_[True, ordered[1:] != ordered[:-1]][: len(order)], np.arange(len(order)), 0)
    )
    first = order[starts]
    again = np.flatnonzero(first != order)
    return order[again], first[again]


def candidates(bands: _Array, alive: _Array) -> _Array:
    """Pairs of requests that share a band, int64 [pairs, 2], each once, the later request first, in its order.

    `bands`: uint32 [requests, bands]; `alive`: bool [requests], those to look among.
    """
    places = np.flatnonzero(alive)
    pairs: _Array = np.zeros(0, np.int64)
    count = len(bands)
    for band in bands.T:
        values = band[places]
        order = np.argsort(values, kind="stable")
        ordered, rows = values[order], places[order]
        own = []
        for distance in range(1, _BEFORE + 1):
            same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
            if not len(same):
                break
            own.append(rows[same + distance].astype(np.int64) * count + rows[same])
        if own:
            pairs = np.unique(np.concatenate([pairs, *own]))
    return np.stack([pairs // max(count, 1), pairs % max(count, 1)], axis=1)


def near(pairs: _Array, texts: Callable[[_Array], Mapping[int, str]]) -> Repeats:
    """Of requests that share a band, those that are near-identical to an earlier one that is kept.

    `pairs`: see `candidates`; `texts`: the texts of some requests, as words with a space between.
    """
    repeats: Repeats = {}
    for some in _runs(pairs):
        known = texts(np.unique(some))
        for late, early in some.tolist():
            if late in repeats or early in repeats:
                continue
            if near_identical(known[late].split(), known[early].split()):
                repeats[late] = early, NEAR
    return repeats


def _runs(pairs: _Array) -> Iterator[_Array]:
    """The pairs in runs of bounded length."""
    for start in range(0, len(pairs), _PAIRS):
        yield pairs[start : start + _PAIRS]
