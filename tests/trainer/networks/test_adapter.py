"""The adapters give what the reference code gives."""

import pytest
import torch

from tests.trainer.golden import below, golden
from voxsmith.trainer.networks.adapter import SpeechAdapter, StackProjector
from voxsmith.trainer.networks.norm import RMSNorm
from voxsmith.trainer.networks.whisper import frames_of


def test_llama_omni_s_adapter_is_the_reference_s() -> None:
    tensors, _ = golden("llama_omni_adapter")
    adapter = SpeechAdapter(32, 48)
    adapter.load_state_dict(below(tensors, "model.speech_projector."))
    torch.testing.assert_close(adapter(tensors["encoder_out"]), tensors["adapter_out"], atol=1e-5, rtol=0)
    frames = frames_of(tensors["mel_lengths"])
    assert frames.tolist() == tensors["encoder_lengths"].tolist()
    assert adapter.lengths(frames).tolist() == tensors["adapter_lengths"].tolist()


@pytest.mark.parametrize("norm", ["mid", "post"])
def test_ultravox_projector_is_the_reference_s(norm: str) -> None:
    tensors, _ = golden("ultravox_projector")
    weights = below(tensors, f"ln_{norm}.multi_modal_projector.")
    projector = StackProjector(16, 24, hidden=20, norm=norm)
    assert projector.state_dict().keys() == weights.keys()
    projector.load_state_dict(weights)
    got = projector(tensors[f"ln_{norm}.encoder_out"])
    torch.testing.assert_close(got, tensors[f"ln_{norm}.out"], atol=1e-5, rtol=0)
    assert projector.lengths(torch.tensor([21])).tolist() == [got.shape[1]]


def test_at_the_papers_sizes_the_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        adapter, projector = SpeechAdapter(1280, 4096), StackProjector(1280, 4096)
    assert {name: list(value.shape) for name, value in adapter.state_dict().items()} == {
        "linear1.weight": [2048, 6400],
        "linear1.bias": [2048],
        "linear2.weight": [4096, 2048],
        "linear2.bias": [4096],
    }
    assert {name: list(value.shape) for name, value in projector.state_dict().items()} == {
        "ln_pre.weight": [10240],
        "linear_1.weight": [4096, 10240],
        "linear_2.weight": [4096, 2048],
        "ln_mid.weight": [2048],
    }


def test_norms_have_a_kernel_under_autocast(recwarn: pytest.WarningsRecorder) -> None:
    """PyTorch warns where bfloat16 meets a float32 weight; what comes out is the norm in float32."""
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0)).bfloat16()
    norm = RMSNorm(16, eps=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        y = norm(x)
    wanted = x.double() / (x.double() ** 2).mean(-1, keepdim=True).add(1e-6).sqrt()
    torch.testing.assert_close(y.double(), wanted, rtol=1e-6, atol=1e-6)
    assert not recwarn.list
