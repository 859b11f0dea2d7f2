"""Recipes over a few rows with vLLM in llama.cpp's place, by one --set; vLLM lives in an environment of its own, from
which this one's driver and other actors know nothing. `make test-vllm` runs it.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import datasets
import psutil
import pytest

from tests.helpers.recipes import ROOT, start_cli

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(2400)]
RECIPE = "configs/quickstart.yaml"
PYTHON = ".venv-vllm/bin/python"


def small(folder: Path) -> list[str]:
    sets = (f"store={folder}/store", f"out={folder}/out", "sources.alpaca.limit=4", "sources.ultrachat.limit=2")
    return [part for one in (*sets, "stages.fit_units.clusters=16", "export.splits={}") for part in ("--set", one)]


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and all that was printed; loading vLLM takes a minute, on a busy machine several."""
    process = start_cli(*arguments)
    output, _ = process.communicate(timeout=1200)
    return process.returncode, output


@pytest.fixture(scope="module")
def on_vllm() -> str:
    """The one setting."""
    make = "from tests.helpers import vllm_models; print(vllm_models.smollm2())"
    made = subprocess.run(
        [PYTHON, "-c", make],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    model = made.stdout.splitlines()[-1]
    machine = f"python: {PYTHON}, num_gpus: 0, num_cpus: 0.4, eager: true, batch: 16"
    return f"engines.llm={{backend: llm_vllm, model: {model}, dtype: float32, context: 2048, resources: {{{machine}}}}}"


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out" / "quickstart" / "manifest.json").read_text())


def test_the_same_columns_and_checks(tmp_path: Path, on_vllm: str) -> None:
    others = writers()
    code, output = run("run", RECIPE, *small(tmp_path))
    assert code == 0, output
    before, columns = manifest(tmp_path), columns_of(tmp_path)

    code, output = run("plan", RECIPE, *small(tmp_path), "--set", on_vllm, "--json")
    assert code == 0, output
    planned = {stage["name"]: stage for stage in json.loads(output)["stages"]}
    assert planned["rewrite"]["reused"] == 0
    assert "engine.backend changed from 'llm_llamacpp' to 'llm_vllm'" in planned["rewrite"]["reason"]

    code, output = run("run", RECIPE, *small(tmp_path), "--set", on_vllm)
    assert code == 0, output
    after = manifest(tmp_path)
    counts = after["counts"]
    assert counts["rows_in"] == 14 == counts["rows_out"] + counts["rejects"]
    assert counts["pending"] == 0
    assert counts["rows_out"] >= 1
    assert columns_of(tmp_path) == columns
    assert after["recipe"]["checks"] == before["recipe"]["checks"]
    llm = after["engines"]["llm"]
    assert (llm["backend"], llm["licence"], llm["batch_invariant"]) == ("llm_vllm", "apache-2.0", False)
    assert llm["version"] != "not installed"
    assert writers() <= others

    code, output = run("run", RECIPE, *small(tmp_path), "--set", on_vllm)
    assert code == 0, output
    assert "nothing to do" in output


def test_instructs2s_asks_vllm_in_chats_held_to_a_schema(tmp_path: Path, on_vllm: str) -> None:
    """The 200K recipe's own prompts and JSON, on its tiny profile."""
    others = writers()
    places = [part for one in (f"store={tmp_path}/store", f"out={tmp_path}/out") for part in ("--set", one)]
    code, output = run("run", "configs/instructs2s_200k.yaml", "--profile", "tiny", *places, "--set", on_vllm)
    assert code == 0, output
    manifests = json.loads((tmp_path / "out" / "instructs2s_200k_tiny" / "manifest.json").read_text())
    counts = manifests["counts"]
    assert counts["rows_in"] == 4 == counts["rows_out"] + counts["rejects"]
    assert counts["pending"] == 0
    assert counts["rows_out"] >= 1
    assert manifests["engines"]["llm"]["backend"] == "llm_vllm"
    assert writers() <= others


def columns_of(folder: Path) -> dict[str, Any]:
    return dict(datasets.load_from_disk(str(folder / "out" / "quickstart" / "dataset")).features)


def writers() -> set[int]:
    """vLLM's processes on this machine: none may outlive its actor."""
    return {one.pid for one in psutil.process_iter() if one.name().startswith("VLLM::")}
