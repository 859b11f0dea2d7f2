"""Whatever is done to a run, what comes out is what an undisturbed run gives."""

import os
import signal
from pathlib import Path

import pytest

from tests.helpers.recipes import TEXTS, asked, digests_of, run_cli, start_cli, write_recipe
from tests.helpers.waiting import Gate, rest_of

pytestmark = pytest.mark.usefixtures("one_ray")


def test_an_engine_actor_that_is_killed(undisturbed: dict[str, str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    path = write_recipe(tmp_path, TEXTS, engines__llm__pids=str(pids))
    gate = Gate(tmp_path, objects=2)
    process = start_cli("run", path, *gate.closed)
    gate.wait(process)
    (first,) = (int(file.name) for file in pids.iterdir())
    os.kill(first, signal.SIGKILL)
    gate.open()
    output = rest_of(process)
    assert process.returncode == 0, output
    assert "an actor of 'llm' died" in output
    assert len(list(pids.iterdir())) == 2
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.heavy
def test_a_recipe_and_its_rows_that_change_while_a_run_is_on(undisturbed: dict[str, str], tmp_path: Path) -> None:
    """The run goes on with what it read; the next one does what has changed, and back costs nothing."""
    path = write_recipe(tmp_path, TEXTS)
    gate = Gate(tmp_path, objects=2)
    process = start_cli("run", path, *gate.closed)
    gate.wait(process)
    write_recipe(tmp_path, ["something else", *TEXTS[:20]], stages__toy_shout__style="loud")
    gate.open()
    output = rest_of(process)
    assert process.returncode == 0, output
    assert digests_of(tmp_path / "out") == undisturbed
    code, output = run_cli("run", path)
    assert code == 0 and "21 rows out" in output, output
    write_recipe(tmp_path, TEXTS)
    asked(path)
    assert run_cli("run", path)[0] == 0
    assert asked(path) == []
    assert digests_of(tmp_path / "out") == undisturbed
