"""What is measured of a batch, for each of its rows: sums and counts, so that a mean doesn't depend on how rows are put together."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional as F

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.generated.unit_errors import UnitErrors
from voxsmith.trainer.generated.unit_errors import unit_errors as counted
from voxsmith.trainer.networks.decoder import Collapse, SpeechDecoder
from voxsmith.trainer.networks.speech_llm import answer_states
from voxsmith.trainer.objectives import IGNORED, ctc, predicting


@dataclass
class Measured:
    """Of one row. `sums` and `counts` by the name of a measure: their quotient is the row's mean. `units`: reference and what the
    decoder says, where it is measured.
    """

    id: str
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    units: tuple[list[int], list[int]] | None = None

    def add(self, name: str, value: float, count: int) -> None:
        self.sums[name], self.counts[name] = value, count


def answers(batch: Batch, logits: Tensor) -> list[Measured]:
    """Of each row, from logits float [B, L, V]: cross-entropy of the answer's `text`, of its `end` (the last labelled token), of its
    `first` token, and of all (`answer`), in nats; `first_right`, `right`: tokens that have the largest logit.
    """
    at = predicting(batch.labels)
    rows = []
    for number, name in enumerate(batch.ids):
        wanted = batch.labels[number][batch.labels[number] != IGNORED]
        given = logits[number][at[number]].float()
        each = F.cross_entropy(given, wanted, reduction="none").double().tolist()
        right = (given.argmax(-1) == wanted).tolist()
        row = Measured(name)
        row.add("answer", sum(each), len(each))
        row.add("text", sum(each[:-1]), len(each) - 1)
        row.add("end", each[-1], 1)
        row.add("first", each[0], 1)
        row.add("first_right", float(right[0]), 1)
        row.add("right", float(sum(right)), len(right))
        rows.append(row)
    return rows


def against_teacher(rows: list[Measured], batch: Batch, student: Tensor, teacher: Tensor, temperature: float) -> None:
    """Add to each row how far the LLM behind speech is from the LLM behind the transcript, over the answer's positions: `kl`, that is
    KL(teacher || student) at the temperature, in nats; `kl_end`: at the last one alone; `agree`: positions where both have the
    same largest logit.
    """
    assert batch.teacher_labels is not None
    ours, theirs = predicting(batch.labels), predicting(batch.teacher_labels)
    for number, row in enumerate(rows):
        given, target = student[number][ours[number]].float(), teacher[number][theirs[number]].float()
        log_given, log_target = (F.log_softmax(part / temperature, -1) for part in (given, target))
        each = F.kl_div(log_given, log_target, log_target=True, reduction="none").sum(-1)
        row.add("kl", float(each.double().sum()), len(each))
        row.add("kl_end", float(each[-1]), 1)
        row.add("agree", float((given.argmax(-1) == target.argmax(-1)).sum()), len(each))


def units(rows: list[Measured], batch: Batch, decoder: SpeechDecoder, states: Tensor) -> None:
    """Add to each row `units`, the CTC loss of its units in nats, and what the decoder says: of each frame the likeliest unit,
    equal neighbours merged, blanks dropped. The states are those behind the answer as it is written.
    """
    assert batch.units is not None
    picked, counts = answer_states(states, batch.labels)
    logits, frames = decoder(picked.float(), counts)
    best = logits.argmax(-1)
    for number, row in enumerate(rows):
        total, _ = ctc(
            logits[number : number + 1], frames[number : number + 1], batch.units[number : number + 1], decoder.blank
        )
        row.add("units", float(total.sum), int(total.count))
        wanted = batch.units[number][batch.units[number] != IGNORED].tolist()
        said = Collapse(decoder.blank)(best[number, : int(frames[number])].tolist())
        row.units = (wanted, said)


def mean(rows: list[Measured], name: str) -> float | None:
    """Over all that is counted in the rows; None where nothing is."""
    count = sum(row.counts.get(name, 0) for row in rows)
    return sum(row.sums.get(name, 0.0) for row in rows) / count if count else None


def unit_errors(rows: list[Measured]) -> UnitErrors | None:
    """Of what the decoder says; None where no row has units."""
    return counted([row.units for row in rows if row.units and row.units[0]])
