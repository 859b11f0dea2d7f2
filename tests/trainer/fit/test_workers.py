"""Two processes learn what one does, stop together, and go on amid an epoch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders, two_workers
from voxsmith.trainer import checkpoint
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.fit.run import fit
from voxsmith.trainer.recipe import TrainRecipe


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left, with models and an export of 12 training and 4 test rows."""
    folder = tmp_path_factory.mktemp("both")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(16)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    recipes = {
        "two": recipe(folder, "two"),
        "whole": recipe(folder, "whole", dropout=0.3),
        "part": recipe(folder, "part", dropout=0.3),
        "shards": recipe(folder, "shards", shards=True),
        "generates": recipe(folder, "generates", generate_every=7, generate_tokens=4),
    }
    two_workers.both(folder, recipes)
    return folder


def recipe(folder: Path, name: str, accumulate: int = 1, dropout: float = 0.0, **run: Any) -> TrainRecipe:
    return TrainRecipe.model_validate(
        {
            "name": name,
            "phase": "answer",
            "out": str(folder / "runs"),
            "data": [{"path": str(folder / "export"), "split": "train"}],
            "validation": [{"path": str(folder / "export"), "split": "test"}],
            "llm": {"model": str(folder / "llm"), "learns": "lora", "lr": 1e-2, "lora": {"dropout": dropout}},
            "encoder": {"model": str(folder / "whisper")},
            "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32, "lr": 1e-3},
            "schedule": {"steps": 7, "budget": 2.0, "accumulate": accumulate, "clip": 1e9},
            "run": {"precision": "float32", "workers": 0, "save_every": 5, "validate_every": 4, "keep": 5} | run,
        }
    )


def generated(run: Path) -> dict[str, float]:
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    (said,) = [fields["validation"] for fields in lines if "wer.answer" in fields.get("validation", {})]
    return dict(said)


def curve(run: Path) -> list[float]:
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [fields.get("loss") or fields["validation"]["answer"] for fields in lines]


@pytest.mark.parametrize("phase", list(PHASES))
def test_two_workers_take_the_steps_of_one(both: Path, phase: str) -> None:
    """The same rows in a step, uneven ones, one worker with none at last, and other weights at the start on the second one."""
    alone = two_workers.trained(phase)
    for rank in range(2):
        worker = torch.load(both / f"{rank}.pt", weights_only=True)
        for ours, wanted in zip(worker[phase]["losses"], alone["losses"], strict=True):
            assert ours == pytest.approx(wanted, rel=1e-5)
        for name, value in alone["weights"].items():
            torch.testing.assert_close(worker[phase]["weights"][name], value, rtol=1e-5, atol=1e-6)
    assert len(alone["losses"]) == 6 and alone["losses"][0] != alone["losses"][-1]


@pytest.mark.parametrize("case", list(two_workers.SHARDS))
def test_two_workers_with_weights_in_shards_take_the_steps_of_one(both: Path, case: str) -> None:
    """To 1e-5 in float32; in bf16 norms' weights are rounded as well, and that shows."""
    phase, of = two_workers.SHARDS[case]
    off = 1e-5 if of.get("precision") is None else 3e-2
    alone = two_workers.trained(phase, **(of | {"shards": False}))
    for rank in range(2):
        worker = torch.load(both / f"{rank}-shards.pt", weights_only=True)[case]
        assert worker["in_shards"] > 8
        for ours, wanted in zip(worker["losses"], alone["losses"], strict=True):
            assert ours == pytest.approx(wanted, rel=off)
        for name, value in alone["weights"].items():
            torch.testing.assert_close(worker["weights"][name], value, rtol=off, atol=off / 10)


def test_a_checkpoint_of_shards_is_as_any_and_goes_on_in_one_process(both: Path) -> None:
    """Two processes take 5 steps with shards, one the last two: as one that takes all; the files are as without shards."""
    runs = [both / "runs" / name for name in ("shards", "two")]
    ours, wanted = (load_file(run / "checkpoints" / "step-00000005" / "model.safetensors") for run in runs)
    moments, others = (load_file(run / "checkpoints" / "step-00000005" / "optimiser.safetensors") for run in runs)
    assert ours.keys() == wanted.keys() and moments.keys() == others.keys()
    for name, value in (wanted | others).items():
        torch.testing.assert_close((ours | moments)[name], value, rtol=1e-4, atol=1e-6)
    fit(recipe(both, "shards", accumulate=2, shards=True), lambda line: None, two_workers.CPU)
    again = curve(runs[0])
    del again[6]  # the validation of the run that was stopped
    assert again == pytest.approx(curve(runs[1]), rel=1e-5)


def test_a_row_that_explodes_stops_all_and_is_named(both: Path) -> None:
    said = [(both / f"{rank}.txt").read_text() for rank in range(2)]
    assert said == ["the loss is nan with the rows row-1; still True"] * 2


def test_a_run_of_two_processes_is_that_of_one_that_accumulates(both: Path) -> None:
    fit(recipe(both, "one", accumulate=2), lambda line: None, two_workers.CPU)
    runs = [both / "runs" / name for name in ("one", "two")]
    assert curve(runs[1]) == pytest.approx(curve(runs[0]), rel=1e-5)
    assert (both / "said-1.txt").read_text() == ""  # the first one speaks for both
    assert [checkpoint.checkpoints(run)[-1].name for run in runs] == ["step-00000007"] * 2


def test_two_processes_stop_together_and_go_on_amid_the_epoch(both: Path) -> None:
    """Dropout is on, and differs between the two: each goes on with its own random state."""
    stopped = both / "runs" / "part" / "checkpoints" / "step-00000002" / "state.json"
    state = json.loads(stopped.read_text())
    assert (state["step"], state["batches"]) == (2, 2) and len(set(state["random"])) == 2
    whole, again = curve(both / "runs" / "whole"), curve(both / "runs" / "part")
    del again[2]  # the validation of the run that was stopped
    assert again == whole and len(whole) == 9
    assert whole != curve(both / "runs" / "two")


def test_two_processes_share_out_the_rows_that_they_answer(both: Path) -> None:
    fit(recipe(both, "alone", accumulate=2, generate_every=7, generate_tokens=4), lambda line: None, two_workers.CPU)
    runs = [both / "runs" / name for name in ("alone", "generates")]
    assert generated(runs[1]) == pytest.approx(generated(runs[0]), rel=1e-9)
