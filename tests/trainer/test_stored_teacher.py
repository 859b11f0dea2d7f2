"""What a teacher thought, out of an export: the losses that the live teacher gives, and what is refused."""

import multiprocessing
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor
from torch.nn import functional as F

from tests.trainer import folders, utterances
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build, chat_of
from voxsmith.trainer.cli import main
from voxsmith.trainer.data.exports import BadExport, Export
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.fit.corpus import Corpus, corpus, planned
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.objectives import distillation_of_top, predicting
from voxsmith.trainer.phases.distil import distilled
from voxsmith.trainer.recipe import TrainRecipe

READ = ({}, {"task": "transcribe"}, {"task": "translate", "to": "de"})
TASKS = ({"task": "continue", "weight": 2.0}, {"task": "transcribe", "weight": 0.5}, {"task": "translate", "to": "de"})


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    utterances.export(folder / "export", folder / "llm", 8, READ)
    return folder


def keys(ready: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "stored",
        "phase": "distil",
        "data": [{"path": str(ready / "export")} | task for task in TASKS],
        "llm": {"model": str(ready / "llm")},
        "encoder": {"model": str(ready / "whisper")},
        "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
        "distil": {"teacher": "stored"},
        "schedule": {"steps": 2, "budget": 3.0},
        "run": {"precision": "float32", "workers": 0},
    } | changes


def opened(ready: Path, **changes: Any) -> tuple[TrainRecipe, Built, Corpus]:
    recipe = TrainRecipe.model_validate(keys(ready, **changes))
    built = build(recipe)
    return recipe, built, corpus(recipe.data, recipe, built, chat_of(built, recipe))


def all_rows(of: Corpus) -> Batch:
    return of.collate([Place(source, row) for source, one in enumerate(of.sources) for row in range(len(one.usable))])


@pytest.mark.parametrize("temperature", [2.0, 1.0])
def test_stored_and_live_losses_differ_by_what_the_likeliest_leave_out(ready: Path, temperature: float) -> None:
    """At T = 2 it is known; at another temperature than the stage's, what is left out is reckoned."""
    recipe, built, stored = opened(ready, distil={"teacher": "stored", "temperature": temperature})
    live_recipe, _, live = opened(ready, distil={"teacher": "live", "temperature": temperature})
    batch, other = all_rows(stored), all_rows(live)
    assert batch.teacher is None and other.top_ids is None
    assert len(stored.sources) == 3 and batch.ids == other.ids and torch.equal(batch.tokens, other.tokens)
    with torch.no_grad():
        got, whole = distilled(built.network, batch, recipe), distilled(built.network, other, live_recipe)
        assert other.teacher_labels is not None
        logits = built.network.teach(other)[predicting(other.teacher_labels)].double()
        exact = logits.log_softmax(-1).topk(32, -1)
        rest = (logits.log_softmax(-1) / temperature).scatter(1, exact.indices, -torch.inf).logsumexp(-1)
        wanted = distillation_of_top(
            built.network(batch).logits, batch.labels, exact.indices, exact.values, rest, temperature
        )
        student = built.network(batch).logits[predicting(batch.labels)].double() / temperature
        q, s = (part.scatter(1, exact.indices, -torch.inf) for part in (logits / temperature, student))
        within = F.kl_div(s.log_softmax(-1), q.log_softmax(-1), log_target=True, reduction="none").nansum(-1)
        left_out = (q.logsumexp(-1) - (logits / temperature).logsumexp(-1)).exp() * within
    near = 1e-3 if temperature == 2.0 else 2e-2
    assert float(got.loss()) == pytest.approx(float(wanted.loss()), rel=near)
    assert float(whole.answer.sum - got.answer.sum) == pytest.approx(float(left_out.sum()), rel=10 * near)
    assert float(whole.answer.sum) > float(got.answer.sum) > 0 and got.end.count == whole.end.count


def test_several_tasks_of_one_export_are_mixed_by_weight(ready: Path) -> None:
    recipe, _, train = opened(ready)
    places, _ = planned(train, recipe, epoch=0)
    assert np.bincount([place.source for place in places]).tolist() == [16, 4, 8]
    asked = [source.task for source in train.sources]
    assert [(one.audio, one.text, one.answer) for one in asked] == [
        ("audio", "transcript", "continuation"),
        ("audio", "transcript", "transcript"),
        ("audio", "transcript", "translation_de"),
    ]
    assert "to German." in asked[2].request == recipe.request("translate")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"llm": {"system": "Be brief."}},
            r"another prompt \(\w+, not \w+\): its chat template, system message or the",
        ),
        ({"llm": {"model": "other"}}, r"model llm@\w+, not other@\w+"),
    ],
)
def test_the_teacher_of_another_recipe_is_refused_in_a_line(
    ready: Path, tmp_path: Path, changes: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if changes["llm"].get("model"):
        changes["llm"]["model"] = str(folders.llm(tmp_path / "other", template=folders.TEMPLATE + " "))
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(keys(ready, llm=keys(ready)["llm"] | changes["llm"], out=str(tmp_path))))
    assert main(["check", str(file)]) != 0
    said = capsys.readouterr()
    line = (said.out + said.err).strip().splitlines()[-1]
    assert "export: row u0: its stored teacher is of " in line and "distil.teacher: live" in line
    assert re.search(says, line)


def test_rows_that_have_none_are_left_out_and_exports_that_have_none_are_refused(ready: Path, tmp_path: Path) -> None:
    data = [
        {
            "path": str(utterances.export(tmp_path / "null", ready / "llm", 2, teacher_continue_of=None)),
            "task": "continue",
        }
    ]
    with pytest.raises(BadExport, match="no row can be used: 2 no stored teacher"):
        opened(ready, data=data)
    with pytest.raises(BadExport, match="it lacks teacher_transcribe_of; it has id, audio"):
        opened(ready, data=[data[0] | {"task": "transcribe"}])
    bare = utterances.export(tmp_path / "bare", ready / "llm", 1, teacher_continue_of="of somebody")
    with pytest.raises(BadExport, match="row u0: its stored teacher is of 'of somebody' names no teacher"):
        opened(ready, data=[{"path": str(bare), "task": "continue"}])


def test_an_answer_that_was_changed_is_refused_in_a_line(
    ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = utterances.export(tmp_path / "changed", ready / "llm", 1, continuation="Sure.")
    _, _, train = opened(ready, data=[{"path": str(changed), "task": "continue"}])
    said = "row u0: its stored teacher has 9 places, its answer 3 tokens: run the corpus' stage `teacher` again"
    with pytest.raises(BadExport, match=said):
        all_rows(train)
    changes = {"data": [{"path": str(changed), "task": "continue"}], "run": {"workers": 1}, "out": str(tmp_path)}
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(keys(ready, **changes)))
    assert main(["fit", str(file)]) != 0, "as one of the processes that read rows says it"
    wrong = capsys.readouterr().err
    assert said in wrong.splitlines()[-1] and "Traceback" not in wrong
    assert not multiprocessing.active_children(), "the command would wait for them when it ends"


def test_datasets_reads_arrays_of_one_width(ready: Path) -> None:
    rows = Export(ready / "export").rows([0], ("teacher_continue_ids", "teacher_continue_log_probs"))
    for values in rows.values():
        assert np.array(values[0]).shape[1:] == (32,)


def test_it_trains_checks_and_is_measured(ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "recipe.yaml"
    validation = [{"path": str(ready / "export"), "task": "continue"}]
    file.write_text(yaml.safe_dump(keys(ready, out=str(tmp_path), validation=validation)))
    assert main(["check", str(file), "--probe"]) == 0
    assert main(["fit", str(file)]) == 0
    assert main(["eval", str(tmp_path / "stored"), str(ready / "export"), "--task", "continue", "--generate", "0"]) == 0
    said = capsys.readouterr().out
    assert "step 2/2" in said and "for the task translate" in said and "KL" in said


def after_a_step(ready: Path, teacher: str) -> tuple[Tensor, Tensor]:
    """Of rows of the task continue: what teaches them, before and after a step in which the LLM learns."""
    llm = {"model": str(ready / "llm"), "learns": "lora", "lr": 0.1}
    recipe, built, train = opened(ready, llm=llm, distil={"teacher": teacher})
    groups = PHASES["distil"].learns(built.network, recipe)
    batch = train.collate([Place(0, row) for row in range(4)])

    def teaches() -> Tensor:
        return built.network.teach(batch) if batch.top_log_probs is None else batch.top_log_probs.clone()

    before = teaches()
    for _ in range(2):  # the first one moves but half of a low-rank update, whose other half is zero
        optimiser = torch.optim.SGD([{"params": group.parameters, "lr": group.lr} for group in groups])
        step(built.network, [batch], groups, optimiser, recipe)
    return before, teaches()


def test_a_live_teacher_moves_with_an_llm_that_learns_and_a_stored_one_stands_still(ready: Path) -> None:
    before, after = after_a_step(ready, "live")
    assert not torch.equal(before, after)
    before, after = after_a_step(ready, "stored")
    assert torch.equal(before, after)


@pytest.mark.parametrize("teacher", ["live", "stored"])
def test_which_llm_teaches_is_said_where_it_learns(
    teacher: str, ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipe.yaml"

    def says(name: str, learns: str, **changes: Any) -> str:
        llm = {"model": str(ready / "llm"), "learns": learns}
        changes |= {"name": name, "out": str(tmp_path), "distil": {"teacher": teacher}}
        file.write_text(yaml.safe_dump(keys(ready, llm=llm, **changes)))
        assert main(["check", str(file)]) == 0 and main(["fit", str(file)]) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("distil.teacher: ")]
        assert len(lines) in (0, 2) and lines[:1] == lines[1:], "check says what fit does"
        return lines[0] if lines else ""

    assert says("still", "nothing") == ""
    moves, stands = (
        "live: the teacher is the LLM that learns, and moves",
        "as the corpus asked it, and stands still; it learns",
    )
    assert (moves if teacher == "live" else stands) in says("learns", "all")
    goes_on = says("goes_on", "nothing", start=str(tmp_path / "learns"))
    assert goes_on == "" if teacher == "live" else re.search(r"stands still; that of \S+step-\S+ has learned", goes_on)


def test_positions_that_are_not_stored(ready: Path) -> None:
    with pytest.raises(ValueError, match="shifted: false wants a position behind the end"):
        TrainRecipe.model_validate(keys(ready, distil={"teacher": "stored", "shifted": False}))
