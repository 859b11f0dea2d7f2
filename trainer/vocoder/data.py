"""Answers of exports as a vocoder learns them: units, how long they last, and the mel spectrogram of the clip."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from voxsmith.models.hifigan_mel import hifigan_mel
from voxsmith.models.mel_form import HOP, RATE
from voxsmith.models.mel_network import spread
from voxsmith.trainer.data.accounts import no_row, noted, reasons
from voxsmith.trainer.data.exports import BadExport, Export, clip
from voxsmith.trainer.data.unit_kind import Kind, difference, unit_kind
from voxsmith.trainer.vocoder.recipe import Clips, VocoderRecipe

AUDIO, UNITS, DURATIONS, SECONDS = "answer_audio", "answer_units", "answer_unit_durations", "answer_duration"
_APART = 0.25  # seconds, and a share of the clip, that units may last longer or shorter than it


@dataclass(frozen=True)
class Sounds:
    """A batch of B rows of M mel frames and U units. `units`, `durations`: int64 [B, U], `said`: bool [B, U], what is before a row's
    end; `unit`: int64 [B, M], `since`, `until`: float32 [B, M], as `MelNetwork` takes them; `mel`: float32 [B, M, 80], `inside`:
    bool [B, M].
    """

    ids: tuple[str, ...]
    units: Tensor
    durations: Tensor
    said: Tensor
    unit: Tensor
    since: Tensor
    until: Tensor
    mel: Tensor
    inside: Tensor

    def to(self, device: torch.device) -> "Sounds":
        return Sounds(self.ids, *(value.to(device) for name, value in vars(self).items() if name != "ids"))


@dataclass
class Answers:
    """Rows of the exports that can be learned. `places`: export and row of each, `seconds`: of its clip; `left_out`: of each
    export the others, by reason; `kinds`: what its units are; `digests`: of what was read of the rows.
    """

    named: list[Clips]
    exports: list[Export]
    frame_rate: float
    places: list[tuple[int, int]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    left_out: list[Counter[str]] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def collate(self, rows: Sequence[int]) -> Sounds:
        """The batch of the rows with these numbers."""
        values = (self._row(*self.places[row]) for row in rows)
        ids, units, durations, number, since, until, mel = zip(*values, strict=True)
        frames, counts = ([torch.ones(len(row), dtype=torch.bool) for row in column] for column in (mel, units))

        def padded(column: Sequence[Tensor]) -> Tensor:
            return pad_sequence(list(column), batch_first=True)

        columns = (units, durations, counts, number, since, until, mel, frames)
        return Sounds(ids, *(padded(column) for column in columns))

    def _row(self, export: int, row: int) -> tuple[Any, ...]:
        values = self.exports[export].row(row, ("id", AUDIO, UNITS, DURATIONS))
        units, durations = (torch.tensor(values[name], dtype=torch.int64) for name in (UNITS, DURATIONS))
        mel = hifigan_mel(torch.from_numpy(clip(values[AUDIO], RATE))).T
        number, since, until = spread(durations, HOP / RATE * self.frame_rate, 0.0, len(mel))
        return values["id"], units, durations, units[number], since, until, mel

    def summary(self) -> Iterator[str]:
        for number, (named, left_out) in enumerate(zip(self.named, self.left_out, strict=True)):
            seconds = [s for (export, _), s in zip(self.places, self.seconds, strict=True) if export == number]
            yield f"{named.path}: {len(seconds)} answers, {sum(seconds) / 3600:.2f} h"
            yield from reasons(left_out)

    def described(self) -> list[dict[str, Any]]:
        """What a run notes of its data."""
        rows = Counter(export for export, _ in self.places)
        return [
            noted(named.path, export, rows[number], digest, left_out, kind)
            for number, (named, export, digest, left_out, kind) in enumerate(
                zip(self.named, self.exports, self.digests, self.left_out, self.kinds, strict=True)
            )
        ]


def answers(data: list[Clips], recipe: VocoderRecipe) -> Answers:
    """Open the exports and sort out their rows. Raises BadExport, also where no row is left."""
    learned = Answers(data, [Export(Path(named.path), named.split) for named in data], recipe.frame_rate)
    for number, export in enumerate(learned.exports):
        export.need("id", AUDIO, UNITS, DURATIONS, SECONDS)
        left_out, content = Counter[str](), hashlib.blake2b(digest_size=16)
        for row, values in enumerate(export.each(("id", UNITS, DURATIONS, SECONDS))):
            if reason := _unfit(values, recipe):
                left_out[reason] += 1
            else:
                content.update(json.dumps([*values.values()]).encode())
                learned.places.append((number, row))
                learned.seconds.append(float(values[SECONDS]))
        learned.left_out.append(left_out)
        learned.digests.append(content.hexdigest())
    if data and not learned.places:
        raise no_row(data[0].path, learned.left_out)
    learned.kinds = [unit_kind(export, UNITS) for export in learned.exports]
    for named, kind in zip(data, learned.kinds, strict=True):
        if said := difference(kind, learned.kinds[0]):
            raise BadExport(
                f"{named.path}: its units have {said} as in {data[0].path}: a vocoder learns one kind of units"
            )
    return learned


def _unfit(values: dict[str, Any], recipe: VocoderRecipe) -> str:
    units, durations, seconds = values[UNITS], values[DURATIONS], values[SECONDS]
    if not seconds:
        return "no clip"
    if not units or not durations:
        return "no units"
    if len(units) != len(durations) or min(durations) < 1:
        return "not a duration for each unit"
    if not 0 <= min(units) <= max(units) < recipe.units:
        wrong = next(unit for unit in units if not 0 <= unit < recipe.units)
        raise BadExport(
            f"row {values['id']}: {UNITS} has unit {wrong}; the recipe has units 0 to {recipe.units - 1}; "
            "set units to what made them has"
        )
    lasting = sum(durations) / recipe.frame_rate
    if abs(lasting - seconds) > _APART * (1 + seconds):
        return f"units that don't last as long as the clip at frame_rate {recipe.frame_rate:g}"
    return ""
