"""Windows over long clips, and clips of like length put together."""

from hypothesis import given
from hypothesis import strategies as st

from voxsmith.models.windows import buckets, windows


@given(st.integers(1, 20000), st.integers(1, 2000), st.floats(0.01, 1 / 3))
def test_all_frames_are_kept_once_with_a_margin(frames: int, size: int, share: float) -> None:
    margin = int(size * share)
    cut = windows(frames, size, margin)
    assert [frame for one in cut for frame in range(one.first, one.last)] == list(range(frames))
    for one in cut:
        assert 0 <= one.begin <= one.first < one.last <= one.end <= frames
        assert one.end - one.begin <= size
        assert one.begin == 0 or one.first - one.begin >= margin
        assert one.end == frames or one.end - one.last >= margin
    assert len({one.end - one.begin for one in cut}) == 1


@given(st.lists(st.integers(1, 1000)), st.integers(1, 9))
def test_buckets_hold_all_of_like_length(lengths: list[int], most: int) -> None:
    groups = buckets(lengths, most)
    assert sorted(place for one in groups for place in one) == list(range(len(lengths)))
    for one in groups:
        assert len(one) <= most
        assert min(lengths[place] for place in one) >= 0.75 * max(lengths[place] for place in one)
