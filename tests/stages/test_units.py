"""`units`: frames as units with durations, nothing lost; `fit_units`: a codebook that is the same each time."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from threadpoolctl import threadpool_limits

from tests.helpers.talk import drive
from voxsmith.schemas.columns import column
from voxsmith.stages import fit_units, units
from voxsmith.stages.context import Context
from voxsmith.stages.requests.units import Encode, Features, Quantise, Units

FEW = arrays(np.uint16, st.integers(0, 200), elements=st.sampled_from([0, 1, 2, 199, 65535]))
ROW = {"id": "r", "answer_audio": {"bytes": b"a clip", "path": "x.flac"}}


@settings(deadline=None)
@given(FEW)
def test_units_and_durations_give_the_frames_back(frames: np.ndarray) -> None:
    merged, durations = units.merge(frames)
    assert np.array_equal(np.repeat(merged, durations), frames)
    assert merged.dtype == durations.dtype == np.uint16
    assert not (merged[1:] == merged[:-1]).any()
    assert (durations > 0).all()


@pytest.mark.parametrize("length", [65534, 65535, 65536, 65537, 3 * 65535, 200000])
def test_a_unit_that_lasts_too_long_for_a_duration_is_split(length: int) -> None:
    frames = np.concatenate([[7, 7, 8], np.full(length, 9), [7]]).astype(np.uint16)
    merged, durations = units.merge(frames)
    assert np.array_equal(np.repeat(merged, durations), frames)
    assert len(merged) == 3 + -(-length // 65535)


def written(merge: bool, frames: np.ndarray) -> dict[str, Any]:
    context = Context(units.Config(of="answer", merge=merge), artifacts={"codebook": b"npy"})
    returned, asked = drive(units.STAGE.run(ROW, context), lambda request: Units(frames))
    assert asked == [Quantise(b"a clip", b"npy")]
    assert set(returned) == set(units.STAGE.writes(context.config))
    assert all(column(name) for name in returned)
    return dict(returned)


def test_units_of_a_clip_merged_or_one_a_frame() -> None:
    frames = np.array([5, 5, 5, 3, 5, 5], np.uint16)
    assert written(True, frames) == {"answer_units": [5, 3, 5], "answer_unit_durations": [3, 1, 2]}
    assert written(False, frames) == {"answer_units": frames.tolist(), "answer_unit_durations": [1] * 6}


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"r{number}", "answer_audio": {"bytes": bytes([number]), "path": "x"}} for number in range(count)]


def blobs(request: Encode) -> Features:
    """600 frames of 8 numbers around four points, drawn by the clip."""
    draw = np.random.default_rng(request.clip[0])
    return Features((draw.integers(0, 4, (600, 1)) * 10 + draw.normal(0, 0.1, (600, 8))).astype(np.float32))


def fitted(count: int, seed: int = 7, **settings: Any) -> np.ndarray:
    context = Context(fit_units.Config(**settings), seed=seed, stage="fit_units")
    returned, asked = drive(fit_units.STAGE.run(iter(rows(count)), context), blobs)
    assert sorted(request.clip for request in asked) == [bytes([number]) for number in range(count)]
    assert set(returned) == {"codebook"}
    return np.asarray(np.load(io.BytesIO(returned["codebook"]), allow_pickle=False))


def test_centroids_are_where_the_frames_are() -> None:
    centroids = fitted(5, clusters=4)
    assert centroids.dtype == np.float32
    assert centroids.shape == (4, 8)
    assert np.allclose(np.sort(centroids.mean(axis=1)), [0, 10, 20, 30], atol=0.05)


def test_the_codebook_is_the_same_to_the_bit_on_any_number_of_threads() -> None:
    with threadpool_limits(1):
        alone = fitted(4, clusters=32)
    with threadpool_limits(2):
        assert np.array_equal(fitted(4, clusters=32), alone)
    assert not np.array_equal(fitted(4, seed=8, clusters=32), alone)


def test_memory_is_bounded_by_frames_of_a_clip() -> None:
    assert fitted(3, clusters=30, frames_per_clip=10).shape == (30, 8)
    with pytest.raises(ValueError, match="30 frames of 3 clips can't be put into 31 clusters; raise sample_rows"):
        fitted(3, clusters=31, frames_per_clip=10)


def drawn(given: list[dict[str, Any]], **settings: Any) -> tuple[list[bytes], bytes]:
    """The clips that were encoded, and the codebook."""
    context = Context(fit_units.Config(clusters=4, **settings), seed=7, stage="fit_units")
    returned, asked = drive(fit_units.STAGE.run(iter(given), context), blobs)
    return [request.clip for request in asked], returned["codebook"]


def test_a_large_shard_is_fitted_on_sample_rows_of_it() -> None:
    clips, codebook = drawn(rows(50), sample_rows=6)
    assert len(set(clips)) == len(clips) == 6
    assert set(clips) != {bytes([number]) for number in range(6)}  # not just the first ones
    assert drawn(rows(50)[::-1], sample_rows=6) == (clips, codebook)
    assert set(clips) < set(drawn(rows(50), sample_rows=12)[0])


def test_no_more_rows_than_the_sample_are_held() -> None:
    class Counted(dict[str, Any]):
        alive = most = 0

        def __init__(self, row: dict[str, Any]) -> None:
            super().__init__(row)
            Counted.alive += 1
            Counted.most = max(Counted.most, Counted.alive)

        def __del__(self) -> None:
            Counted.alive -= 1

    context = Context(fit_units.Config(clusters=4, sample_rows=5), seed=7, stage="fit_units")
    drive(fit_units.STAGE.run((Counted(row) for row in rows(200)), context), blobs)
    assert Counted.most <= 5 + 2  # and those in hand


def test_no_rows_is_told() -> None:
    with pytest.raises(ValueError, match="0 frames of 0 clips"):
        fitted(0)
