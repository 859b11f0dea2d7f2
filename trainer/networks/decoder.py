"""The speech decoder of LLaMA-Omni: from an LLM's states to units, by CTC, not autoregressive (Fang et al. 2024,
arXiv:2409.06666, section 2.4). Parameter names are those of its checkpoints (`speech_generator.*`).

Each state is repeated `upsampling` times; causal layers over these frames give each frame a distribution over units and
blank. Equal neighbours are merged, and blanks dropped.

The frames of the first block are all alike: attention averages equal values, and positions touch only queries and keys.
So a row holds at most 1 + upsampling * (N - 1) units for N states. `phase` adds a learned embedding of the place inside
the block, which lifts this; the published loader doesn't know it.
"""

from typing import Any

import torch
from torch import Tensor, nn

from voxsmith.trainer.networks.causal import Cache, Layer, Shape, rotation


class SpeechDecoder(nn.Module):
    """`shape` of the layers; `units`: how many there are, blank is the one behind the last; `llm`: the LLM's LlamaConfig."""

    def __init__(
        self, shape: Shape, layers: int, units: int, llm: Any, upsampling: int = 25, phase: bool = False
    ) -> None:
        super().__init__()
        self.upsampling, self.blank = upsampling, units
        self.input_proj = nn.Linear(llm.hidden_size, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(layers))
        self.output_proj = nn.Linear(shape.width, units + 1)
        self.phase = nn.Embedding(upsampling, shape.width) if phase else None
        if self.phase is not None:
            nn.init.normal_(self.phase.weight, std=0.02)
        self.rotary = rotation(shape, llm)

    def most_units(self, states: int) -> int:
        """How many units a row of so many states can have at most; the blank between two like units counts as one."""
        return self.upsampling * states if self.phase is not None else 1 + self.upsampling * (states - 1)

    def forward(self, states: Tensor, counts: Tensor, frames: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits float [B, T, units + 1], and how many of the T frames each row has, int64 [B]. What is behind means nothing.

        `states`: [B, N, LLM's width], those that PREDICT the tokens of the answer; `counts`: int64 [B], how many of them a
        row has; `frames`: where a row shall have others than upsampling * counts (the published training code takes as many
        as there are units, if these are more).
        """
        frames = self.upsampling * counts if frames is None else frames
        at = torch.arange(int(frames.max()), device=states.device)
        # In float32, as the published code has it: frame f copies state floor(f / (frames / states)).
        source = (at / (frames.float() / counts)[:, None]).long().clamp(max=states.shape[1] - 1)
        hidden = self.input_proj(states.gather(1, source[..., None].expand(-1, -1, states.shape[2])))
        return self._decoded(hidden, at, None), frames

    def step(self, state: Tensor, caches: list[Cache]) -> Tensor:
        """Logits float [B, upsampling, units + 1] of the frames of one more state, [B, LLM's width]. `caches`: of `new_caches`."""
        start = caches[0].length
        at = torch.arange(start, start + self.upsampling, device=state.device)
        hidden = self.input_proj(state)[:, None].expand(-1, self.upsampling, -1)
        return self._decoded(hidden, at, caches)

    def new_caches(self) -> list[Cache]:
        """What `step` needs of the past: nothing yet."""
        return [Cache() for _ in self.layers]

    def _decoded(self, hidden: Tensor, at: Tensor, caches: list[Cache] | None) -> Tensor:
        if self.phase is not None:
            hidden = hidden + self.phase(at % self.upsampling)
        cos, sin = (part[0] for part in self.rotary(hidden, at[None]))
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, cos, sin, caches[number] if caches else None)
        return self.output_proj(hidden).float()


class Collapse:
    """Merges equal neighbours and drops blanks, also of frames that come in several batches."""

    def __init__(self, blank: int) -> None:
        self.blank, self._last = blank, blank

    def __call__(self, frames: list[int]) -> list[int]:
        """The units that these frames add."""
        units = []
        for frame in frames:
            if frame not in (self._last, self.blank):
                units.append(frame)
            self._last = frame
        return units
