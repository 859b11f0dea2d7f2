"""A speech language model: an encoder hears, an adapter makes embeddings of what it hears, an LLM answers, and a decoder, where
there is one, turns the LLM's states into units.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.data.mel import HOP, RATE
from voxsmith.trainer.networks.adapter import SpeechAdapter, StackProjector
from voxsmith.trainer.networks.decoder import SpeechDecoder
from voxsmith.trainer.networks.whisper import encode, frames_of
from voxsmith.trainer.objectives import predicting


@dataclass(frozen=True)
class Heard:
    """`logits` float [B, L, V]; `states` float [B, L, width]: the LLM's, after its last norm."""

    logits: Tensor
    states: Tensor


class SpeechLLM(nn.Module):
    """`encoder`: transformers' WhisperEncoder; `llm`: transformers' causal language model."""

    def __init__(
        self,
        encoder: nn.Module,
        adapter: SpeechAdapter | StackProjector,
        llm: Any,
        decoder: SpeechDecoder | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.adapter, self.llm, self.decoder = encoder, adapter, llm, decoder
        self.trained: set[str] = set()  # names of the weights that come from a checkpoint

    def hear(self, mel: Tensor, mel_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of clips, [B, S, LLM's width], and how many each has, int64 [B]."""
        return self.adapter(encode(self.encoder, mel, mel_lengths)), self.embeddings(mel_lengths)

    def embeddings(self, mel_lengths: Tensor) -> Tensor:
        """How many embeddings clips of so many mel frames have, int64 [B]."""
        return self.adapter.lengths(frames_of(mel_lengths))

    def seconds(self, samples: int) -> float:
        """How long a clip of so many samples (16 kHz) is made before its mel. A StackProjector's last embedding is filled up
        with silence, as far as the encoder hears: those who serve Ultravox' models can't leave it to zeros, and what is
        served must be what was trained.
        """
        if not isinstance(self.adapter, StackProjector):
            return samples / RATE
        whole, longest = 2 * HOP * self.adapter.stack, 2 * HOP * int(self.encoder.embed_positions.weight.shape[0])
        return max(samples, min(samples + -samples % whole, longest)) / RATE

    def embed(self, batch: Batch) -> Tensor:
        """[B, L, width]: the tokens' embeddings, those of speech where speech stands."""
        if batch.frames is None:
            heard, counts = self.hear(batch.mel, batch.mel_lengths)
        else:
            heard, counts = self.adapter(batch.frames), self.embeddings(batch.mel_lengths)
        there = torch.arange(heard.shape[1], device=heard.device) < counts[:, None]
        words = self.llm.get_input_embeddings()(batch.tokens)
        return words.masked_scatter(batch.speech[..., None], heard[there].to(words.dtype))

    def states(self, batch: Batch) -> Tensor:
        """[B, L, width]: the LLM's states, after its last norm; at padding they mean nothing.

        A causal model doesn't see what is behind, so padding needs no mask; and without one attention takes its fastest kernel,
        and doesn't repeat keys for the heads that share them.
        """
        output = self.llm.model(inputs_embeds=self.embed(batch), use_cache=False)
        states: Tensor = output.last_hidden_state
        return states

    def forward(self, batch: Batch) -> Heard:
        states = self.states(batch)
        return Heard(self.llm.lm_head(states), states)

    def teach(self, batch: Batch) -> Tensor:
        """Logits of the same LLM on the transcript: float [B, L', V], without gradients."""
        with torch.no_grad():
            output = self.llm.model(input_ids=batch.teacher, use_cache=False)
            return self.llm.lm_head(output.last_hidden_state)


def answer_states(states: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The states that predict the answer's tokens, [B, N, width], zero behind a row's end, and how many a row has, int64 [B]."""
    at = predicting(labels)
    counts = at.sum(1)
    rows = torch.split(states[at], counts.tolist())
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True), counts
