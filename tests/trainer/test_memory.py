"""The arithmetic of memory against what automatic differentiation keeps, counted by its own hooks."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from tests.trainer import tiny
from voxsmith.trainer.memory import fixed, llama_layer, lora, whisper_layer
from voxsmith.trainer.networks.whisper import encode
from voxsmith.trainer.phases.what_learns import add_lora
from voxsmith.trainer.recipe import Llm

ROWS, LONG = 2, 48


@contextmanager
def kept(model: nn.Module, bf16: bool) -> Iterator[list[int]]:
    """Bytes of tensors that are kept on the way, each memory once, but for parameters and autocast's copies of them."""
    own = {value.untyped_storage().data_ptr() for value in model.parameters()}
    matrices = {tuple(value.shape) for value in model.parameters()} | {
        tuple(value.shape[::-1]) for value in model.parameters()
    }
    seen: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own and tuple(tensor.shape) not in matrices:
            seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    counted: list[int] = []
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        yield counted
    counted.append(sum(tensor.untyped_storage().nbytes() for tensor in seen.values()))


def llama(layers: int, learns: str, bf16: bool) -> tuple[LlamaForCausalLM, int]:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=64,
        intermediate_size=176,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16 if bf16 and learns != "all" else torch.float32)
    model.requires_grad_(learns == "all")
    if learns == "lora":
        add_lora(model, Llm.model_validate({"model": "x", "lora": {"rank": 4}}))
    inputs = torch.randn(ROWS, LONG, 64, dtype=model.dtype).requires_grad_(True)
    attended = torch.ones(ROWS, LONG, dtype=torch.bool)
    attended[1, -5:] = False
    with kept(model, bf16) as counted:
        model.model(inputs_embeds=inputs, attention_mask=attended, use_cache=False)
    return model, counted[0]


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("learns", ["nothing", "lora", "all"])
def test_a_layer_of_llama(learns: str, bf16: bool) -> None:
    """The difference between three layers and two. In float32 two updates share what goes into them, which isn't taken off."""
    (_, two), (model, three) = llama(2, learns, bf16), llama(3, learns, bf16)
    cast = 2 if bf16 else 4
    expected = llama_layer(64, 64, 176, 4, LONG * cast, cast, learns == "all") + lora(model, cast) // 3
    assert (three - two) / (ROWS * LONG) == pytest.approx(expected, rel=0.07 if learns == "lora" else 0.01)


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("learns", ["nothing", "all"])
def test_a_layer_of_whisper(learns: str, bf16: bool) -> None:
    cast, got = 2 if bf16 else 4, []
    for layers in (2, 3):
        config = WhisperConfig(
            num_mel_bins=8,
            d_model=64,
            encoder_layers=layers,
            encoder_attention_heads=4,
            encoder_ffn_dim=176,
            max_source_positions=100,
            attn_implementation="sdpa",
        )
        torch.manual_seed(0)
        encoder = WhisperEncoder(config).requires_grad_(learns == "all").eval()
        mel = torch.randn(ROWS, 8, 2 * LONG).requires_grad_(True)
        with kept(encoder, bf16) as counted:
            encode(encoder, mel, torch.tensor([2 * LONG, 60]))
        got.append(counted[0])
    expected = whisper_layer(64, 176, 4, LONG * cast, cast, learns == "all")
    assert (got[1] - got[0]) / (ROWS * LONG) == pytest.approx(expected, rel=0.1)


def test_what_learns_takes_sixteen_bytes_a_parameter() -> None:
    recipe = tiny.recipe()
    network = tiny.network(recipe)
    count = sum(value.numel() for value in network.parameters())
    network.requires_grad_(True)
    assert sum(fixed(network, recipe)) == 16 * count
    network.requires_grad_(False)
    assert fixed(network, recipe) == (4 * count, 0, 0)
