"""Runs on a real Ray, started by the command line: what is kept when it is cut, and what a second run does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.helpers.recipes import ROOT, TEXTS, asked, digests_of, run_cli, start_cli, write_recipe
from tests.helpers.waiting import Gate, read_until, rest_of, wait_for

NO_RAY = {"RAY_ADDRESS": "127.0.0.1:1"}  # whoever starts Ray now, fails


def counts(folder: Path, name: str = "toy") -> dict[str, int]:
    return json.loads((folder / "out" / name / "manifest.json").read_text())["counts"]


def test_a_run_a_second_run_and_the_same_with_two_actors(tmp_path: Path, on_ray: dict[str, str]) -> None:
    path = write_recipe(tmp_path, [*TEXTS, "a bad one"])
    code, output = run_cli("run", path)
    assert code == 0, output
    assert counts(tmp_path) == {"rows_in": 25, "rows_out": 24, "rejects": 1, "pending": 0}
    assert "report.html" in output
    assert len(asked(path)) == 25 + 48

    code, output = run_cli("run", path, env=NO_RAY)
    assert (code, asked(path)) == (0, []), output
    assert "nothing to do" in output

    other = write_recipe(tmp_path / "two", [*TEXTS, "a bad one"])
    code, output = run_cli("run", other, "--set", "engines.llm.resources={replicas: 2, num_cpus: 0.5}", env=on_ray)
    assert code == 0, output
    for part in ("dataset", "rejects"):
        assert digests_of(tmp_path / "out" / "toy" / part) == digests_of(tmp_path / "two" / "out" / "toy" / part)
    objects = [set(digests_of(folder / "store" / "objects", "**/*.arrow")) for folder in (tmp_path, tmp_path / "two")]
    assert objects[0] == objects[1]


def test_kill_9_loses_no_finished_shard(undisturbed: dict[str, str], tmp_path: Path, on_ray: dict[str, str]) -> None:
    (tmp_path / "pids").mkdir()
    path = write_recipe(tmp_path, TEXTS, engines__llm__pids=str(tmp_path / "pids"))
    gate, objects = Gate(tmp_path, objects=4), tmp_path / "store" / "objects"
    process = start_cli("run", path, *gate.closed)
    gate.wait(process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (actor,) = (int(file.name) for file in (tmp_path / "pids").iterdir())
    wait_for(lambda: not psutil.pid_exists(actor), "the end of an actor whose driver is gone")
    finished = {str(file): file.stat().st_mtime_ns for file in objects.glob("toy_*/*.json")}
    code, output = run_cli("run", path, env=on_ray)
    assert code == 0, output
    assert {file: Path(file).stat().st_mtime_ns for file in finished} == finished
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.usefixtures("one_ray")
def test_sigterm_drains_and_the_same_command_goes_on(undisturbed: dict[str, str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    gate = Gate(tmp_path, objects=1)
    process = start_cli("run", path, "--progress", "plain", *gate.closed)
    gate.wait(process)
    process.terminate()
    read_until(process, "stopping: tasks in flight keep their replies")
    gate.open()
    output = rest_of(process)
    assert process.returncode == 130, output
    assert "the same command goes on" in output
    first = asked(path)
    code, output = run_cli("run", path)
    assert code == 0, output
    again = asked(path)
    assert len(first) + len(again) <= 3 * len(TEXTS) + 4  # what was under way at the engine may be asked again
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.usefixtures("one_ray")
def test_an_engine_that_finds_no_room_for_all_its_actors_stands_in_nobodys_way(tmp_path: Path) -> None:
    """Eight CPUs, three actors of 3.6 for one engine, and then one of 6 for another."""
    path = write_recipe(tmp_path, TEXTS, stages__toy_count__engine="late")
    engines = {
        "llm": {"backend": "toys.llm", "delay": 0.1, "resources": {"replicas": 3, "num_cpus": 3.6}},
        "late": {"backend": "toys.llm", "resources": {"num_cpus": 6}},
    }
    code, output = run_cli("run", path, "--set", f"engines={json.dumps(engines)}")
    assert code == 0, output
    assert counts(tmp_path)["rows_out"] == len(TEXTS)


@pytest.mark.usefixtures("one_ray")
def test_an_engine_loads_while_another_works_for_it(tmp_path: Path) -> None:
    (tmp_path / "pids").mkdir()
    late = {"backend": "toys.llm", "model": "late", "pids": str(tmp_path / "pids")}
    engines = {"llm": {"backend": "toys.llm"}, "late": late}
    path = write_recipe(tmp_path, TEXTS[:8], stages__toy_count__engine="late", engines=engines)
    gate = Gate(tmp_path, objects=0)
    process = start_cli("run", path, *gate.closed)
    wait_for(lambda: list((tmp_path / "pids").iterdir()), "the loading of the engine that has no work yet", process)
    assert not list(tmp_path.glob("store/objects/toy_shout/*.json"))
    gate.open()
    output = rest_of(process)
    assert process.returncode == 0, output


@pytest.mark.usefixtures("one_ray")
def test_a_row_that_kills_its_engine_is_one_reject(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [*TEXTS[:9], "segfault here", *TEXTS[9:14]])
    code, output = run_cli("run", path)
    assert code == 0, output
    assert counts(tmp_path) == {"rows_in": 15, "rows_out": 14, "rejects": 1, "pending": 0}
    _, output = run_cli("rejects", path, "--json")
    reject = json.loads(output)["rejects"][0]
    assert (reject["stage"], reject["reason"]) == ("toy_shout", "engine_killed")


@pytest.mark.usefixtures("one_ray")
def test_an_engine_that_hangs_on_a_row_is_killed_and_the_row_is_one_reject(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [*TEXTS[:2], "hang here"])
    code, output = run_cli("run", path, "--set", "engines.llm.resources={patience: 3, num_cpus: 0.5}")
    assert code == 0, output
    assert counts(tmp_path) == {"rows_in": 3, "rows_out": 2, "rejects": 1, "pending": 0}
    assert "no progress for" in output and "toy_shout, shard" in output
    _, output = run_cli("rejects", path, "--json")
    assert json.loads(output)["rejects"][0]["reason"] == "engine_killed"


@pytest.mark.usefixtures("one_ray")
def test_pending_rows_end_with_1_and_the_same_command_finishes_them(tmp_path: Path) -> None:
    down = tmp_path / "down"
    path = write_recipe(tmp_path, [*TEXTS[:6], "down now"], engines__llm__down=str(down))
    down.touch()
    code, output = run_cli("run", path)
    assert code == 1, output
    assert "pending" in output
    assert "the toy server is down" in output
    down.unlink()
    code, output = run_cli("run", path)
    assert code == 0, output
    assert counts(tmp_path)["rows_out"] == 7


@pytest.mark.usefixtures("one_ray")
def test_a_wrong_prompt_does_not_burn_the_night(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [f"bad {n}" for n in range(60)])
    code, output = run_cli("run", path)
    assert code == 1
    assert "max_reject_ratio" in output and f"`voxsmith rejects {path}` shows the reasons" in output
    assert len(asked(path)) < 60


def start_server(port: int = 0, replies: int | None = None) -> tuple["subprocess.Popen[str]", str]:
    """A process that speaks the OpenAI protocol, and its address. After so many replies it is silent."""
    limit = [] if replies is None else [str(replies)]
    command = [sys.executable, str(ROOT / "tests" / "helpers" / "openai_server.py"), str(port), *limit]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.heavy
@pytest.mark.usefixtures("one_ray")
def test_a_language_model_server_that_is_killed_in_mid_run(tmp_path: Path) -> None:
    server, url = start_server(replies=len(TEXTS) - 1)  # enough for a shard, not for all
    engine = {"backend": "llm_openai", "base_url": url, "model": "small", "retries": 2, "backoff": 0.05}
    engine["resources"] = {"concurrency": 1}
    path = write_recipe(tmp_path, TEXTS, engines={"llm": engine})
    process = start_cli("run", path)
    wait_for(lambda: list(tmp_path.glob("store/objects/toy_shout/*.json")), "a finished shard", process)
    server.kill()
    output = rest_of(process)
    server.wait()
    assert process.returncode == 1, output
    assert "pending" in output and "is the server running there?" in output
    _, output = run_cli("status", path, "--json")
    address = json.loads(output)
    assert address["rows_finished"] < address["rows"] == len(TEXTS) and address["last_run"]["status"] == "pending"

    server, _ = start_server(int(url.rsplit(":", 1)[1].split("/")[0]))
    try:
        code, output = run_cli("run", path)
    finally:
        server.kill()
        server.wait()
    assert code == 0, output
    assert counts(tmp_path) == {"rows_in": len(TEXTS), "rows_out": len(TEXTS), "rejects": 0, "pending": 0}


def test_a_relative_store_is_where_the_command_runs(tmp_path: Path) -> None:
    """Workers of a Ray that was there before run in another folder."""
    path = write_recipe(tmp_path, TEXTS[:4], store="store", out="out")
    code, output = run_cli("run", path, cwd=tmp_path)
    assert code == 0, output
    assert (tmp_path / "store" / "objects" / "toy_shout").is_dir()
