"""What learning rows by heart doesn't show: a wrong mask, and states of other places. Both learn their own rows, and neither says
anything when it generates.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.trainer import folders, tiny
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.networks.decoder import Collapse
from voxsmith.trainer.networks.speech_llm import SpeechLLM, answer_states
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.talk.generate import Speaker, answers
from voxsmith.trainer.talk.questions import without_answers

ROWS = [0, 3, 5, 6, 11]
ADAPTERS = {
    "stack_projector": {"kind": "stack_projector", "group": 8, "hidden": 16},
    "speech_adapter": {"kind": "speech_adapter", "group": 5, "hidden": 16},
}


def network(**changes: object) -> SpeechLLM:
    return tiny.sensitive(tiny.recipe(**changes))


def with_rubbish(batch: Batch) -> Batch:
    """Other tokens pad; what says that they are padding stays."""
    draw = torch.Generator().manual_seed(1)
    assert batch.teacher is not None and batch.teacher_attended is not None
    return replace(
        batch,
        tokens=torch.where(batch.attended, batch.tokens, torch.randint(0, 40, batch.tokens.shape, generator=draw)),
        teacher=torch.where(
            batch.teacher_attended, batch.teacher, torch.randint(0, 40, batch.teacher.shape, generator=draw)
        ),
    )


def losses(made: SpeechLLM, phase: str, batch: Batch) -> Tensor:
    """The sums of the phase's terms."""
    with torch.no_grad():
        terms = PHASES[phase].terms(made, batch, tiny.recipe(phase=phase))  # type: ignore[index]
    return torch.stack([term.sum for term in terms.values()])


@pytest.mark.parametrize("phase", list(PHASES))
@pytest.mark.parametrize("kind", ADAPTERS)
def test_padding_changes_no_row_s_loss(phase: str, kind: str) -> None:
    """A row beside a longer one gives what it gives alone, whatever stands in the padding."""
    made = network(adapter=ADAPTERS[kind])
    alone = {row: losses(made, phase, tiny.batch(made, [row])) for row in ROWS}
    assert len({round(float(one[0]), 3) for one in alone.values()}) == len(ROWS)
    lengths = {row: int(tiny.batch(made, [row]).mel_lengths) for row in ROWS}
    longest = max(ROWS, key=lambda row: lengths[row])
    for row in set(ROWS) - {longest}:
        beside = tiny.batch(made, [row, longest])
        for batch in (beside, with_rubbish(beside)):
            torch.testing.assert_close(losses(made, phase, batch) - alone[longest], alone[row], atol=2e-4, rtol=1e-4)


@torch.no_grad()
def frames(made: SpeechLLM, batch: Batch) -> Tensor:
    """Logits of the decoder's frames, [B, N, upsampling, units + 1], by the states that the phase `units` gives it."""
    assert made.decoder is not None
    states, counts = answer_states(made.states(batch), batch.labels)
    logits, _ = made.decoder(states, counts)
    return logits.unflatten(1, (-1, made.decoder.upsampling))


@pytest.mark.parametrize("phase", [False, True])
def test_a_token_changes_the_frames_behind_it_and_no_other(phase: bool) -> None:
    """Token i is read after the state that predicts it has spoken: what block i says may not depend on it, and block i + 1 must."""
    made = network(decoder=tiny.BASE["decoder"] | {"phase": phase})  # type: ignore[operator]
    batch = tiny.batch(made, [3, 7])  # of five tokens each
    before = frames(made, batch)
    start = (batch.labels != IGNORED).int().argmax(1)
    for changed in range(5):
        tokens, rows = batch.tokens.clone(), torch.arange(2)
        tokens[rows, start + changed] = (tokens[rows, start + changed] + 7) % 40
        after = frames(made, replace(batch, tokens=tokens))
        torch.testing.assert_close(after[:, : changed + 1], before[:, : changed + 1], atol=1e-5, rtol=0)
        if changed < 4:
            assert float((after[:, changed + 1] - before[:, changed + 1]).abs().amax((1, 2)).min()) > 1e-2


@pytest.mark.parametrize("phase", [False, True])
def test_a_generated_answer_is_learned_with_the_units_that_it_was_said_in(phase: bool) -> None:
    """The frames of training, behind the same tokens, are those of generation."""
    made = network(decoder=tiny.BASE["decoder"] | {"phase": phase})  # type: ignore[operator]
    assert made.decoder is not None
    asked = tiny.batch(made, [3, 7])
    said = answers(Speaker(made, folders.tokenizer(), frozenset()), without_answers(asked), 5)
    tokens, labels = asked.tokens.clone(), asked.labels.clone()
    for row, answer in enumerate(said):
        tokens[row, labels[row] != IGNORED] = torch.tensor(answer.tokens)
        labels[row, labels[row] != IGNORED] = torch.tensor(answer.tokens)
    best = frames(made, replace(asked, tokens=tokens, labels=labels)).argmax(-1).flatten(1).tolist()
    assert [Collapse(made.decoder.blank)(row) for row in best] == [answer.units for answer in said]
    assert all(answer.units for answer in said)
