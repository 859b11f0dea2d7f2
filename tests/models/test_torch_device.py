"""Where PyTorch runs an engine. No card is at hand here: what it is told of one is looked at."""

import pytest
import torch

from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_device import torch_device
from voxsmith.schemas.resources import Resources


def test_a_card_that_is_not_there_is_told_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelMissing, match=r"num_gpus is 0.25, and PyTorch sees no GPU \(\S+, GPU 5\)"):
        torch_device("tts_cosyvoice", Resources(num_gpus=0.25))


def test_on_a_card_the_same_is_asked_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of cuDNN's algorithms for transposed convolutions, which make vocoders' waves, some are not deterministic."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    assert torch_device("tts_cosyvoice", Resources(num_gpus=0.25)).type == "cuda"
    assert torch.backends.cudnn.deterministic
