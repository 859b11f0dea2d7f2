"""Answers of a network to rows of held-out exports: text, units, and speech that is heard."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from voxsmith.models.chat import Chat
from voxsmith.trainer.build import Built
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.collate import Collate
from voxsmith.trainer.data.mixture import Place, Source, costs, drawn
from voxsmith.trainer.generated.answered import Answered, answered, speak
from voxsmith.trainer.generated.ears import ASR, listen, open_ears
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.command import open_voice
from voxsmith.trainer.talk.generate import speaker_of


@dataclass(frozen=True)
class Wanted:
    """Answers to `rows` rows of each export at most (0: none), of so many `tokens` at most, spoken by `vocoder` if one is named, and
    then heard by `asr`; `mos`: rated, too. `where`: what named the vocoder, for messages.
    """

    rows: int = 0
    tokens: int = 256
    vocoder: str | None = None
    asr: str = ASR
    mos: bool = True
    where: str = "--vocoder"


@dataclass(frozen=True)
class Generated:
    """Answers in the order of the exports, and how they were made: `max_tokens`, `vocoder`, `asr`, and what is `lacking` on this
    machine, in words.
    """

    rows: list[Answered] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)


class Generator:
    """Opens what `wanted` names, so that what is missing is said before anything is measured. Raises ModelMissing, CantTalk."""

    def __init__(self, built: Built, recipe: TrainRecipe, chat: Chat, wanted: Wanted, device: torch.device) -> None:
        self.speaker = speaker_of(built, recipe, chat)
        named = wanted.vocoder if wanted.rows else None
        self._voice = open_voice(named, built, device, wanted.where) if named else None
        self._ears = open_ears(wanted.asr, wanted.mos) if self._voice else None
        self._recipe, self._wanted, self._device = recipe, wanted, device

    def __call__(self, collate: Collate, workers: int = 1, rank: int = 0) -> Generated:
        """Of rows that are drawn by the recipe's seed: the share of one of so many workers. Raises BadSpeech."""
        wanted = self._wanted
        chosen = [
            of_source[rank]
            for of_source in chosen_rows(collate.sources, self._recipe, wanted.rows, workers)
            if of_source[rank]
        ]
        order = [place for rows in chosen for place in rows]
        replies = [*answered(self.speaker, collate, chosen, wanted.tokens, self._device)]
        by_place = sorted(zip(order, replies, strict=True), key=lambda pair: (pair[0].source, pair[0].row))
        return self.spoken([row for _, row in by_place])

    def spoken(self, rows: list[Answered]) -> Generated:
        """The rows with speech that is heard, where a vocoder was named. Raises BadSpeech."""
        wanted, voice, ears = self._wanted, self._voice, self._ears
        if voice and ears:
            speak(rows, voice)
            listen(rows, ears)
        about = {
            "max_tokens": wanted.tokens,
            "vocoder": wanted.vocoder if voice else None,
            "asr": ears.asr if ears else None,
            "lacking": [*ears.lacking] if ears else [],
        }
        return Generated(rows, about)


def chosen_rows(sources: Sequence[Source], recipe: TrainRecipe, most: int, workers: int = 1) -> list[list[list[Place]]]:
    """Of each source so many rows at most, in batches of like length: one after another those of each worker."""
    places: list[Place] = []
    for number in range(len(sources)):
        places += [place for place in drawn([*sources], recipe.seed, 0) if place.source == number][:most]
    plan = batches.plan(costs([*sources], places), recipe.schedule.budget, recipe.seed, 0, workers)
    return [[[places[row] for row in rows] for rows in step] for step in plan]
