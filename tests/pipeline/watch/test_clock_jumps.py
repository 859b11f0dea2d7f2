"""A clock that is wrong, or set while a run is on: nothing is made twice, hangs or is collected."""

import os
import time
from pathlib import Path

import pytest

from tests.helpers.recipes import TEXTS, TOY_PATH, asked, digests_of, run_cli, start_cli, write_recipe
from tests.helpers.waiting import Gate, read_until, rest_of

pytestmark = pytest.mark.usefixtures("one_ray")
YEARS = 365.25 * 86400
# `time.time` of the driver, from the moment that a file is there. (Ray's clocks, in other processes, stay right.)
JUMP = """
import os, time

time_ns, flag, jump = time.time_ns, os.environ["JUMP_WHEN"], int(float(os.environ["JUMP_BY"]) * 1e9)
time.time_ns = lambda: time_ns() + (jump if os.path.exists(flag) else 0)
time.time = lambda: time.time_ns() / 1e9
"""


def age(folder: Path, years: float) -> None:
    """Every file's times as if the clock had been wrong when it was written."""
    then = time.time() - YEARS * years
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, (then, then))


@pytest.mark.heavy
@pytest.mark.parametrize("years", [15, -15], ids=["forward", "backward"])
def test_the_clock_is_set_while_a_run_is_on(undisturbed: dict[str, str], tmp_path: Path, years: float) -> None:
    path, flag, site = write_recipe(tmp_path, TEXTS), tmp_path / "jump", tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(JUMP)
    wrong = {
        "PYTHONPATH": os.pathsep.join([str(site), TOY_PATH]),
        "JUMP_WHEN": str(flag),
        "JUMP_BY": str(years * YEARS),
    }
    gate = Gate(tmp_path, objects=1)
    process = start_cli("run", path, *gate.closed, env=wrong)
    gate.wait(process)
    flag.touch()
    gate.open()
    output = rest_of(process)
    assert process.returncode == 0, output
    assert len(asked(path)) == 3 * len(TEXTS), "nothing is asked twice"
    assert digests_of(tmp_path / "out") == undisturbed

    for env in (wrong, {}):  # with the wrong clock, and with the right one again
        code, output = run_cli("run", path, env=env)
        assert code == 0 and "nothing to do" in output and asked(path) == [], output
        code, output = run_cli("gc", path, env=env)
        assert code == 0 and output.startswith("0 files"), output
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("years", [pytest.param(30, marks=pytest.mark.heavy), -30], ids=["past", "future"])
def test_files_of_another_time(undisturbed: dict[str, str], tmp_path: Path, years: float) -> None:
    """What a run wrote while the clock was wrong counts, also the replies of a task that did not finish."""
    path = write_recipe(tmp_path, TEXTS)
    gate = Gate(tmp_path, objects=4)
    process = start_cli("run", path, "--progress", "plain", *gate.closed)
    gate.wait(process)
    process.terminate()
    read_until(process, "stopping: ")
    gate.open()
    output = rest_of(process)
    assert process.returncode == 130, output
    first = asked(path)
    age(tmp_path, years)
    code, output = run_cli("gc", path, "--grace", "0")
    assert code == 0 and output.startswith("0 files"), output
    code, output = run_cli("run", path)
    assert code == 0, output
    assert len(first) + len(asked(path)) <= 3 * len(TEXTS) + 4, "what was under way may be asked again"
    assert digests_of(tmp_path / "out") == undisturbed
    age(tmp_path, years)
    code, output = run_cli("run", path)
    assert code == 0 and "nothing to do" in output and asked(path) == [], output
