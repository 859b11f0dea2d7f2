"""Whisper's encoder over clips of any length: what a clip gives doesn't depend on what it is batched with.

transformers' own `forward` takes 30 seconds, no more and no less. Here a clip costs what it is long. Past its end the
first convolution's output and the encoder's are zero, and no frame attends there; without that a clip's last frames see
what stands beside them in the batch.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

MEL_RATE = 100  # mel frames a second; the encoder makes one frame of two
FRAME_RATE = MEL_RATE // 2


def frames_of(mel_lengths: Tensor) -> Tensor:
    """Encoder frames of clips with so many mel frames, int64 [B]."""
    return (mel_lengths + 1) // 2


def encode(encoder: Any, mel: Tensor, mel_lengths: Tensor) -> Tensor:
    """[B, ceil(T / 2), width]: the frames of clips, zero behind each clip's end.

    `encoder`: transformers' WhisperEncoder, whose attention is `sdpa` or `eager`; `mel`: [B, mels, T], log-mel as Whisper
    has it; `mel_lengths`: int64 [B], how much of T each clip fills. Raises ValueError where a clip is longer than the
    encoder has positions for (30 s).
    """
    longest = encoder.embed_positions.weight.shape[0]
    frames = frames_of(mel_lengths)
    if int(frames.max()) > longest:
        raise ValueError(f"a clip of {int(frames.max())} frames: the encoder has positions for {longest}")
    inside = _inside(mel_lengths, mel.shape[-1])
    hidden = F.gelu(encoder.conv1(mel)) * inside[:, None].to(mel.dtype)
    hidden = F.gelu(encoder.conv2(hidden)).transpose(1, 2)
    kept = _inside(frames, hidden.shape[1])
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    mask = torch.zeros_like(kept, dtype=hidden.dtype).masked_fill(~kept, torch.finfo(hidden.dtype).min)[
        :, None, None, :
    ]
    for layer in encoder.layers:
        hidden = layer(hidden, mask.expand(-1, -1, hidden.shape[1], -1))
    return encoder.layer_norm(hidden) * kept[..., None].to(hidden.dtype)


def _inside(lengths: Tensor, size: int) -> Tensor:
    """bool [B, size]: what is before each row's end."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]
