"""Answers to rows of exports, generated as `talk` does: the likeliest token each time, its own text behind the question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from voxsmith.models.text.wer import Errors, compared, errors
from voxsmith.models.vocoder import UnitVocoder
from voxsmith.trainer.data.collate import Collate
from voxsmith.trainer.data.exports import clip
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.generated.unit_errors import UnitErrors, unit_errors
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.talk.generate import Speaker, answers
from voxsmith.trainer.talk.questions import without_answers


class BadSpeech(Exception):
    """The vocoder makes no speech of an answer's units; the message names the row."""


@dataclass
class Answered:
    """An answer. `task`: what the row is used for; `question`: what is said in the clip; `clip`: its samples, float32 [n] at 16 kHz;
    `reference`: the text that there should be, empty where nobody says; `text`: what is generated; `cut`: it was still going on.

    `units`: of the decoder, None without one; `reference_units`: those that there should be, None where there are none.
    `speech`: float32 [n] at the vocoder's `rate`, n 0 where there are no units, None without a vocoder; `heard`: what ASR
    writes down of it; `mos`: what models say of its sound, by their names.
    """

    id: str
    task: str
    question: str
    clip: np.ndarray
    reference: str
    text: str
    cut: bool
    units: list[int] | None = None
    reference_units: list[int] | None = None
    speech: np.ndarray | None = None
    rate: int = 0
    heard: str | None = None
    mos: dict[str, float] = field(default_factory=dict)

    @property
    def text_errors(self) -> dict[str, Errors] | None:
        """Of the generated text against the reference, `raw` and `normalised`."""
        return _both(self.reference, self.text) if self.reference else None

    @property
    def speech_errors(self) -> dict[str, Errors] | None:
        """Of what is heard of its speech against the generated text, `raw` and `normalised`."""
        return None if self.heard is None else _both(self.text, self.heard)

    @property
    def unit_errors(self) -> UnitErrors | None:
        if self.units is None or not self.reference_units:
            return None
        return unit_errors([(self.reference_units, self.units)])


def _both(said: str, heard: str) -> dict[str, Errors]:
    return {"raw": errors(said, heard), "normalised": compared(said, heard)}


def answered(
    speaker: Speaker, collate: Collate, batches: Sequence[Sequence[Place]], most: int, device: torch.device
) -> Iterator[Answered]:
    """Of each row, in order; rows of a batch are answered together. `most`: tokens of an answer."""
    for places in batches:
        batch = collate([*places])
        replies = answers(speaker, without_answers(batch).to(device), most)
        for number, (place, answer) in enumerate(zip(places, replies, strict=True)):
            source = collate.sources[place.source]
            task = source.task
            row = source.export.row(source.usable[place.row], task.read)
            wanted = None
            if batch.units is not None and task.units:
                wanted = batch.units[number][batch.units[number] != IGNORED].tolist()
            yield Answered(
                id=row["id"],
                task=task.name,
                question=row[task.text],
                clip=clip(row[task.audio]),
                reference=row[task.answer],
                text=answer.text,
                cut=answer.cut,
                units=answer.units if speaker.network.decoder is not None else None,
                reference_units=wanted,
            )


def speak(rows: Sequence[Answered], vocoder: UnitVocoder) -> None:
    """Give each row the speech of its units. Raises BadSpeech."""
    for row in rows:
        row.rate = vocoder.rate
        try:
            row.speech = vocoder.wave(np.asarray(row.units, np.int64)) if row.units else np.zeros(0, np.float32)
        except ValueError as error:
            raise BadSpeech(f"row {row.id}: its units make no speech: {error}") from None
