"""What a run tells while it goes on, at its end and afterwards: JSON lines, Ray's metrics, status, the table, the plan."""

import json
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipes import start_cli, start_python, write_recipe
from tests.helpers.waiting import LONGEST, Gate, read_until, rest_of, wait_for
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main

pytestmark = pytest.mark.usefixtures("one_ray")
TEXTS = [f"thing number {n}" for n in range(40)]
RATES = {"llm": {"per_hour": 36, "per_million": {"completion_tokens": 1000, "prompt_tokens": 500}}}
WORDS = 3 * len(TEXTS)  # of all texts; toy_count asks for each twice, with two words more


def events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith('{"time"')]


def samples(url: str, recipe: str) -> dict[tuple[str, str], float]:
    """Our samples of that recipe by (name, stage or engine)."""
    with urllib.request.urlopen(url, timeout=LONGEST) as reply:
        lines = reply.read().decode().splitlines()
    values: dict[tuple[str, str], float] = {}
    for line in lines:
        if line.startswith("ray_voxsmith_") and f'recipe="{recipe}"' in line:
            tags = dict(re.findall(r'(\w+)="([^"]*)"', line))
            values[line.split("{")[0], tags.get("stage", tags["engine"])] = float(line.rsplit(" ", 1)[1])
    return values


def test_a_run_is_watched_from_outside(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One run that takes a while: its JSON lines, `status` meanwhile, Ray's endpoint, the table, the next plan."""
    path = write_recipe(tmp_path, [*TEXTS, "a bad one"], name="watched", rates=RATES)
    rows = tmp_path / "watched.jsonl"
    rows.write_text(rows.read_text() + "no json\n")
    gate = Gate(tmp_path, objects=2, pattern="toy_count/*.json")
    process = start_cli("run", path, "--progress", "json", *gate.closed)

    def has_estimate(line: str) -> bool:
        return '"progress"' in line and json.loads(line)["eta_seconds"] is not None

    def said(*arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    def live() -> Any:
        status = json.loads(said("status", path, "--json"))
        return status if status["live"] and status["live"]["tasks"] else None

    def measured() -> Any:
        seen = samples(url, "watched")
        wanted = [("rows_total", "toy_shout"), ("prompt_tokens_total", "toy_shout"), ("busy_share", "llm")]
        return seen if all(seen.get((f"ray_voxsmith_{name}", of)) for name, of in wanted) else None

    printed = read_until(process, has_estimate)
    status = wait_for(live, "a heartbeat that tells of finished shards", process)
    url = status["live"]["work"]["metrics"][0]
    assert status["source_rejects"] == 1
    assert 0 < status["live"]["tasks"] < status["live"]["of_tasks"]
    assert status["live"]["stages"]["toy_shout"]["rows"] > 0 and status["live"]["age"] >= 0
    text = said("status", path)
    assert "a run is on: watched-" in text and "tasks, ETA" in text and re.search("sources +1 rejects", text)
    seen = wait_for(measured, "what Ray's endpoint says of the stages", process)
    gate.open()
    output = printed + rest_of(process)
    assert process.returncode == 0, output

    assert seen["ray_voxsmith_rows_total", "toy_shout"] > 0
    assert seen["ray_voxsmith_prompt_tokens_total", "toy_shout"] >= 3
    assert 0 < seen["ray_voxsmith_busy_share", "llm"] <= 1

    events_seen = events(output)
    kinds = [event["event"] for event in events_seen]
    assert kinds[0] == "start" and kinds[-1] == "end"
    assert {"progress", "stage_finished"} < set(kinds)
    assert {event["stage"] for event in events_seen if event["event"] == "stage_finished"} == {
        "toy_shout",
        "toy_count",
        "toy_words",
    }
    first, *_, last = [event for event in events_seen if event["event"] == "progress"]
    assert first["eta_seconds"] is None and last["eta_seconds"] is not None
    end = events_seen[-1]
    assert (end["status"], end["rejects"], end["source_rejects"]) == ("done", 1, 1)
    engine = end["work"]["engines"]["llm"]
    assert (engine["asked"], engine["rows"]) == (41 + 80, 2 * 42)
    assert engine["prompt_tokens"] == WORDS + 3 + 2 * WORDS + 80 * 2
    assert 0 < engine["busy_share"] <= 1
    tokens = 1000 * engine["completion_tokens"] + 500 * engine["prompt_tokens"]
    paid = (engine["loading"] + engine["loaded"]) * 36 / 3600
    assert engine["cost"] == pytest.approx(paid + tokens / 1e6, abs=0.001)

    lines = output.splitlines()
    assert any(line.split()[:2] == ["engine", "actors"] and "tokens out" in line for line in lines)
    assert any(line.split()[0:2] == ["llm", "1"] and "121" in line.split() for line in lines if line)
    assert re.search(r"in all, cost \d+\.\d\d", output)
    run = next((tmp_path / "store" / "runs").iterdir())
    assert json.loads((run / "manifest.json").read_text())["work"]["engines"]["llm"]["asked"] == 121
    assert json.loads(said("status", path, "--json"))["live"] is None

    again = said("run", path, "--progress", "json")
    assert "nothing to do" in again and "busy" not in again

    estimate = api.plan(path, overrides={"seed": 5}).estimate
    assert estimate.runs == [run.name] and estimate.without_basis == []
    assert estimate.seconds == pytest.approx(engine["worked"], rel=0.05)
    assert estimate.cost == pytest.approx(engine["cost"], rel=0.1)
    assert "at most, by the pace of watched-" in said("plan", path, "--set", "seed=5")
    other = "engines.llm.model=other"  # nothing is known of another model
    assert api.plan(path, overrides=[other]).estimate.without_basis == ["toy_shout", "toy_count"]
    assert "No time estimate yet" in said("plan", path, "--set", other)


def test_what_goes_wrong_is_an_event(tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.touch()
    shard = {"least": 8, "target": 16, "most": 16}
    path = write_recipe(
        tmp_path,
        [*TEXTS[:10], *(f"bad {n}" for n in range(60)), "down now", "segfault here"],
        engines__llm__down=str(down),
        sources__rows__shard=shard,
        checks={"max_reject_ratio": 1},
    )
    process = start_cli("run", path, "--progress", "json", "--only", "toy_shout")
    output = rest_of(process)
    assert process.returncode == 1, output
    events_seen = {event["event"]: event for event in events(output)}
    assert events_seen["pending"]["reason"] == "the toy server is down" and events_seen["pending"]["rows"] == 1
    assert events_seen["actor_died"]["engine"] == "llm" and events_seen["actor_died"]["stages"][0] == "toy_shout"
    assert events_seen["reject_burst"]["rejects"] > events_seen["reject_burst"]["rows"] / 2
    assert events_seen["end"]["status"] == "pending" and events_seen["end"]["work"]["engines"]["llm"]["retries"] >= 2


PATIENT = """
import voxsmith.pipeline.run.shutdown as shutdown, voxsmith.pipeline.cli as cli

assert shutdown._DRAIN_SECONDS
shutdown._DRAIN_SECONDS = 3600
raise SystemExit(cli.main())
"""


def test_an_impatient_ctrl_c_ends_the_run_without_a_traceback(tmp_path: Path) -> None:
    """The first Ctrl-C waits for what is in flight, here for an hour; each more says not to."""
    path = write_recipe(tmp_path, ["hang here", *TEXTS[:3]])
    process = start_python("-c", PATIENT, "run", path, "--progress", "plain")
    log = tmp_path / "asked.log"
    wait_for(lambda: log.exists() and "hang here" in log.read_text(), "the request that hangs", process)
    process.send_signal(signal.SIGINT)
    output = read_until(process, "stopping: ")
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    output += rest_of(process)
    assert process.returncode == 130, output
    assert "the same command goes on" in output and "Traceback" not in output and "Exception" not in output
    assert "0 of 3 stages done" in output
    progress = json.loads(next((tmp_path / "store" / "runs").glob("*/progress.json")).read_text())
    assert progress["status"] == "interrupted"
