"""What is clipped and what only looks like it: tones, real speech, speech that was turned up too far."""

import io
import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile

from tests.helpers.paths import DATA
from voxsmith.models.clipped import clipped_share

LIMIT = 0.01  # of `read_clip`
RATES = (8000, 16000, 44100, 48000)


def phase(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return 2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate + 0.3


def stored(samples: np.ndarray, rate: int, subtype: str, format: str = "WAV") -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def speech() -> Iterator[tuple[np.ndarray, int]]:
    """Real clips, their peaks at full scale."""
    for line in (DATA / "asr" / "manifest.jsonl").read_text().splitlines():
        samples, rate = soundfile.read(DATA / "asr" / json.loads(line)["path"], dtype="float32")
        yield samples / np.abs(samples).max(), rate


def louder(samples: np.ndarray, decibels: float) -> np.ndarray:
    return np.clip(samples * 10 ** (decibels / 20), -1, 1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [20, 50, 100, 300, 440, 1000, 3500])
def test_a_tone_is_not_clipped(hertz: float, rate: int) -> None:
    for gain in (1.0, 0.1, 0.01):
        assert clipped_share(stored(gain * np.sin(phase(hertz, rate)), rate, "PCM_16"), rate) == 0


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [20, 50, 100, 300, 440])
@pytest.mark.parametrize("decibels", [3, 6, 12, 40])
def test_a_tone_with_flat_tops_is(hertz: float, rate: int, decibels: float) -> None:
    clipped = louder(np.sin(phase(hertz, rate)), decibels)
    share = min(1.0, 2 * hertz / 100)  # of 10 ms: two tops a period
    for samples in (clipped, 0.2 * clipped, stored(clipped, rate, "PCM_16"), 0.3 * clipped + 0.5):
        assert clipped_share(samples, rate) >= 0.9 * share


@pytest.mark.parametrize(
    ("wave", "expected"),
    [
        (lambda at: np.sign(np.sin(at)), 1.0),
        (lambda at: np.sin(at).clip(-2, 0.5), 1.0),  # one side alone
        (lambda at: np.arcsin(np.sin(at)), 0.0),  # a triangle
        (lambda at: (at / np.pi) % 2 - 1, 0.0),  # a saw
        (lambda at: np.sin(at) + 0.5 * np.sin(3.1 * at), 0.0),
        (lambda at: np.zeros_like(at), 0.0),
        (lambda at: np.zeros_like(at) + 0.1, 0.0),
        (lambda at: np.random.default_rng(0).normal(0, 0.1, len(at)), 0.0),
        (lambda at: np.random.default_rng(0).uniform(-1, 1, len(at)), 0.0),
    ],
    ids=["square", "one side", "triangle", "saw", "two tones", "silence", "constant", "noise", "even noise"],
)
def test_other_signals(wave: Callable[[np.ndarray], np.ndarray], expected: float) -> None:
    assert clipped_share(wave(phase(200, 16000)), 16000) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
def test_hardly_any_samples(size: int) -> None:
    assert 0 <= clipped_share(np.linspace(-1, 1, size), 16000) <= 1


def test_speech_is_not_clipped_and_speech_that_was_turned_up_is() -> None:
    whole = list(speech())
    assert max(clipped_share(samples, rate) for samples, rate in whole) < LIMIT / 3
    for subtype in ("PCM_U8", "ULAW", "ALAW"):  # whose steps are coarse
        assert max(clipped_share(stored(0.5 * samples, rate, subtype), rate) for samples, rate in whole) < LIMIT
    assert min(clipped_share(louder(samples, 12), rate) for samples, rate in whole) > 2 * LIMIT
    assert sum(clipped_share(louder(samples, 6), rate) > LIMIT for samples, rate in whole) >= 21  # of 24
