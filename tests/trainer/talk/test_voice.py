"""Speech in chunks is the speech of the whole; where it is hurried, its joints are not heard."""

import copy

import numpy as np
import pytest
import torch

from tests.helpers.paths import GOLDEN
from voxsmith.models.unit_vocoder import UnitHifiGan, open_vocoder
from voxsmith.trainer.talk.voice import SpokenUnits

UNITS = np.random.default_rng(3).integers(0, 20, 90)


@pytest.fixture(scope="module")
def vocoder() -> UnitHifiGan:
    return open_vocoder(GOLDEN / "vocoder", torch.device("cpu"))


def streamed(vocoder: UnitHifiGan, omega: int, lookahead: int | None, sizes: list[int]) -> list[np.ndarray]:
    """Chunks of UNITS that come so many at a time, over and over."""
    voice, chunks, at = SpokenUnits(vocoder, omega, lookahead), [], 0
    while at < len(UNITS):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(voice.add(UNITS[at : at + size].tolist()))
        at += size
    return [chunk for chunk in [*chunks, voice.end()] if len(chunk)]


@pytest.mark.parametrize(("omega", "sizes"), [(1, [2]), (10, [4, 0, 7, 1]), (20, [14]), (1000, [3])])
def test_chunks_joined_are_the_whole(vocoder: UnitHifiGan, omega: int, sizes: list[int]) -> None:
    whole = vocoder.wave(UNITS)
    chunks = streamed(vocoder, omega, None, sizes)
    assert len(chunks) == 1 if omega == 1000 else len(chunks) > 2
    joined = np.concatenate(chunks)
    assert joined.shape == whole.shape and joined.dtype == np.float32
    assert float(np.abs(joined - whole).max()) < 1e-5 < 1e-2 < float(np.abs(whole).max())


def test_samples_depend_on_so_many_frames_and_no_more(vocoder: UnitHifiGan) -> None:
    """Another frame changes samples up to `reach` frames around it, and none beyond."""
    far, generator = vocoder.reach, copy.deepcopy(vocoder.parts["generator"]).double()
    frames = torch.randn(1, 16, 81, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    other = frames.clone()
    other[:, :, 40] += 1
    with torch.no_grad():
        changed = (generator(frames) - generator(other))[0].abs().reshape(81, -1).amax(1)
    at = changed.nonzero()[:, 0]
    assert 15 < far < 25 and far - 2 <= 40 - int(at[0]) <= far and far - 2 <= int(at[-1]) - 40 <= far


def test_joints_jump_no_more_than_the_whole_does_there(vocoder: UnitHifiGan) -> None:
    """And far less than chunks that are made one by one and put side by side, as LLaMA-Omni's demonstration does."""
    whole = vocoder.wave(UNITS)
    embedded = vocoder.parts["embedding"](torch.from_numpy(UNITS))[None]
    durations = (vocoder.parts["durations"](embedded)[0].exp() - 1).round().long().clamp(min=1).numpy()

    def jump(chunks: list[np.ndarray]) -> float:
        """How much the step over a joint differs from that of the whole: the mean, beside that of the whole's own steps."""
        places = np.cumsum([len(chunk) for chunk in chunks])[:-1]
        joined = np.concatenate(chunks)
        assert len(places) >= 6 and len(joined) == len(whole)
        return float(np.abs(np.diff(joined) - np.diff(whole))[places - 1].mean() / np.abs(np.diff(whole)).mean())

    alone = jump([vocoder.wave(UNITS[at : at + 10], durations[at : at + 10]) for at in range(0, len(UNITS), 10)])
    cut, hurried, ours = (jump(streamed(vocoder, 10, lookahead, [10])) for lookahead in (0, 6, None))
    print(
        f"jumps: side by side {alone:.3f}, only what was before {cut:.3f}, 6 frames ahead {hurried:.3f}, ours {ours:.1e}"
    )
    assert ours < 1e-4 and hurried < 0.1 * min(alone, cut)


def test_hurried_speech_is_heard_sooner(vocoder: UnitHifiGan) -> None:
    def waited(lookahead: int | None) -> int:
        voice = SpokenUnits(vocoder, 10, lookahead)
        return next(count for count, unit in enumerate(UNITS.tolist(), 1) if len(voice.add([unit])))

    assert 10 <= waited(0) < waited(6) < waited(None)


def test_what_it_can_t_say(vocoder: UnitHifiGan) -> None:
    assert len(SpokenUnits(vocoder, 10).end()) == 0
    with pytest.raises(ValueError, match="unit 20: the vocoder knows 0 to 19"):
        SpokenUnits(vocoder, 10).add([20])
