"""Whisper's encoder in a file of OpenAI's layout, as openai-whisper reads it: {"dims", "model_state_dict"}.

Their class also builds a text decoder, which LLaMA-Omni throws away: here it has no layers and one token.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from voxsmith.trainer.export.folder import NotExportable

FRAMES = 1500  # of 30 s, which is all that OpenAI's encoder takes
_PLACES = {  # transformers' names, and OpenAI's
    "embed_positions.weight": "positional_embedding",
    "conv1.": "conv1.",
    "conv2.": "conv2.",
    "layer_norm.": "ln_post.",
}
_INSIDE = {  # of a layer
    "self_attn.q_proj.": "attn.query.",
    "self_attn.k_proj.": "attn.key.",
    "self_attn.v_proj.": "attn.value.",
    "self_attn.out_proj.": "attn.out.",
    "self_attn_layer_norm.": "attn_ln.",
    "fc1.": "mlp.0.",
    "fc2.": "mlp.2.",
    "final_layer_norm.": "mlp_ln.",
}


def write(encoder: Any, file: Path) -> None:
    """`encoder`: transformers' WhisperEncoder, without LoRA. Weights that float16 holds exactly are kept so, as in OpenAI's own
    files, others in float32. Raises NotExportable where openai-whisper can't build such an encoder.
    """
    settings = encoder.config
    frames, width = encoder.embed_positions.weight.shape
    if frames != FRAMES:
        raise NotExportable(
            f"the speech encoder has positions for {frames} frames: OpenAI's code takes {FRAMES}, which is 30 s"
        )
    if settings.encoder_ffn_dim != 4 * width:
        raise NotExportable(
            f"the speech encoder's feed-forward layers are {settings.encoder_ffn_dim} wide: OpenAI's are 4 x {width}"
        )
    heads = settings.encoder_attention_heads
    text = {"n_vocab": 1, "n_text_ctx": 1, "n_text_state": width, "n_text_head": heads, "n_text_layer": 0}
    audio = {"n_audio_ctx": frames, "n_audio_state": width, "n_audio_head": heads}
    dims = {"n_mels": settings.num_mel_bins, **audio, "n_audio_layer": settings.encoder_layers, **text}
    weights = {f"encoder.{theirs(name)}": _exact(value) for name, value in encoder.state_dict().items()}
    weights |= {
        "decoder.token_embedding.weight": torch.zeros(1, width),
        "decoder.positional_embedding": torch.zeros(1, width),
        "decoder.ln.weight": torch.ones(width),
        "decoder.ln.bias": torch.zeros(width),
    }
    torch.save({"dims": dims, "model_state_dict": weights}, file)


def read(file: Path) -> Any:
    """transformers' WhisperEncoder with the weights of the file, float32."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    content = torch.load(file, map_location="cpu", weights_only=True)
    dims, weights = content["dims"], content["model_state_dict"]
    config = WhisperConfig(
        num_mel_bins=dims["n_mels"],
        d_model=dims["n_audio_state"],
        encoder_layers=dims["n_audio_layer"],
        encoder_attention_heads=dims["n_audio_head"],
        encoder_ffn_dim=4 * dims["n_audio_state"],
        max_source_positions=dims["n_audio_ctx"],
        attn_implementation="sdpa",
    )
    encoder = WhisperEncoder(config)
    named = {name: weights[f"encoder.{theirs(name)}"].float() for name in encoder.state_dict()}
    encoder.load_state_dict(named)
    return encoder.eval()


def theirs(name: str) -> str:
    """OpenAI's name of a weight of transformers' encoder."""
    if name.startswith("layers."):
        _, number, inside = name.split(".", 2)
        return f"blocks.{number}.{_renamed(inside, _INSIDE)}"
    return _renamed(name, _PLACES)


def _renamed(name: str, names: dict[str, str]) -> str:
    start = next(ours for ours in names if name.startswith(ours))
    return names[start] + name.removeprefix(start)


def _exact(value: Tensor) -> Tensor:
    half = value.detach().half()
    return (half if torch.equal(half.float(), value.float()) else value.detach().float()).contiguous().clone()
