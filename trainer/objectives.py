"""What is minimised. Each objective is a sum over what counts and how much that is: divided by the counts of all micro-batches and
workers together, a loss depends neither on padding nor on how rows were put together.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # a label, or a unit, that is none


class Total(NamedTuple):
    """`sum`: a scalar with its gradient; `count`: of what it is summed over, int64 scalar."""

    sum: Tensor
    count: Tensor

    @property
    def mean(self) -> Tensor:
        return self.sum / self.count.clamp(min=1)


def predicting(labels: Tensor) -> Tensor:
    """bool [B, T]: the positions whose output predicts a labelled token, which is one to the left of it. int64 [B, T] labels,
    IGNORED outside the answer. They are also the states that a speech decoder is given: in generation it gets no others.
    """
    labelled = labels != IGNORED
    return F.pad(labelled[:, 1:], (0, 1), value=False)


def answer_cross_entropy(logits: Tensor, labels: Tensor) -> Total:
    """-log p(token | what is before it), over the labelled tokens, in float32. `logits` [B, T, V], `labels` int64 [B, T].

    A token counts by its label alone: the end of the answer counts where it is labelled, also if its id pads other rows.
    """
    return answer_losses(logits, labels)[0]


def answer_losses(logits: Tensor, labels: Tensor) -> tuple[Total, Tensor]:
    """`answer_cross_entropy`, and the loss of each labelled token, row after row, float32 [n], without gradients."""
    at = predicting(labels)
    each = F.cross_entropy(logits[at].float(), labels[:, 1:][at[:, :-1]], reduction="none")
    return Total(each.sum(), at.sum()), each.detach()


class Distilled(NamedTuple):
    """Over the positions of answers, and over the last one of each row."""

    answer: Total
    end: Total

    def loss(self, end_weight: float = 1.0) -> Tensor:
        return self.answer.mean + end_weight * self.end.mean


def distillation(
    student: Tensor,
    labels: Tensor,
    teacher: Tensor,
    teacher_labels: Tensor,
    temperature: float = 2.0,
    shifted: bool = True,
) -> Distilled:
    """KL(teacher || student) at a temperature, in float32, without the factor T^2 of Hinton et al.: Ultravox v0.6's loss (its
    ultravox_model.py; facts: section b). `student`, `teacher`: logits [B, T, V] and [B, T', V] over the same answer behind
    speech and behind its transcript; `labels`, `teacher_labels`: int64, IGNORED outside it. The positions of a row pair up in
    order. `shifted=False` is the form of v0.3 to v0.5: the positions AT the labelled tokens, and no term for the end.

    Raises ValueError where the two sides label a different number of tokens in a row.
    """
    ours, theirs = (
        (predicting(labels), predicting(teacher_labels)) if shifted else (labels != IGNORED, teacher_labels != IGNORED)
    )
    counts = ours.sum(1)
    if not torch.equal(counts, theirs.sum(1)):
        raise ValueError(f"answers of {counts.tolist()} tokens, the teacher's are of {theirs.sum(1).tolist()}")
    target = F.log_softmax(teacher[theirs].float() / temperature, dim=-1)
    given = F.log_softmax(student[ours].float() / temperature, dim=-1)
    each = (target.exp() * (target - given)).sum(-1)
    last = counts.cumsum(0)[counts > 0] - 1 if shifted else counts.new_zeros(0)
    return Distilled(Total(each.sum(), counts.sum()), Total(each[last].sum(), counts.new_tensor(len(last))))


def distillation_of_top(
    student: Tensor, labels: Tensor, ids: Tensor, log_probs: Tensor, rest: Tensor, temperature: float = 2.0
) -> Distilled:
    """KL(teacher || student) at a temperature, in float32, where of the teacher only the likeliest tokens K of each place are known, and
    all others R are one class. `student`, `labels` as in `distillation`. Of the N labelled tokens of all rows, in order:
    `ids` int64 [N, K] (no entry: any id that is another entry of that place); `log_probs` [N, K], ln p at T = 1, -inf for no entry;
    `rest` [N], ln of t, the sum of p_j^(1/T) over R.

    With Z = sum over K of p_i^(1/T) + t the teacher at T has q_i = p_i^(1/T) / Z, as softmax(z / T) is p^(1/T) / sum p^(1/T)
    (Hinton et al. 2015, section 2), and q_R = t / Z; the student s_i = softmax(z / T)_i, s_R = 1 - sum over K of s_i. The loss is

        sum over K of q_i ln(q_i / s_i)  +  q_R ln(q_R / s_R)

    By the chain rule of relative entropy (Cover and Thomas, Elements of Information Theory, theorem 2.5.3) `distillation` is this and
    q_R KL(q(.|R) || s(.|R)), which is never negative: so much the likeliest tokens leave out, namely how what is left is shared out
    among R. Nothing pulls the student's there. q_R counts at T, where it is much more than at 1.
    Raises ValueError where there are more or fewer places than labelled tokens.
    """
    at = predicting(labels)
    counts = at.sum(1)
    if int(counts.sum()) != len(ids):
        raise ValueError(f"answers of {counts.tolist()} tokens, and {len(ids)} places of a teacher")
    flat = log_probs.float() / temperature
    whole = torch.logaddexp(flat.logsumexp(-1), rest.float())
    logits = student[at].float() / temperature
    norm = logits.logsumexp(-1, keepdim=True)
    given = logits.gather(1, ids) - norm
    others = logits.scatter(1, ids, torch.finfo(logits.dtype).min).logsumexp(-1, keepdim=True) - norm
    target = torch.cat([flat, rest.float()[:, None]], 1) - whole[:, None]
    each = target.exp() * (target.clamp(min=torch.finfo(target.dtype).min) - torch.cat([given, others], 1))
    each = torch.where(target == -torch.inf, 0.0, each).sum(-1)
    last = counts.cumsum(0)[counts > 0] - 1
    return Distilled(Total(each.sum(), counts.sum()), Total(each[last].sum(), counts.new_tensor(len(last))))


def ctc(logits: Tensor, frames: Tensor, units: Tensor, blank: int) -> tuple[Total, Tensor]:
    """-log p(units | frames) over all alignments (Graves et al. 2006, equation 5), in float32, and which rows have none: bool [B].

    `logits` [B, T, units + 1]; `frames` int64 [B]: how many of T a row has; `units` int64 [B, U], IGNORED behind a row's end.
    The count is that of units, as in LLaMA-Omni. Rows without an alignment (fewer frames than units and repeats) count as
    nothing: they can't be learned, and are left out before training; here they must not end it.
    Raises ValueError for a unit that is neither one of the decoder's nor IGNORED: blank and padding would be learned as units.
    """
    real = units != IGNORED
    if bool((real & ((units < 0) | (units >= blank))).any()):
        wrong = units[real & ((units < 0) | (units >= blank))][0].item()
        raise ValueError(f"unit {wrong}: the decoder has units 0 to {blank - 1}; what pads must be {IGNORED}")
    lengths = real.sum(1)
    repeats = (real[:, 1:] & (units[:, 1:] == units[:, :-1])).sum(1)  # each needs a blank between
    impossible = frames < lengths + repeats
    # Their gradient would be NaN, and that of the whole batch with it.
    each = F.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        units.clamp(min=0),
        frames,
        lengths,
        blank=blank,
        reduction="none",
        zero_infinity=True,
    )
    return Total(each.sum(), lengths[~impossible].sum()), impossible
