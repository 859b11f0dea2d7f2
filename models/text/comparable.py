"""What was said and what was heard, as words that can be counted: of each the reading that is nearest to the other.

A recogniser writes "205" for "two hundred and five", "two oh five" and "two zero five"; nothing in the text tells which.
So every written form has all the readings that it can mean (voxsmith.models.text.text_readings), and the two texts are read
so that they differ least. A changed number has no reading that is the other's, and stays an error.
"""

from voxsmith.models.text.lattice import Lattice
from voxsmith.models.text.nearest import nearest
from voxsmith.models.text.text_readings import readings

_MOST = 100_000  # pairs of edges that are tried in one stretch: about a fifth of a second
_BESIDE = 2  # things beside a difference that are read again with it


def comparable(said: str, heard: str) -> tuple[list[str], list[str]]:
    """The words of both texts, lower-case, without signs, spelling American, numbers in words.

    Texts are aligned by their usual readings first, which is O(n m / 64) for n and m words. Only stretches that differ
    are read otherwise: O(edges x edges) each, and as they are where that is more than a bound.
    """
    if said == heard:
        return usual(said), usual(said)
    first, second = readings(said), readings(heard, heard=True)
    mine: list[str] = []
    theirs: list[str] = []
    start = start_other = 0
    for end, stop, end_other, stop_other in [*_equal(first, second), (len(first), 0, len(second), 0)]:
        if end > start or end_other > start_other:
            left, right = nearest(first[start:end], second[start_other:end_other], _MOST)
            mine += left
            theirs += right
        same = [word for one in first[end:stop] for word in one.usual]
        mine += same
        theirs += same
        start, start_other = stop, stop_other
    return mine, theirs


def usual(text: str) -> list[str]:
    """The words of one text, each thing read as it is read most often."""
    return _usual(readings(text))


def _usual(said: list[Lattice]) -> list[str]:
    return [word for one in said for word in one.usual]


def _equal(first: list[Lattice], second: list[Lattice]) -> list[tuple[int, int, int, int]]:
    """Stretches of whole things that are read alike: (from, to) of the first and of the second."""
    from rapidfuzz.distance import Levenshtein

    starts, starts_other = _places(first), _places(second)
    alike = []
    words, others = _usual(first), _usual(second)
    length, length_other = len(words), len(others)
    for one in Levenshtein.opcodes(words, others):
        if one.tag != "equal":
            continue
        shift = one.dest_start - one.src_start
        borders = [
            place
            for place in range(one.src_start, one.src_end + 1)
            if place in starts and place + shift in starts_other
        ]
        # what stands beside a difference may be read in its light: "5:00" is "five" or "five o'clock"
        begins = not one.src_start and not one.dest_start
        ends = one.src_end == length and one.dest_end == length_other
        borders = borders[0 if begins else _BESIDE : len(borders) if ends else -_BESIDE]
        if len(borders) > 1:
            low, high = borders[0], borders[-1]
            alike.append(
                (starts[low][-1], starts[high][0], starts_other[low + shift][-1], starts_other[high + shift][0])
            )
    return alike


def _places(said: list[Lattice]) -> dict[int, list[int]]:
    """Which things begin at which word; what is silent begins where the next does."""
    places: dict[int, list[int]] = {}
    count = 0
    for place, one in enumerate(said):
        places.setdefault(count, []).append(place)
        count += len(one.usual)
    places.setdefault(count, []).append(len(said))
    return places
