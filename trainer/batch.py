"""A batch, as networks and objectives take it."""

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows that are learned together. B rows of T mel frames and L tokens, of which S stand for speech; U units.

    `ids`: of the rows; `mel`: float32 [B, mels, T], zero behind a clip's end; `mel_lengths`: int64 [B].
    `tokens`: int64 [B, L], any id where speech stands; `speech`: bool [B, L], where it stands: as many places of a row as
    its clip has embeddings; `attended`: bool [B, L], what is no padding, which stands behind a row's end; `labels`: int64 [B, L],
    IGNORED outside the answer.
    `frames`: float32 [B, ceil(T / 2), width], what a frozen encoder makes of the clips, where that is kept: then nothing looks
    at `mel`, which may have no frames; `keys`: names under which the rows' frames are kept.
    `states`: float32 [B, N, width], the states that predict the answer's tokens, zero behind a row's end, where the LLM stands still
    and they are kept: then nothing looks at `mel` and `frames`; `state_keys`: names under which the rows' states are kept.
    `units`: int64 [B, U], IGNORED behind a row's end, or None where no units are learned.
    `teacher`, `teacher_attended`, `teacher_labels`: the same rows with the transcript in place of speech, or None.
    `top_ids` int64 [N, K], `top_log_probs` [N, K], `top_rest` [N], or None: of the answers' N tokens, row after row, what a teacher that
    was asked before thinks of each (voxsmith.trainer.objectives.distillation_of_top).
    `spare`: it goes through the networks because other workers wait for that, and counts as nothing.
    """

    ids: tuple[str, ...]
    mel: Tensor
    mel_lengths: Tensor
    tokens: Tensor
    speech: Tensor
    attended: Tensor
    labels: Tensor
    frames: Tensor | None = None
    keys: tuple[str, ...] = ()
    states: Tensor | None = None
    state_keys: tuple[str, ...] = ()
    units: Tensor | None = None
    teacher: Tensor | None = None
    teacher_attended: Tensor | None = None
    teacher_labels: Tensor | None = None
    top_ids: Tensor | None = None
    top_log_probs: Tensor | None = None
    top_rest: Tensor | None = None
    spare: bool = False

    def to(self, device: torch.device) -> Self:
        """The batch on the device."""
        tensors = {one.name: getattr(self, one.name) for one in fields(self)}
        moved = {
            name: value.to(device, non_blocking=True) for name, value in tensors.items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)
