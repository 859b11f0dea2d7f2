"""Long clips in overlapping windows of frames: of each window only the middle is kept."""

from itertools import pairwise
from typing import NamedTuple


class Window(NamedTuple):
    """Frames `begin` to `end` are computed, of which `first` to `last` are kept; counted from the clip's start."""

    begin: int
    end: int
    first: int
    last: int


def windows(frames: int, size: int, margin: int) -> list[Window]:
    """Windows of `size` frames at most whose kept parts are all frames, each once and in order.

    A kept frame has `margin` frames on either side of it in its window, save at the clip's ends. A clip that fits
    into one window is one. All windows of a longer one are of the same size, so that none is much shorter.
    """
    if frames <= size:
        return [Window(0, frames, 0, frames)]
    step = size - 2 * margin
    count = -(-(frames - 2 * margin) // step)
    starts = [round(number * (frames - size) / (count - 1)) for number in range(count)]
    cuts = [0, *((one + size + other) // 2 for one, other in pairwise(starts)), frames]
    return [Window(start, start + size, cuts[number], cuts[number + 1]) for number, start in enumerate(starts)]


def buckets(lengths: list[int], most: int, waste: float = 0.25) -> list[list[int]]:
    """Places in `lengths`, put together where they are of like length: `most` in a bucket at most, of which the
    shortest is not shorter than 1 - `waste` of the longest. The longest come first: what doesn't fit shows at once.
    """
    together: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if together and len(together[-1]) < most and lengths[place] >= (1 - waste) * lengths[together[-1][0]]:
            together[-1].append(place)
        else:
            together.append([place])
    return together
