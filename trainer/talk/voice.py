"""Units to speech while they come, through a unit vocoder, so that joints can't be heard.

A sample depends on some frames to either side, and a unit's predicted duration on its neighbours. Each chunk is made with the
frames before it, and is handed out only up to where enough frames behind are there: then it is what the whole would have
been. With less to look ahead the speech comes sooner, and a joint is cross-faded over a frame.
"""

import math
from typing import Any

import numpy as np
import torch

from voxsmith.models.unit_vocoder import UnitHifiGan


class SpokenUnits:
    """Speech of one answer. A chunk is of `omega` units or more; `lookahead`: frames behind it that it waits for, without:
    as many as samples depend on, so that the chunks joined are the whole.
    """

    def __init__(self, vocoder: UnitHifiGan, omega: int, lookahead: int | None = None) -> None:
        self._vocoder, self._omega = vocoder, omega
        self._reach = reach(vocoder.parts["generator"])
        self._neighbours = sum(
            vocoder.parts["durations"].get_submodule(name).kernel_size[0] // 2 for name in ("conv1", "conv2")
        )
        # A frame more than samples depend on, because the first frame of a chunk is cross-faded with the last chunk's.
        self._lookahead = self._reach + 1 if lookahead is None else lookahead
        self._units: list[int] = []
        self._ends: list[int] = []  # the frame behind each unit whose duration is known
        self._frames = vocoder.parts["embedding"].weight.new_zeros(0, vocoder.parts["embedding"].weight.shape[1])
        self._first = 0  # the number of the first of these frames; those before are needed no more
        self._spoken, self._given = 0, 0  # units and frames that were handed out
        self._tail: torch.Tensor | None = None  # how the last chunk would have gone on, for a frame

    def add(self, units: list[int]) -> np.ndarray:
        """float32 [n]: the samples that can be heard now; n is 0 until a chunk is together. Raises ValueError: a unit that the
        vocoder doesn't know.
        """
        if units and max(units) >= self._vocoder.units:
            raise ValueError(f"unit {max(units)}: the vocoder knows 0 to {self._vocoder.units - 1}: another codebook's")
        self._units += units
        return self._chunk(len(self._units) - self._neighbours, self._lookahead, self._omega)

    def end(self) -> np.ndarray:
        """The rest: no more units come."""
        return self._chunk(len(self._units), 0, 1)

    def _chunk(self, known: int, lookahead: int, least: int) -> np.ndarray:
        """Speech of all units that are sure, if these are `least` or more. `known`: units whose durations can be told."""
        with torch.inference_mode():
            self._lengthen(known)
            return self._spoken_until(lookahead, least)

    def _spoken_until(self, lookahead: int, least: int) -> np.ndarray:
        last = self._ends[-1] if self._ends else 0
        sure = self._spoken + sum(end <= last - lookahead for end in self._ends[self._spoken :])
        if sure - self._spoken < least:
            return np.zeros(0, np.float32)
        until = self._ends[sure - 1]
        begin = max(self._first, self._given - self._reach)
        hop = self._vocoder.hop
        # Alone the generator sees zeros behind its last frame, as at the end of the whole.
        wave = self._vocoder.parts["generator"](self._frames[begin - self._first :].T[None])[0]
        chunk = wave[(self._given - begin) * hop : (until - begin) * hop]
        if self._tail is not None:
            share = torch.arange(1, hop + 1, device=wave.device) / hop
            chunk[:hop] = share * chunk[:hop] + (1 - share) * self._tail
        tail = wave[(until - begin) * hop :][:hop].clone()
        self._tail = tail if len(tail) else None
        self._spoken, self._given = sure, until
        needed = max(self._first, until - self._reach)
        self._frames, self._first = self._frames[needed - self._first :], needed
        return np.asarray(chunk.cpu().numpy(), np.float32)

    def _lengthen(self, known: int) -> None:
        """Durations of the units up to `known`, and their frames."""
        done = len(self._ends)
        if known <= done:
            return
        begin = max(0, done - self._neighbours)
        parts = self._vocoder.parts
        embedded = parts["embedding"](torch.tensor(self._units[begin:], device=self._vocoder.device))
        predicted = torch.round(torch.exp(parts["durations"](embedded[None])[0]) - 1).long().clamp(min=1)
        fresh, lasting = embedded[done - begin : known - begin], predicted[done - begin : known - begin]
        last = self._ends[-1] if self._ends else 0
        self._ends += (last + lasting.cumsum(0)).tolist()
        self._frames = torch.cat((self._frames, torch.repeat_interleave(fresh, lasting, dim=0)))


def reach(generator: Any) -> int:
    """Frames to either side that a sample of HiFi-GAN depends on: over all layers, how far each looks, in frames."""
    total: float = _looks(generator.conv_pre)
    rate = 1  # steps a frame, at this depth
    for level, up in enumerate(generator.upsampler):
        size, padding = up.kernel_size[0], up.padding[0]
        total += max(padding, size - 1 - padding) / up.stride[0] / rate
        rate *= up.stride[0]
        blocks = generator.resblocks[level * generator.num_kernels : (level + 1) * generator.num_kernels]
        total += max(sum(map(_looks, (*block.convs1, *block.convs2))) for block in blocks) / rate
    return math.ceil(total + _looks(generator.conv_post) / rate)


def _looks(layer: Any) -> int:
    """Steps to either side that a convolution depends on."""
    return int(layer.dilation[0] * (layer.kernel_size[0] // 2))
