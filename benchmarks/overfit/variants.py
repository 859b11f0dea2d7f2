"""The speech decoder as it is right, and with each mistake that published rebuilds made or could make. None of this is in trainer/,
which takes one of these parts at a time from here while such a run is on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voxsmith.trainer import build
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.eval import measures
from voxsmith.trainer.networks import causal
from voxsmith.trainer.networks.decoder import SpeechDecoder
from voxsmith.trainer.objectives import IGNORED, Total, ctc
from voxsmith.trainer.phases import units

Picked = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Variant:
    """A run. `what` it shows; `recipe`: keys that it changes; `batch`: what it makes of the right one; `steps`: that are enough to see
    it; the others take the place of the trainer's own.
    """

    name: str
    what: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    batch: Callable[[Batch], Batch] = lambda batch: batch
    decoder: type[SpeechDecoder] | None = None
    states: Callable[[Tensor, Tensor], Picked] | None = None
    ctc: Callable[[Tensor, Tensor, Tensor, int], tuple[Total, Tensor]] | None = None
    attention: Callable[..., Tensor] | None = None


@contextmanager
def in_place(variant: Variant) -> Iterator[None]:
    """The variant's parts in place of the trainer's."""
    parts = [
        (build, "SpeechDecoder", variant.decoder),
        (units, "answer_states", variant.states),
        (measures, "answer_states", variant.states),
        (units, "ctc", variant.ctc),
        (measures, "ctc", variant.ctc),
        (causal.F, "scaled_dot_product_attention", variant.attention),
    ]
    with ExitStack() as stack:
        for module, name, part in parts:
            if part is not None:
                stack.enter_context(patch.object(module, name, part))
        yield


def any_alignment(logits: Tensor, frames: Tensor, units: Tensor, blank: int) -> tuple[Total, Tensor]:
    """CTC with `zero_infinity`, and nobody asks which rows have no alignment. Divided by all units, as published."""
    total, impossible = ctc(logits, frames, units, blank)
    return Total(total.sum, (units != IGNORED).sum()), torch.zeros_like(impossible)


def states_at(states: Tensor, labels: Tensor) -> Picked:
    """The states AT the answer's tokens, not those that predict them."""
    rows = [state[label != IGNORED] for state, label in zip(states, labels, strict=True)]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), (labels != IGNORED).sum(1)


def labelled_question(batch: Batch) -> Batch:
    """Labels on all but the answer."""
    return replace(batch, labels=batch.tokens.masked_fill((batch.labels != IGNORED) | ~batch.attended, IGNORED))


def padded_with_0(batch: Batch) -> Batch:
    """Units that are none are unit 0."""
    assert batch.units is not None
    return replace(batch, units=batch.units.masked_fill(batch.units == IGNORED, 0))


class PaddingCounts(SpeechDecoder):
    """Each row has as many frames as the longest one."""

    def forward(self, states: Tensor, counts: Tensor, frames: Tensor | None = None) -> Picked:
        logits, frames = super().forward(states, counts, frames)
        return logits, torch.full_like(frames, logits.shape[1])


class AsManyFramesAsUnits(SpeechDecoder):
    """A row gets more frames than its tokens make, if its units want them: as the published training code has it, and as no
    generation does.
    """

    units: Tensor  # int64 [B]: how many the rows have

    def forward(self, states: Tensor, counts: Tensor, frames: Tensor | None = None) -> Picked:
        return super().forward(states, counts, torch.maximum(self.upsampling * counts, self.units))


class LastNorm(SpeechDecoder):
    """A norm behind the last layer, as LlamaModel has it."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.norm = nn.RMSNorm(self.output_proj.in_features)
        self.output_proj.register_forward_pre_hook(lambda _, given: (self.norm(given[0]),))


_attention = F.scaled_dot_product_attention


def attention_to_all(query: Tensor, key: Tensor, value: Tensor, **_: Any) -> Tensor:
    """Each frame sees all others of the batch's length, those of padding too."""
    return _attention(query, key, value)


VARIANTS = (
    Variant("right, phase: true", "the frames of a token are told apart"),
    Variant("right, phase: false", "as LLaMA-Omni's own code has it", {"decoder.phase": False}),
    Variant(
        "rows beyond the limit",
        "more units than 1 + 4 (N - 1), with as many frames in training as there are units",
        {"decoder.phase": False, "decoder.upsampling": 4},
        120,
        decoder=AsManyFramesAsUnits,
        ctc=any_alignment,
    ),
    Variant("units padded with 0", "padding is learned as unit 0", steps=120, batch=padded_with_0, ctc=any_alignment),
    Variant("no upsampling", "a frame a token, with zero_infinity", {"decoder.upsampling": 1}, 30, ctc=any_alignment),
    Variant("padding counted", "each row has the frames of the longest", steps=120, decoder=PaddingCounts),
    Variant("labels of the question", "states of all that is before the answer", steps=60, batch=labelled_question),
    Variant("states at the tokens", "each a token late for generation", steps=120, states=states_at),
    Variant("a last norm", "as LlamaModel has it, and the published decoder doesn't", steps=120, decoder=LastNorm),
    Variant("no causal mask", "each frame sees all", steps=120, attention=attention_to_all),
    Variant("learning rate 2e-4", "the paper's, for a decoder 32 times as wide", {"decoder.lr": 2e-4}, 100),
    Variant("learning rate 5e-8", "a rebuild's", {"decoder.lr": 5e-8}, 30),
)
