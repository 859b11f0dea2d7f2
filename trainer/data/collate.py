"""Rows put together to a batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from voxsmith.trainer.data.batch import Batch
from voxsmith.trainer.data.exports import Export, clip
from voxsmith.trainer.data.mel import log_mel
from voxsmith.trainer.data.prompts import Chat
from voxsmith.trainer.data.tasks import Task
from voxsmith.trainer.networks.adapter import SpeechAdapter, StackProjector
from voxsmith.trainer.networks.whisper import frames_of
from voxsmith.trainer.objectives import IGNORED


@dataclass(frozen=True)
class Collate:
    """Makes batches of an export's rows for one task. It is called in workers.

    `bins` of the mel; `adapter`: how many embeddings a clip has is its to say; `seconds`: pad clips with silence, or cut them,
    to this length; `teacher`: whether the rows come with the transcript in place of speech, too.
    """

    export: Export
    task: Task
    chat: Chat
    bins: int
    adapter: SpeechAdapter | StackProjector
    seconds: float | None = None
    units: bool = False
    teacher: bool = False

    def __call__(self, places: list[int]) -> Batch:
        rows = [self.export.row(place, self.task.columns) for place in places]
        mels = [log_mel(clip(row[self.task.audio]), self.bins, self.seconds) for row in rows]
        lengths = torch.tensor([mel.shape[1] for mel in mels])
        heard = self.adapter.lengths(frames_of(lengths)).tolist()
        around = self.chat.around_speech(self.task.request)
        answers = [self.chat.answer(row[self.task.answer]) for row in rows]
        before, after = list(around.before), list(around.after)
        tokens = [before + [0] * count + after + list(answer) for count, answer in zip(heard, answers, strict=True)]
        asked = [len(before) + count + len(after) for count in heard]
        speech = [
            [False] * len(before) + [True] * count + [False] * (len(ids) - len(before) - count)
            for count, ids in zip(heard, tokens, strict=True)
        ]
        return Batch(
            ids=tuple(row["id"] for row in rows),
            mel=pad_sequence([mel.T for mel in mels], batch_first=True).transpose(1, 2).contiguous(),
            mel_lengths=lengths,
            tokens=_padded(tokens, 0),
            speech=_padded(speech, False),
            attended=_padded([[True] * len(ids) for ids in tokens], False),
            labels=_padded([_labels(ids, start) for ids, start in zip(tokens, asked, strict=True)], IGNORED),
            units=_padded([_units(row[self.task.units]) for row in rows], IGNORED)
            if self.units and self.task.units
            else None,
            **(self._taught(rows, answers) if self.teacher else {}),
        )

    def _taught(self, rows: list[dict[str, Any]], answers: list[tuple[int, ...]]) -> dict[str, Tensor]:
        asked = [self.chat.read(self.task.request, row[self.task.text]) for row in rows]
        tokens = [[*question, *answer] for question, answer in zip(asked, answers, strict=True)]
        labels = [_labels(ids, len(question)) for ids, question in zip(tokens, asked, strict=True)]
        return {
            "teacher": _padded(tokens, 0),
            "teacher_attended": _padded([[True] * len(ids) for ids in tokens], False),
            "teacher_labels": _padded(labels, IGNORED),
        }


def _labels(ids: list[int], start: int) -> list[int]:
    return [IGNORED] * start + ids[start:]


def _units(units: Any) -> list[int]:
    return np.asarray(units, np.int64).tolist()  # type: ignore[no-any-return]


def _padded(rows: list[Any], padding: Any) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=padding)
