"""The unit vocoder's network: fairseq's own waves, windows that don't show, and what it can't say."""

import numpy as np
import pytest
import torch

from tests.helpers.paths import GOLDEN
from voxsmith.models import unit_vocoder
from voxsmith.models.unit_vocoder import UnitHifiGan, open_vocoder

FOLDER = GOLDEN / "vocoder"


@pytest.fixture(scope="module")
def vocoder() -> UnitHifiGan:
    return open_vocoder(FOLDER, torch.device("cpu"))


def test_waves_are_fairseqs(vocoder: UnitHifiGan) -> None:
    wanted = np.load(FOLDER / "golden.npz")
    units, durations = wanted["units"].astype(np.int64), wanted["durations"].astype(np.int64)
    for wave, name in ((vocoder.wave(units, durations), "given"), (vocoder.wave(units), "predicted")):
        assert wave.shape == wanted[name].shape
        most = np.abs(wave - wanted[name]).max()
        print(f"{name} durations: largest difference from fairseq {most:.1e}")
        assert most <= 1e-4


def test_windows_do_not_show(vocoder: UnitHifiGan, monkeypatch: pytest.MonkeyPatch) -> None:
    units = np.random.default_rng(0).integers(0, 20, 700)
    whole = vocoder.wave(units, np.ones_like(units))
    monkeypatch.setattr(unit_vocoder, "WINDOW", 300)
    assert np.abs(whole - vocoder.wave(units, np.ones_like(units))).max() < 1e-6


def test_what_it_says_of_itself(vocoder: UnitHifiGan) -> None:
    """As config.json has it: 16 kHz, 20 units, 320 samples a frame."""
    assert (vocoder.rate, vocoder.units) == (16000, 20)
    assert len(vocoder.wave(np.array([3]), np.array([7]))) == 7 * 320


def test_what_it_cannot_say(vocoder: UnitHifiGan) -> None:
    with pytest.raises(ValueError, match="unit 20: the vocoder knows 0 to 19"):
        vocoder.wave(np.array([1, 20]))
    with pytest.raises(ValueError, match="65537 frames; a clip has 60000 at most"):
        vocoder.wave(np.array([1, 2]), np.array([65535, 2]))
