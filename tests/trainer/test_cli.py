"""The command line from outside: tiny models, a made-up export, each phase, a kill amid an epoch, and what can be wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import ROOT
from tests.helpers.waiting import read_until, rest_of
from tests.trainer import folders
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import build
from voxsmith.trainer.cli import main


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models and an export of 8 training and 8 test rows."""
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    made = write_corpus(
        folder / "export", [row(i) for i in range(16)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4
    )
    (folder / "export" / "manifest.json").write_text(json.dumps(made))
    return folder


def recipe(ready: Path, folder: Path, **changes: Any) -> str:
    keys: dict[str, Any] = {
        "name": "made",
        "phase": "answer",
        "out": str(folder / "runs"),
        "data": [{"path": str(ready / "export"), "split": "train"}],
        "validation": [{"path": str(ready / "export"), "split": "test"}],
        "llm": {"model": str(ready / "llm")},
        "encoder": {"model": str(ready / "whisper")},
        "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32, "lr": 1e-2},
        "decoder": {
            "layers": 1,
            "width": 32,
            "heads": 2,
            "inner": 32,
            "units": 200,
            "upsampling": 4,
            "phase": True,
            "lr": 1e-2,
        },
        "schedule": {"steps": 8, "budget": 3.0, "warmup": 0.1},
        "run": {"precision": "float32", "workers": 0, "save_every": 3, "validate_every": 4},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(keys | changes))
    return str(path)


def losses(folder: Path) -> list[float]:
    lines = (folder / "runs" / "made" / "log.jsonl").read_text().splitlines()
    return [fields["loss"] for fields in map(json.loads, lines) if "loss" in fields]


@pytest.mark.parametrize("phase", ["answer", "units", "distil"])
def test_each_phase_learns_and_leaves_a_checkpoint_that_loads(ready: Path, tmp_path: Path, phase: str) -> None:
    path = recipe(ready, tmp_path, phase=phase, schedule={"steps": 24, "budget": 3.0})
    assert main(["fit", path, "--device", "cpu"]) == 0
    curve = losses(tmp_path)
    assert len(curve) == 24 and sum(curve[-6:]) < 0.9 * sum(curve[:6])
    place = checkpoint.checkpoints(tmp_path / "runs" / "made")[-1]
    built, _ = checkpoint.load(place)
    assert place.name == "step-00000024" and not any(value.requires_grad for value in built.network.parameters())


@pytest.mark.parametrize("learns", ["nothing", "lora", "all"])
def test_a_decoder_goes_on_from_the_adapter_and_the_llm_of_an_earlier_phase(
    ready: Path, tmp_path: Path, learns: str
) -> None:
    llm = {"model": str(ready / "llm"), "learns": learns, "lr": 1e-2}
    schedule = {"steps": 3, "budget": 3.0}
    first = recipe(ready, tmp_path / "first", llm=llm, schedule=schedule)
    assert main(["fit", first, "--device", "cpu"]) == 0
    start = tmp_path / "first" / "runs" / "made"
    again = llm if learns == "lora" else {"model": str(ready / "llm")}
    second = recipe(ready, tmp_path / "second", phase="units", start=str(start), llm=again, schedule=schedule)
    assert main(["fit", second, "--device", "cpu"]) == 0
    before, _ = checkpoint.load(checkpoint.named(start))
    shutil.rmtree(start)  # a checkpoint needs none of those that it started from
    after, _ = checkpoint.load(checkpoint.named(tmp_path / "second" / "runs" / "made"))
    for part in ("adapter", "llm", "encoder"):
        wanted, got = (getattr(one.network, part).state_dict() for one in (before, after))
        assert wanted.keys() == got.keys() and all(bool((got[name] == value).all()) for name, value in wanted.items())
    base = build(checkpoint.read_recipe(checkpoint.named(tmp_path / "second" / "runs" / "made")))
    moved = [
        name
        for name, value in base.network.llm.state_dict().items()
        if not bool((after.network.llm.state_dict()[name] == value).all())
    ]
    assert bool(moved) == (learns != "nothing")


def test_low_rank_updates_that_the_recipe_lacks_are_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    llm = {"model": str(ready / "llm"), "learns": "lora"}
    assert main(["fit", recipe(ready, tmp_path / "first", llm=llm, schedule={"steps": 1}), "--device", "cpu"]) == 0
    start = checkpoint.named(tmp_path / "first" / "runs" / "made")
    capsys.readouterr()
    path = recipe(ready, tmp_path / "second", phase="units", start=str(start))
    assert line(capsys, "fit", path, "--device", "cpu") == (
        2,
        f"{start}: it has low-rank updates, which the recipe lacks: set llm.learns to lora, with the same llm.lora as there; "
        "in the phase units they stand still",
    )


# Kills itself at once when it has said a step: a kill from outside may come after the next checkpoint.
DYING = """
import builtins, os, signal, sys
from voxsmith.trainer.cli import main

say = builtins.print

def print_and_die(*texts, **options):
    say(*texts, **options)
    if texts and texts[0].startswith("step 5/8 "):
        os.kill(os.getpid(), signal.SIGKILL)

builtins.print = print_and_die
main(sys.argv[1:])
"""


def test_a_killed_run_goes_on_amid_the_epoch_with_the_same_curve(ready: Path, tmp_path: Path) -> None:
    assert main(["fit", recipe(ready, tmp_path / "whole", validation=[]), "--device", "cpu"]) == 0
    path = recipe(ready, tmp_path / "killed", validation=[])
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", DYING, "fit", path, "--device", "cpu"]
    assert subprocess.run(command, env=env, cwd=tmp_path).returncode == -signal.SIGKILL
    saved = [place.name for place in checkpoint.checkpoints(tmp_path / "killed" / "runs" / "made")]
    assert saved == ["step-00000003"]
    seen = losses(tmp_path / "killed")
    assert main(["fit", path, "--device", "cpu"]) == 0
    whole, again = losses(tmp_path / "whole"), losses(tmp_path / "killed")[len(seen) :]
    assert len(whole) == 8 and again == pytest.approx(whole[3:], abs=1e-6)


@pytest.mark.parametrize("workers", [0, 1])
def test_sigterm_saves_the_step_that_was_taken(ready: Path, tmp_path: Path, workers: int) -> None:
    """Also where it goes to all processes of the command, those that read rows among them, as a terminal's Ctrl-C does."""
    path = recipe(
        ready, tmp_path, schedule={"steps": 5000, "budget": 3.0}, run={"save_every": 4000, "workers": workers}
    )
    command = [sys.executable, "-m", "voxsmith.trainer", "fit", path, "--device", "cpu"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=env, cwd=tmp_path, start_new_session=True
    ) as process:
        read_until(process, "step 2/5000 ")
        os.killpg(process.pid, signal.SIGTERM)
        rest = rest_of(process)
    assert process.returncode == 130, rest
    (place,) = checkpoint.checkpoints(tmp_path / "runs" / "made")
    assert int(place.name.removeprefix("step-")) == len(losses(tmp_path)) >= 2


def test_check_says_what_a_run_would_do_and_trains_nothing(ready: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["check", recipe(ready, tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "8 rows, 0.00 h, for the task answer" in printed and "the run: 8 steps" in printed
    assert not (tmp_path / "runs").exists()


def line(capsys: Any, *arguments: str) -> tuple[int, str]:
    code = main([*arguments])
    (said,) = capsys.readouterr().err.splitlines()
    return code, said


def test_what_is_wrong_is_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    path = recipe(ready, tmp_path)
    code, said = line(capsys, "fit", path, "--set", "schedule.epoch=3")
    assert (code, said) == (2, f"{path}: schedule.epoch: unknown key; did you mean 'epochs'?")
    code, said = line(capsys, "fit", str(tmp_path / "no.yaml"))
    assert code == 2 and "no such recipe" in said
    code, said = line(capsys, "fit", path, "--device", "quantum")
    assert (code, said) == (2, "--device quantum: no such device; cpu, cuda or cuda:1, say")
    code, said = line(capsys, "check", path, "--set", "llm.model=/nowhere/llm")
    assert code == 1 and said == "no such model file or folder: /nowhere/llm"
    code, said = line(capsys, "check", path, "--set", f"data=[{{path: {tmp_path}, split: train}}]")
    assert code == 2 and said.startswith(f"{tmp_path}: no exported dataset")
    code, said = line(capsys, "check", path, "--set", f"data=[{{path: {ready}/export, split: dev}}]")
    assert code == 2 and said.endswith("no split 'dev'; there is train, test")
    code, said = line(capsys, "check", path, "--set", "decoder=null", "--set", "phase=units")
    assert code == 2 and "the phase units needs one" in said


def test_data_that_can_t_be_used_are_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    texts = tmp_path / "texts"
    write_corpus(texts, [row(i) for i in range(4)], [], without=("audio", "units", "unit_durations"))
    path = recipe(ready, tmp_path, data=[{"path": str(texts)}], validation=[])
    code, said = line(capsys, "check", path)
    assert code == 2 and said.startswith(f"{texts}: it lacks query_audio; it has id, ")
    spoken = tmp_path / "spoken"
    write_corpus(spoken, [row(i) for i in range(4)], [], without=("units", "unit_durations"))
    code, said = line(capsys, "check", path, "--set", f"data=[{{path: {spoken}}}]", "--set", "phase=units")
    assert code == 2 and said.startswith(f"{spoken}: it lacks answer_units; ")
    few = "decoder={layers: 1, width: 32, heads: 2, inner: 32, units: 100, upsampling: 4}"
    code, said = line(
        capsys, "fit", path, "--set", f"data=[{{path: {ready}/export}}]", "--set", "phase=units", "--set", few
    )
    assert code == 2 and said.endswith("the decoder has units 0 to 99; set decoder.units to what made them has")
    folders.llm(tmp_path / "base", template=None)
    code, said = line(
        capsys, "check", path, "--set", f"data=[{{path: {ready}/export}}]", "--set", f"llm.model={tmp_path}/base"
    )
    assert code == 2 and said.startswith("its tokenizer has no chat template")
