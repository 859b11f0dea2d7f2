"""`run.processes`: Ray Train starts them, and they leave what one process that accumulates leaves."""

import json
import os
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

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(16)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    return folder


def command(folder: Path, name: str, steps: int = 5, accumulate: int = 1, **changes: Any) -> list[str]:
    """Of a run of the recipe; its paths are seen from `folder`."""
    keys: dict[str, Any] = {
        "name": name,
        "phase": "answer",
        "data": [{"path": "export", "split": "train"}],
        "validation": [{"path": "export", "split": "test"}],
        "llm": {"model": "llm"},
        "encoder": {"model": "whisper"},
        "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32, "lr": 1e-3},
        "schedule": {"steps": steps, "budget": 2.0, "accumulate": accumulate},
        "run": {"precision": "float32", "workers": 0, "validate_every": 4} | changes,
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(keys))
    return [sys.executable, "-m", "voxsmith.trainer", "fit", f"{name}.yaml", "--device", "cpu"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def curve(run: Path) -> list[float]:
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [fields.get("loss") or fields["validation"]["answer"] for fields in lines]


def test_two_processes_of_ray_learn_what_one_learns(ready: Path) -> None:
    for name, settings in {"one": {"accumulate": 2}, "two": {"processes": 2}}.items():
        done = subprocess.run(
            command(ready, name, **settings), cwd=ready, env=environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert "step 5/5  loss" in done.stdout and "checkpoint  " in done.stdout.splitlines()[-1]
    assert curve(ready / "runs" / "two") == pytest.approx(curve(ready / "runs" / "one"), rel=1e-5)
    assert not (ready / "runs" / "two" / ".ray").exists()


def test_sigterm_saves_the_step_of_all_processes(ready: Path) -> None:
    line = command(ready, "stopped", steps=100_000, processes=2, save_every=90_000)
    with subprocess.Popen(line, cwd=ready, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        read_until(process, "step 2/")
        process.send_signal(signal.SIGTERM)
        rest = rest_of(process)
    assert process.returncode == 130, rest
    place = checkpoint.named(ready / "runs" / "stopped")  # beside the best
    state = json.loads((place / "state.json").read_text())
    assert state["step"] >= 2 and state["batches"] == 2 and len(state["random"]) == 2


def test_what_is_wrong_is_one_line_from_ray_too(ready: Path) -> None:
    line = [*command(ready, "wrong", processes=2), "--set", "data=[{path: export, split: dev}]"]
    done = subprocess.run(line, cwd=ready, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "export/dataset: no split 'dev'; there is train, test\n")
    line = command(ready, "many", processes=5000)
    done = subprocess.run(line, cwd=ready, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("run.processes: 5000 processes want 5000 CPU; this machine has ")
    (ready / "file").write_text("")
    line = [*command(ready, "unwritable", processes=2), "--set", "out=file"]
    done = subprocess.run(line, cwd=ready, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"Not a directory: {ready}/file/unwritable\n")
