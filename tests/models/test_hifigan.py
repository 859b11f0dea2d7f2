"""HiFi-GAN V1 and its mel: what the published code and librosa give; and files that are none."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.paths import GOLDEN
from voxsmith.models.griffin_lim import griffin_lim
from voxsmith.models.hifigan import open_hifigan
from voxsmith.models.hifigan_mel import hifigan_mel
from voxsmith.models.references import ModelMissing

FOLDER = GOLDEN / "hifigan"


def test_waves_are_those_of_the_published_code() -> None:
    wanted = np.load(FOLDER / "golden.npz")
    wave = open_hifigan(FOLDER)(torch.from_numpy(wanted["mel"]).T[None])[0].numpy()
    assert wave.shape == wanted["wave"].shape and float(np.abs(wanted["wave"]).max()) > 1e-3
    assert float(np.abs(wave - wanted["wave"]).max()) < 1e-5


def test_the_mel_is_librosas() -> None:
    """But for 1e-9, which HiFi-GAN adds to squares and librosa doesn't."""
    wanted = np.load(FOLDER / "golden.npz")
    mel = hifigan_mel(torch.from_numpy(wanted["clip"])).numpy()
    assert mel.shape == wanted["heard"].shape == (80, 5000 // 256)
    assert float(np.abs(mel - wanted["heard"]).max()) < 1e-3
    assert hifigan_mel(torch.zeros(3)).shape == (80, 1)
    # By hand: silence is the root of 1e-9 in each bin, of which a triangle's sum is taken, or 1e-5 if that is less.
    silence = hifigan_mel(torch.zeros(2048))
    assert silence.max() <= np.log(1e-5) + 1e-5


def test_griffin_lim_gives_speech_of_the_same_spectrum() -> None:
    wanted = np.load(FOLDER / "golden.npz")
    mel = hifigan_mel(torch.from_numpy(wanted["clip"]))
    again = hifigan_mel(griffin_lim(mel))
    loud = mel > -4
    assert again.shape == mel.shape and int(loud.sum()) > 30
    assert float((again - mel)[:, 2:-2][loud[:, 2:-2]].abs().mean()) < 0.2


def test_files_that_are_no_generator(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"no HiFi-GAN: there is no generator.pth.tar in it"):
        open_hifigan(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "other")
    settings = json.loads((FOLDER / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps(settings | {"upsample_initial_channel": 64}))
    with pytest.raises(ModelMissing, match=r"generator.pth.tar: doesn't fit config.json: size mismatch"):
        open_hifigan(tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text(json.dumps(settings | {"resblock": "2"}))
    with pytest.raises(ModelMissing, match="only V1's, which is 1, is known here"):
        open_hifigan(tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text(json.dumps(settings))
    (tmp_path / "other" / "generator.pth.tar").write_bytes(b"nothing")
    with pytest.raises(ModelMissing, match=r"generator.pth.tar: broken, or no HiFi-GAN"):
        open_hifigan(tmp_path / "other")
