"""The encoder's file against OpenAI's own architecture, written out here in float64, and its names, typed by hand."""

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from voxsmith.trainer.export import openai_whisper

BLOCK = {
    "attn.query.weight": [16, 16],
    "attn.query.bias": [16],
    "attn.key.weight": [16, 16],
    "attn.value.weight": [16, 16],
    "attn.value.bias": [16],
    "attn.out.weight": [16, 16],
    "attn.out.bias": [16],
    "attn_ln.weight": [16],
    "attn_ln.bias": [16],
    "mlp.0.weight": [64, 16],
    "mlp.0.bias": [64],
    "mlp.2.weight": [16, 64],
    "mlp.2.bias": [16],
    "mlp_ln.weight": [16],
    "mlp_ln.bias": [16],
}
NAMES = {
    "encoder.conv1.weight": [16, 8, 3],
    "encoder.conv1.bias": [16],
    "encoder.conv2.weight": [16, 16, 3],
    "encoder.conv2.bias": [16],
    "encoder.positional_embedding": [1500, 16],
    **{f"encoder.blocks.{number}.{name}": shape for number in (0, 1) for name, shape in BLOCK.items()},
    "encoder.ln_post.weight": [16],
    "encoder.ln_post.bias": [16],
    "decoder.token_embedding.weight": [1, 16],
    "decoder.positional_embedding": [1, 16],
    "decoder.ln.weight": [16],
    "decoder.ln.bias": [16],
}


def encoder() -> WhisperEncoder:
    torch.manual_seed(5)
    config = WhisperConfig(
        num_mel_bins=8, d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=64, init_std=0.3
    )
    made = WhisperEncoder(config).eval()
    for value in made.parameters():
        value.requires_grad_(False).add_(0.1 * torch.randn_like(value))
    return made


def as_openai_computes(weights: dict[str, Tensor], mel: Tensor, heads: int, layers: int) -> Tensor:
    """Radford et al. 2022 (arXiv:2212.04356), as whisper/model.py has it: query and key scaled by the fourth root each."""
    at = {name.removeprefix("encoder."): value.double() for name, value in weights.items()}
    hidden = F.gelu(F.conv1d(mel.double(), at["conv1.weight"], at["conv1.bias"], padding=1))
    hidden = F.gelu(F.conv1d(hidden, at["conv2.weight"], at["conv2.bias"], stride=2, padding=1)).transpose(1, 2)
    hidden = hidden + at["positional_embedding"]

    def norm(name: str, values: Tensor) -> Tensor:
        return F.layer_norm(values, values.shape[-1:], at[f"{name}.weight"], at[f"{name}.bias"])

    for number in range(layers):
        block = f"blocks.{number}"
        seen = norm(f"{block}.attn_ln", hidden)
        query, key, value = (
            F.linear(seen, at[f"{block}.attn.{name}.weight"], at.get(f"{block}.attn.{name}.bias"))
            .unflatten(2, (heads, -1))
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        scale = query.shape[-1] ** -0.25
        shares = ((query * scale) @ (key * scale).transpose(2, 3)).softmax(-1)
        mixed = (shares @ value).transpose(1, 2).flatten(2)
        hidden = hidden + F.linear(mixed, at[f"{block}.attn.out.weight"], at[f"{block}.attn.out.bias"])
        inner = F.linear(norm(f"{block}.mlp_ln", hidden), at[f"{block}.mlp.0.weight"], at[f"{block}.mlp.0.bias"])
        hidden = hidden + F.linear(F.gelu(inner), at[f"{block}.mlp.2.weight"], at[f"{block}.mlp.2.bias"])
    return norm("ln_post", hidden)


def test_openai_s_architecture_hears_the_same_in_30_seconds(tmp_path: Path) -> None:
    ours = encoder()
    openai_whisper.write(ours, tmp_path / "speech_encoder.pt")
    content = torch.load(tmp_path / "speech_encoder.pt", weights_only=True)
    assert content["dims"] == {
        "n_mels": 8,
        "n_audio_ctx": 1500,
        "n_audio_state": 16,
        "n_audio_head": 2,
        "n_audio_layer": 2,
        "n_vocab": 1,
        "n_text_ctx": 1,
        "n_text_state": 16,
        "n_text_head": 2,
        "n_text_layer": 0,
    }
    weights = content["model_state_dict"]
    assert {name: list(value.shape) for name, value in weights.items()} == NAMES
    mel = torch.randn(1, 8, 3000)
    heard = as_openai_computes(weights, mel, heads=2, layers=2)
    assert math.isclose(float(heard.std()), 1.0, rel_tol=0.5)
    torch.testing.assert_close(ours(mel).last_hidden_state.double(), heard, rtol=0, atol=1e-5)


def test_weights_keep_their_values_and_take_no_more_room_than_they_need(tmp_path: Path) -> None:
    ours = encoder()
    ours.conv1.weight.copy_(ours.conv1.weight.half())  # as OpenAI publishes them
    openai_whisper.write(ours, tmp_path / "speech_encoder.pt")
    weights = torch.load(tmp_path / "speech_encoder.pt", weights_only=True)["model_state_dict"]
    assert weights["encoder.conv1.weight"].dtype == torch.float16
    assert weights["encoder.conv2.weight"].dtype == torch.float32
    again = openai_whisper.read(tmp_path / "speech_encoder.pt").state_dict()
    assert all(torch.equal(again[name], value) for name, value in ours.state_dict().items())
