"""Rows put together to a batch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from voxsmith.models.chat import Chat
from voxsmith.models.teacher_identity import TeacherIdentity
from voxsmith.models.top_log_probs import NAMES, TopLogProbs
from voxsmith.schemas.tasks import Task
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.data.exports import BadExport, clip
from voxsmith.trainer.data.features import Features
from voxsmith.trainer.data.mel import log_mel, mel_frames
from voxsmith.trainer.data.mixture import Place, Source
from voxsmith.trainer.objectives import IGNORED


@dataclass(frozen=True)
class Collate:
    """Makes batches of rows. It is called in workers.

    `bins` of the mel; `embeddings`: how many a clip of so many mel frames has (SpeechLLM's `embeddings`); `seconds`: pad
    clips with silence, or cut them, to this length; `filled`: else, the length in seconds that clips of so many samples are
    filled up to (SpeechLLM's `seconds`); `units`: whether they are learned; `teacher`: whether the rows come with
    the transcript in place of speech, too; `stored`: or with what a teacher thought of them, at this temperature, of so many `words`;
    `hears`: rows that get the clip of another row; `features`: what is kept of a
    frozen encoder. Where it has all clips of a batch these aren't made into mel; nor where `states`, what is kept of a frozen
    LLM, has all rows.
    """

    sources: list[Source]
    chat: Chat
    bins: int
    embeddings: Callable[[Tensor], Tensor]
    seconds: float | None = None
    filled: Callable[[int], float] | None = None
    units: bool = False
    teacher: bool = False
    stored: float | None = None
    words: int = 0
    hears: Mapping[Place, Place] = field(default_factory=dict)
    features: Features | None = None
    states: Features | None = None

    def __call__(self, places: list[Place]) -> Batch:
        rows = [self._row(place) for place in places]
        clips = [clip(row.audio) for row in rows]
        seconds = [self._seconds(len(samples)) for samples in clips]
        lengths = torch.tensor([mel_frames(len(samples), long) for samples, long in zip(clips, seconds, strict=True)])
        heard = self.embeddings(lengths).tolist()
        tokens, speech, labels = [], [], []
        for row, count in zip(rows, heard, strict=True):
            around, answer = self.chat.around_speech(row.task.request), self.chat.answer(row.answer)
            before, after = len(around.before), len(around.after) + len(answer)
            ids = [*around.before, *[0] * count, *around.after, *answer]
            tokens.append(ids)
            speech.append([False] * before + [True] * count + [False] * after)
            labels.append(_labels(ids, len(ids) - len(answer)))
        audio = [row.audio["bytes"] for row in rows]
        state_keys, states = _kept(self.states, zip(audio, seconds, tokens, strict=True))
        keys, frames = _kept(self.features if states is None else None, zip(audio, seconds, strict=True))
        mels = (
            [log_mel(samples, self.bins, long) for samples, long in zip(clips, seconds, strict=True)]
            if states is None and frames is None
            else [torch.zeros(self.bins, 0)] * len(rows)
        )
        return Batch(
            ids=tuple(row.id for row in rows),
            mel=pad_sequence([mel.T for mel in mels], batch_first=True).transpose(1, 2).contiguous(),
            mel_lengths=lengths,
            keys=keys,
            frames=frames,
            state_keys=state_keys,
            states=states,
            tokens=_padded(tokens, 0),
            speech=_padded(speech, False),
            attended=_padded([[True] * len(ids) for ids in tokens], False),
            labels=_padded(labels, IGNORED),
            units=_padded([row.units for row in rows], IGNORED) if self.units else None,
            **(self._taught(rows) if self.teacher else {}),
            **(self._thought(places, labels) if self.stored is not None else {}),
        )

    def _seconds(self, samples: int) -> float | None:
        return self.filled(samples) if self.seconds is None and self.filled is not None else self.seconds

    def _row(self, place: Place) -> "_Row":
        source = self.sources[place.source]
        task = source.task
        row = source.export.row(source.usable[place.row], task.columns if self.units else task.read)
        units = np.asarray(row[task.units], np.int64).tolist() if self.units and task.units else []
        audio = self._clip(self.hears[place]) if place in self.hears else row[task.audio]
        return _Row(row["id"], task, audio, row[task.text], row[task.answer], units)

    def _clip(self, place: Place) -> dict[str, Any]:
        source = self.sources[place.source]
        clip: dict[str, Any] = source.export.row(source.usable[place.row], (source.task.audio,))[source.task.audio]
        return clip

    def _taught(self, rows: "list[_Row]") -> dict[str, Tensor]:
        tokens, labels = [], []
        for row in rows:
            question, answer = self.chat.read(row.task.request, row.text), self.chat.answer(row.answer)
            tokens.append([*question, *answer])
            labels.append(_labels(tokens[-1], len(question)))
        return {
            "teacher": _padded(tokens, 0),
            "teacher_attended": _padded([[True] * len(ids) for ids in tokens], False),
            "teacher_labels": _padded(labels, IGNORED),
        }

    def _thought(self, places: list[Place], labels: list[list[int]]) -> dict[str, Tensor]:
        """Raises BadExport where a row has other places than tokens."""
        assert self.stored is not None
        ids, log_probs, rest = [], [], []
        for place, labelled in zip(places, labels, strict=True):
            source = self.sources[place.source]
            prefix = f"teacher_{source.task.name}_"
            names = (*(f"{prefix}{name}" for name in NAMES), f"{prefix}of", "id")
            row = source.export.row(source.usable[place.row], names)
            top = TopLogProbs.from_columns({name: row[f"{prefix}{name}"] for name in NAMES})
            if len(top.ids) != (count := sum(label != IGNORED for label in labelled)):
                raise BadExport(
                    f"row {row['id']}: its stored teacher has {len(top.ids)} places, its answer {count} tokens: run the corpus' "
                    "stage `teacher` again"
                )
            kept_at = TeacherIdentity.parse(row[f"{prefix}of"]).temperature
            # In place of what is no entry the likeliest token: taken away from the others twice, it is taken away once.
            ids.append(np.where(np.isfinite(top.log_probs), top.ids, top.ids[:, :1]).astype(np.int64))
            log_probs.append(top.log_probs)
            rest.append(top.rest_at(self.stored, kept_at, self.words))
        return {
            "top_ids": torch.from_numpy(np.concatenate(ids)),
            "top_log_probs": torch.from_numpy(np.concatenate(log_probs)),
            "top_rest": torch.from_numpy(np.concatenate(rest)),
        }


@dataclass(frozen=True)
class _Row:
    id: str
    task: Task
    audio: dict[str, Any]
    text: str
    answer: str
    units: list[int]


def _labels(ids: list[int], start: int) -> list[int]:
    return [IGNORED] * start + ids[start:]


def _padded(rows: list[Any], padding: Any) -> Tensor:
    dtype = torch.bool if isinstance(padding, bool) else torch.int64  # also of a row that is empty
    return pad_sequence([torch.tensor(row, dtype=dtype) for row in rows], batch_first=True, padding_value=padding)


def _kept(
    store: Features | None, rows: "Iterable[tuple[bytes, float | None] | tuple[bytes, float | None, list[int]]]"
) -> tuple[tuple[str, ...], Tensor | None]:
    """Names of what the store has of the rows, and, where it has all, the tensors themselves, padded with zeros."""
    if store is None:
        return (), None
    keys = tuple(store.key(*row) for row in rows)
    kept = []
    for key in keys:
        if (one := store.get(key)) is None:
            return keys, None
        kept.append(one)
    return keys, pad_sequence(kept, batch_first=True)
