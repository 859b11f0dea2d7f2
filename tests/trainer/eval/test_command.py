"""`eval` from outside: a checkpoint of each phase on a made-up export, and the shuffle test."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders
from voxsmith.models.chat import Chat
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import build
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.cli import main
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.eval.evaluate import Evaluation
from voxsmith.trainer.eval.measures import Measured
from voxsmith.trainer.eval.report import as_json, as_markdown
from voxsmith.trainer.fit.corpus import corpus
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.fit.validation import validate
from voxsmith.trainer.recipe import TrainRecipe


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models and an export of 4 training and 4 test rows."""
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(8)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    return folder


def recipe(ready: Path, phase: str) -> TrainRecipe:
    data = {"path": str(ready / "export"), "split": "train"}
    return TrainRecipe.model_validate(
        {
            "name": phase,
            "phase": phase,
            "out": str(ready / "runs"),
            "data": [data],
            "validation": [data],
            "llm": {"model": str(ready / "llm")},
            "encoder": {"model": str(ready / "whisper")},
            "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
            "decoder": {
                "layers": 1,
                "width": 32,
                "heads": 2,
                "inner": 32,
                "units": 200,
                "upsampling": 4,
                "phase": True,
            },
            "schedule": {"steps": 8, "budget": 3.0},
            "run": {"precision": "float32"},
        }
    )


def saved(ready: Path, phase: str) -> tuple[Path, dict[str, float]]:
    """A checkpoint with weights as they were drawn, and its means by the validation of a run."""
    wanted = recipe(ready, phase)
    built = build(wanted)
    PHASES[wanted.phase].learns(built.network, wanted)
    data = corpus(wanted.validation, wanted, built, Chat(built.tokenizer))
    values = validate(built, data, wanted, torch.device("cpu"))
    nothing = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
    return checkpoint.save(ready / "runs" / phase, built.network, nothing, State(), wanted), values


@pytest.mark.parametrize(
    "phase, names",
    [("answer", {"answer": "answer"}), ("units", {"units": "units"}), ("distil", {"answer": "kl", "end": "kl_end"})],
)
def test_eval_writes_what_validation_says(ready: Path, phase: str, names: dict[str, str], capsys: Any) -> None:
    place, wanted = saved(ready, phase)
    export = str(ready / "export")
    assert main(["eval", str(place), export, "--split", "train", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    values = json.loads((place / "eval" / "export.train.json").read_text())
    for term, name in names.items():
        assert values["losses"][name]["own"] == pytest.approx(wanted[term], rel=1e-4)
    # All rows have the same answer, so a row with the next one's clip costs what that row costs with its own.
    own, other = ([each[whose]["answer"] for each in values["each"]] for whose in ("own", "other"))
    assert other == pytest.approx([*own[1:], own[0]], rel=1e-4) and len(set(own)) == 4
    loss = values["losses"]["answer"]
    assert values["rows"] == 4 == len(values["each"]) and values["task"] == "answer"
    assert (phase == "units") == bool(values["unit_errors"]) and (phase == "distil") == ("agree" in values["shares"])
    page = (place / "eval" / "export.train.md").read_text()
    assert page in printed and f"| {loss['own']:.4f} | {loss['other']:.4f} |" in page
    assert f"{loss['own']:.4f}" in (place / "eval" / "export.train.html").read_text()


def test_a_row_hears_another_and_keeps_its_answer(ready: Path) -> None:
    wanted = recipe(ready, "answer")
    built = build(wanted)
    collate = corpus(wanted.data, wanted, built, Chat(built.tokenizer)).collate
    a, b = Place(0, 0), Place(0, 1)
    own = collate([a, b])
    object.__setattr__(collate, "hears", {a: b, b: a})
    other = collate([a, b])
    assert torch.equal(other.mel, own.mel.flip(0)) and torch.equal(other.mel_lengths, own.mel_lengths.flip(0))
    assert not torch.equal(own.mel[0], own.mel[1])
    assert torch.equal(other.speech.sum(1), own.speech.sum(1).flip(0))  # as many places as the clip has embeddings
    for number in range(2):
        assert (
            own.labels[number][own.labels[number] >= 0].tolist()
            == other.labels[number][other.labels[number] >= 0].tolist()
        )


def test_a_model_that_does_not_listen_is_said_to() -> None:
    def rows(*losses: float) -> list[Measured]:
        return [Measured(str(n), {"answer": loss}, {"answer": 2}) for n, loss in enumerate(losses)]

    def page(own: list[Measured], other: list[Measured]) -> str:
        return as_markdown(as_json(Evaluation("step", "export", None, "answer", "answer", own, other, {"no clip": 3})))

    deaf, hears = page(rows(2.0, 3.0), rows(2.5, 2.3)), page(rows(2.0, 3.0), rows(2.5, 4.5))
    assert "loss changes by -0.0500; 1 of 2 rows are better off with their own. **The model does not" in deaf
    assert "loss changes by +0.5000; 2 of 2 rows are better off with their own.\n" in hears
    assert "| the answer, its end included | 1.2500 | 1.7500 | +0.5000 |" in hears
    assert "Left out: 3 rows, no clip." in hears
    assert "The shuffle test needs two rows." in page(rows(2.0), [])


def test_what_is_wrong_is_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["eval", str(tmp_path), str(ready / "export")]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}: no checkpoint: it lacks recipe.json")
    place, _ = saved(ready, "answer")
    assert main(["eval", str(place), str(ready / "export"), "--split", "dev"]) == 2
    assert capsys.readouterr().err.endswith("no split 'dev'; there is train, test\n")
