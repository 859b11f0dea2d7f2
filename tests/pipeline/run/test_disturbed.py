"""Whatever is done to a run, what comes out is what an undisturbed run gives."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.helpers.recipes import TEXTS, asked, digests_of, run_cli, start_cli, write_recipe

pytestmark = pytest.mark.usefixtures("one_ray")


def wait_for_shards(folder: Path, count: int, process) -> None:
    while len(list((folder / "store" / "objects").glob("toy_*/*.json"))) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def test_an_engine_actor_that_is_killed(undisturbed: dict[str, str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    path = write_recipe(tmp_path, TEXTS, engines__llm__pids=str(pids))
    process = start_cli("run", path, "--set", "engines.llm.delay=0.05")
    wait_for_shards(tmp_path, 2, process)
    (first,) = (int(file.name) for file in pids.iterdir())
    os.kill(first, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "an actor of 'llm' died" in output
    assert len(list(pids.iterdir())) == 2
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.heavy
def test_two_runs_at_once_on_one_store(undisturbed: dict[str, str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    runs = [
        start_cli("run", path, "--set", f"out={tmp_path}/{name}", "--set", "engines.llm.delay=0.05") for name in "ab"
    ]
    for run in runs:
        output, _ = run.communicate(timeout=200)
        assert run.returncode == 0, output
    assert digests_of(tmp_path / "a") == digests_of(tmp_path / "b") == undisturbed


@pytest.mark.heavy
def test_a_recipe_and_its_rows_that_change_while_a_run_is_on(undisturbed: dict[str, str], tmp_path: Path) -> None:
    """The run goes on with what it read; the next one does what has changed, and back costs nothing."""
    path = write_recipe(tmp_path, TEXTS)
    process = start_cli("run", path, "--set", "engines.llm.delay=0.05")
    wait_for_shards(tmp_path, 2, process)
    write_recipe(tmp_path, ["something else", *TEXTS[:20]], stages__toy_shout__style="loud")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert digests_of(tmp_path / "out") == undisturbed
    code, output = run_cli("run", path)
    assert code == 0 and "21 rows out" in output, output
    write_recipe(tmp_path, TEXTS)
    asked(path)
    assert run_cli("run", path)[0] == 0
    assert asked(path) == []
    assert digests_of(tmp_path / "out") == undisturbed
