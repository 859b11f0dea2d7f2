"""The quickstart's stages on engines without a model: each engine is killed, and a run is told to end while they work."""

import json
import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.recipes import ROOT, digests_of, run_cli, start_cli
from tests.helpers.waiting import read_until, rest_of, wait_for

pytestmark = pytest.mark.usefixtures("one_ray")
ENGINES = {"llm": "llm_null", "tts": "tts_null", "asr": "asr_null", "mos": "mos_null", "encoder": "units_null"}
THINGS = ("bread", "milk", "basil", "fish", "rice", "honey", "coffee", "cheese", "lemons", "carrots", "flour", "butter")


def write(folder: Path, most: int = 4) -> str:
    """A recipe of 12 rows, in shards of up to `most`; each engine writes down who it is and what it has answered."""
    recipe: dict[str, Any] = yaml.safe_load((ROOT / "configs/quickstart.yaml").read_text())
    folder.mkdir()
    rows = [{"q": f"How long does {thing} stay fresh in a kitchen?"} for thing in THINGS]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"path": str(folder / "rows.jsonl"), "layout": "columns", "columns": {"instruction": "q"}}
    shard = {"least": 1, "target": most, "most": most}
    recipe |= {"name": "null", "store": str(folder / "store"), "out": str(folder / "out")}
    recipe["sources"] = {"rows": {**source, "licence": "MIT", "shard": shard}}
    for name, backend in ENGINES.items():
        (folder / "trace" / name).mkdir(parents=True)
        resources = {"num_cpus": 0.2, "batch": 1}
        recipe["engines"][name] = {
            "backend": backend,
            "latency": 0.2,
            "trace": str(folder / "trace" / name),
            "resources": resources,
        }
    for stage in ("rewrite", "respond"):
        recipe["stages"][stage]["prompt"] = str(ROOT / f"configs/prompts/{stage}.jinja")
    for side in ("query", "answer"):
        recipe["stages"][f"speak_{side}"] |= {"voices": ["null_0", "null_1"], "sample_rate": 8000}
    recipe["stages"]["fit_units"]["clusters"] = 8
    recipe["checks"] = {"answer_text": {"min_on_topic": 0}}
    (folder / "null.yaml").write_text(yaml.safe_dump(recipe))
    return str(folder / "null.yaml")


def answered(folder: Path, engine: str) -> int:
    """How many requests the engine has answered so far, by all its actors."""
    return sum(len(file.read_text().splitlines()) for file in (folder / "trace" / engine).iterdir())


def pids(folder: Path, engine: str) -> list[int]:
    """The processes that have hosted the engine, last the one that began or answered last."""
    files = sorted((folder / "trace" / engine).iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return [int(file.suffix[1:]) for file in files]


@pytest.mark.heavy
def test_every_engine_is_killed_at_a_random_moment(tmp_path: Path) -> None:
    whole, path = write(tmp_path / "whole"), write(tmp_path / "cut")
    code, output = run_cli("run", whole)
    assert code == 0 and "12 rows in" in output, output
    process = start_cli("run", path)
    after = {engine: random.randint(1, 6) for engine in ENGINES}  # answers, after which it is killed
    killed: dict[str, int] = {}
    while process.poll() is None:
        for engine in ENGINES:
            if engine not in killed and answered(tmp_path / "cut", engine) >= after[engine]:
                with suppress(ProcessLookupError):  # it has just ended by itself: another one is killed
                    os.kill(pid := pids(tmp_path / "cut", engine)[-1], signal.SIGKILL)
                    killed[engine] = pid
        time.sleep(0.01)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert set(killed) == set(ENGINES), after
    for engine in ENGINES:
        assert f"an actor of '{engine}' died" in output
        assert len(pids(tmp_path / "cut", engine)) >= 2
    assert digests_of(tmp_path / "cut" / "out") == digests_of(tmp_path / "whole" / "out")


def end(process: "subprocess.Popen[str]") -> None:
    """Tell the run to end, and wait until it has."""
    process.terminate()
    output = rest_of(process)
    assert process.returncode == 130 and "the same command goes on" in output, output


@pytest.mark.heavy
def test_sigterm_while_engines_are_slow(tmp_path: Path) -> None:
    """Replies that were there are kept, in a shard that isn't finished; a reply that takes hours isn't waited for."""
    whole, path = write(tmp_path / "whole", most=12), write(tmp_path / "cut", most=12)
    assert run_cli("run", whole)[0] == 0
    cut = tmp_path / "cut"
    process = start_cli("run", path, "--set", "engines.llm.latency=1.5")
    wait_for(lambda: answered(cut, "llm") >= 4, "four answers", process)
    end(process)
    assert list(cut.glob("store/objects/rewrite/*.part-*")) and not list(cut.glob("store/objects/rewrite/*.json"))

    process = start_cli("run", path, "--progress", "json", "--set", "engines.llm.latency=7200")
    read_until(process, lambda line: '"progress"' in line and json.loads(line)["running"] == ["rewrite"])
    wait_for(lambda: len(pids(cut, "llm")) >= 2, "the second run's actor", process)
    end(process)

    code, output = run_cli("run", path)
    assert code == 0, output
    assert answered(cut, "llm") <= answered(tmp_path / "whole", "llm") + 1, "one was under way"
    assert digests_of(cut / "out") == digests_of(tmp_path / "whole" / "out")
