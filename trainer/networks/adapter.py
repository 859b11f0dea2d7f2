"""From frames of a speech encoder to embeddings of an LLM. Parameter names are those of the published checkpoints."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voxsmith.trainer.networks.norm import RMSNorm

HIDDEN = 2048  # of LLaMA-Omni's adapter: a constant in its loader
EPSILON, SCALE = 1e-6, 0.4  # of Ultravox' norms, and where their weights start


class SpeechAdapter(nn.Module):
    """LLaMA-Omni's adapter: `k` frames side by side, two linear layers with ReLU between (Fang et al. 2024,
    arXiv:2409.06666, section 2.2). Frames behind the last whole group are dropped.
    """

    def __init__(self, encoder_width: int, llm_width: int, k: int = 5, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.k = k
        self.linear1 = nn.Linear(encoder_width * k, hidden)
        self.linear2 = nn.Linear(hidden, llm_width)

    def lengths(self, frames: Tensor) -> Tensor:
        """Embeddings of clips with so many frames, int64 [B]."""
        return frames // self.k

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, encoder_width] -> [B, T // k, llm_width]."""
        groups = frames.shape[1] // self.k
        return self.linear2(F.relu(self.linear1(frames[:, : groups * self.k].reshape(len(frames), groups, -1))))


class StackProjector(nn.Module):
    """Ultravox' projector: `stack` frames side by side, a norm, SwiGLU, and a second norm in the middle (`mid`, from v0.5 on)
    or at the end (`post`, before). Of the first layer's output the first half is the value, the second the gate: the other
    way round than in Llama. The last group is filled up with zeros.
    """

    def __init__(
        self,
        encoder_width: int,
        llm_width: int,
        stack: int = 8,
        hidden: int = 4096,
        norm: Literal["mid", "post"] = "mid",
    ) -> None:
        super().__init__()
        self.stack = stack
        self.ln_pre = _norm(encoder_width * stack)
        self.linear_1 = nn.Linear(encoder_width * stack, hidden, bias=False)
        self.linear_2 = nn.Linear(hidden // 2, llm_width, bias=False)
        self.ln_mid = _norm(hidden // 2) if norm == "mid" else nn.Identity()
        self.ln_post = _norm(llm_width) if norm == "post" else nn.Identity()

    def lengths(self, frames: Tensor) -> Tensor:
        """Embeddings of clips with so many frames, int64 [B]."""
        return (frames + self.stack - 1) // self.stack

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, encoder_width] -> [B, ceil(T / stack), llm_width]. Frames behind a clip's end must be zero: they share a
        group with its last ones.
        """
        filled = F.pad(frames, (0, 0, 0, -frames.shape[1] % self.stack))
        stacked = filled.reshape(len(frames), filled.shape[1] // self.stack, -1)
        value, gate = self.linear_1(self.ln_pre(stacked)).chunk(2, dim=-1)
        return self.ln_post(self.linear_2(self.ln_mid(value * F.silu(gate))))


def _norm(width: int) -> RMSNorm:
    norm = RMSNorm(width, eps=EPSILON)
    with torch.no_grad():
        norm.weight.fill_(SCALE)
    return norm
