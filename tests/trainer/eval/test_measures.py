"""What is measured of a batch, against values by hand and against the objectives that are learned."""

import math

import pytest
import torch

from tests.trainer import tiny
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.eval import measures
from voxsmith.trainer.eval.measures import Measured, mean, unit_errors
from voxsmith.trainer.networks.decoder import Collapse
from voxsmith.trainer.networks.speech_llm import answer_states
from voxsmith.trainer.objectives import IGNORED, ctc, distillation

LN = math.log


def batch(labels: list[list[int]], teacher_labels: list[list[int]] | None = None) -> Batch:
    """Of labels alone."""
    wanted = torch.tensor(labels)
    empty = torch.zeros(0)
    return Batch(
        ids=tuple(f"row-{number}" for number in range(len(labels))),
        mel=empty,
        mel_lengths=empty,
        tokens=wanted,
        speech=wanted > 99,
        attended=wanted > -200,
        labels=wanted,
        teacher_labels=torch.tensor(teacher_labels) if teacher_labels else None,
    )


def test_losses_and_right_tokens_of_an_answer_by_hand() -> None:
    """Probabilities 1/2, 3/4 and, in a shorter row, 1/5: of its end, which is its only token."""
    logits = torch.tensor(
        [[[0, LN(2), 0], [0, 0, LN(6)], [9, 9, 9]], [[LN(3), 0, 0], [5, 0, 0], [0, 7, 0]]], dtype=torch.float32
    )
    rows = measures.answers(batch([[IGNORED, 1, 2], [IGNORED, 1, IGNORED]]), logits)
    assert mean(rows, "answer") == pytest.approx((LN(2) + LN(4 / 3) + LN(5)) / 3)
    assert mean(rows, "text") == pytest.approx(LN(2))
    assert mean(rows, "end") == pytest.approx((LN(4 / 3) + LN(5)) / 2)
    assert mean(rows, "first") == pytest.approx((LN(2) + LN(5)) / 2)
    assert mean(rows, "first_right") == 1 / 2 and mean(rows, "right") == pytest.approx(2 / 3)
    assert mean(rows, "kl") is None


def test_distance_to_the_teacher_by_hand() -> None:
    """At temperature 2 the student has 1/4 and 3/4, the teacher 3/4 and 1/4: KL is ln(3) / 2. At the end both have the same."""
    apart = 2 * LN(3)
    student = torch.tensor([[[0.0, 0.0], [0.0, apart], [apart, 0.0], [8.0, 8.0]]])
    teacher = torch.tensor([[[apart, 0.0], [apart, 0.0], [1.0, 2.0]]])
    labels, taught = [[IGNORED, IGNORED, 0, 1]], [[IGNORED, 1, 1]]
    rows = [Measured("row-0")]
    measures.against_teacher(rows, batch(labels, taught), student, teacher, 2.0)
    assert mean(rows, "kl") == pytest.approx(LN(3) / 2 / 2)
    assert mean(rows, "kl_end") == pytest.approx(0, abs=1e-7) and mean(rows, "agree") == 1 / 2


def test_means_are_those_that_are_learned() -> None:
    recipe = tiny.recipe(phase="units")
    network = tiny.network(recipe).eval()
    some = tiny.batch(network, list(range(5)))
    with torch.no_grad():
        heard, teacher = network(some), network.teach(some)
        rows = measures.answers(some, heard.logits)
        measures.against_teacher(rows, some, heard.logits, teacher, 2.0)
        measures.units(rows, some, network.decoder, heard.states)
        states, counts = answer_states(heard.states, some.labels)
        logits, frames = network.decoder(states, counts)
    wanted = distillation(heard.logits, some.labels, teacher, some.teacher_labels)
    assert mean(rows, "kl") == pytest.approx(float(wanted.answer.mean), rel=1e-5)
    assert mean(rows, "kl_end") == pytest.approx(float(wanted.end.mean), rel=1e-5)
    assert mean(rows, "units") == pytest.approx(float(ctc(logits, frames, some.units, 12)[0].mean), rel=1e-5)
    for number, row in enumerate(rows):
        best = logits[number, : frames[number]].argmax(-1).tolist()
        assert row.units is not None and row.units[1] == Collapse(12)(best)


def test_unit_errors_by_hand() -> None:
    """One unit is another, one is missing, two are too many; the second row says nothing at all."""
    rows = [
        Measured("a", units=([10, 2, 33, 4, 5, 7], [10, 9, 33, 5, 7, 6, 6])),
        Measured("b", units=([7, 8], [])),
        Measured("c", units=([1], [1])),
    ]
    errors = unit_errors(rows)
    assert errors is not None and errors.rate == 6 / 9
    assert (errors.substitutions, errors.deletions, errors.insertions, errors.wanted) == (1, 3, 2, 9)
    assert unit_errors([Measured("d")]) is None
