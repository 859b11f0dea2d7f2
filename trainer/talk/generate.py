"""Answers to a batch of questions, as events: the one place of generation, for talking, validation and evaluation.

The LLM and the decoder keep the keys and values of what was: a token costs the same work at any length, but for attention. The
state that predicts a token goes into the decoder as soon as the token is chosen, the end's too, as in training.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from voxsmith.models.chat import Chat
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built
from voxsmith.trainer.networks.decoder import Collapse
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.events import Audio, End, Event, Token, Units
from voxsmith.trainer.talk.sampling import GREEDY, Sampler, Sampling
from voxsmith.trainer.talk.text import TextStream
from voxsmith.trainer.talk.voice import SpokenUnits


@dataclass(frozen=True)
class Speaker:
    """What answers. `tokenizer`: transformers'; `ends`: ids of tokens that end an answer; `bf16`: under autocast."""

    network: SpeechLLM
    tokenizer: Any
    ends: frozenset[int]
    bf16: bool = False


@dataclass
class Answer:
    """A finished one. `tokens`: with the one that ended it; `cut`: none did."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    samples: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    cut: bool = False


def speaker_of(built: Built, recipe: TrainRecipe, chat: Chat) -> Speaker:
    """What answers with these networks, in the recipe's precision."""
    return Speaker(built.network, built.tokenizer, ends_of(built.network, chat.end), recipe.run.precision == "bf16")


def ends_of(network: SpeechLLM, end: int) -> frozenset[int]:
    """Tokens that end an answer: the chat template's, and those that the LLM's own settings name."""
    named = network.llm.generation_config.eos_token_id
    return frozenset((end, *(named if isinstance(named, list) else [] if named is None else [named])))


@torch.no_grad()  # type: ignore[untyped-decorator]
def generate(
    speaker: Speaker,
    questions: Batch,
    most: int,
    sampling: Sampling = GREEDY,
    voices: Sequence[SpokenUnits] = (),
) -> Iterator[Event]:
    """Token, Units and Audio of each row as they come, then its End. Rows don't change one another.

    `questions`: as `asked` makes them, on the network's device; `most`: tokens an answer has at most; `voices`: a new one for
    each row, or none, and then there is no Audio; without a decoder there are no Units either.
    """
    network, count = speaker.network, len(questions.ids)
    reader, sample = _Reader(speaker, questions.attended), Sampler(sampling, questions.ids)
    texts = [TextStream(speaker.tokenizer) for _ in range(count)]
    mouth = _Mouth(speaker, count) if network.decoder is not None else None
    going = list(range(count))
    with _autocast(speaker, questions):
        embedded = network.embed(questions)
    for number in range(1, most + 1):
        state, logits = reader.read(embedded)
        tokens = sample(logits)
        over = [row for row in going if tokens[row] in speaker.ends or number == most]
        for row in going:
            text = "" if tokens[row] in speaker.ends else texts[row].add(tokens[row])
            yield Token(row, tokens[row], text + (texts[row].end() if row in over else ""))
        units = mouth.say(state) if mouth is not None else [[] for _ in range(count)]
        for row in going:
            if units[row]:
                yield Units(row, units[row])
            if voices and len(samples := voices[row].add(units[row])):
                yield Audio(row, samples)
        for row in over:
            if voices and len(samples := voices[row].end()):
                yield Audio(row, samples)
            yield End(row, cut=tokens[row] not in speaker.ends)
        going = [row for row in going if row not in over]
        if not going:
            return
        # Rows that are over read on: what comes of them is not looked at.
        embedded = network.llm.get_input_embeddings()(torch.tensor(tokens, device=state.device))[:, None]


def answers(speaker: Speaker, questions: Batch, most: int, sampling: Sampling = GREEDY) -> list[Answer]:
    """The finished answers to all questions, text and units, generated together."""
    written = [Answer() for _ in questions.ids]
    for event in generate(speaker, questions, most, sampling):
        answer = written[event.row]
        if isinstance(event, Token):
            answer.tokens.append(event.id)
        elif isinstance(event, Units):
            answer.units += event.units
        elif isinstance(event, End):
            answer.cut = event.cut
            said = answer.tokens if event.cut else answer.tokens[:-1]
            answer.text = speaker.tokenizer.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return written


class _Reader:
    """The LLM with the keys and values of what it has read."""

    def __init__(self, speaker: Speaker, attended: Tensor) -> None:
        from transformers import DynamicCache

        self._speaker, self._attended, self._read = speaker, attended, 0
        self._cache = DynamicCache(config=speaker.network.llm.config)

    def read(self, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Read on: [B, n, width]. The last state, [B, width], and the logits of what comes next, float [B, V]."""
        count = embedded.shape[1]
        if self._read:
            self._attended = torch.cat((self._attended, self._attended.new_ones(len(embedded), count)), dim=1)
        self._read += count
        # Each row counts from its own first token.
        positions = (self._attended.long().cumsum(1) - 1).clamp(min=0)[:, -count:]
        llm = self._speaker.network.llm
        with _autocast(self._speaker, embedded):
            output = llm.model(
                inputs_embeds=embedded,
                attention_mask=self._attended,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
            )
            state = output.last_hidden_state[:, -1]
            return state, llm.lm_head(state).float()


class _Mouth:
    """The decoder with the keys and values of its frames so far, and for each row its last frame."""

    def __init__(self, speaker: Speaker, rows: int) -> None:
        assert speaker.network.decoder is not None
        self._speaker, self._decoder = speaker, speaker.network.decoder
        self._caches = self._decoder.new_caches()
        self._collapses = [Collapse(self._decoder.blank) for _ in range(rows)]

    def say(self, state: Tensor) -> list[list[int]]:
        """The units that one more state adds to each row."""
        with _autocast(self._speaker, state):
            frames = self._decoder.step(state.float(), self._caches).argmax(-1).tolist()
        return [collapse(row) for collapse, row in zip(self._collapses, frames, strict=True)]


def _autocast(speaker: Speaker, like: Tensor | Batch) -> AbstractContextManager[object]:
    """Never held while an event is with the caller, whose own work it would change."""
    device = like.tokens.device if isinstance(like, Batch) else like.device
    context: AbstractContextManager[object] = torch.autocast(device.type, torch.bfloat16, enabled=speaker.bf16)
    return context
