"""The recipes in configs/: each is valid, plans where nothing is installed, does what its header says, and runs when tiny."""

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from tests.helpers.recipes import ROOT, run_cli, start_cli
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.recipe.preflight import check_names

CONFIGS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "configs").glob("*.yaml"))
SINGLE, MULTI = "configs/instructs2s_200k.yaml", "configs/instructs2s_multiturn.yaml"
BANK = "tests/data/voices"
BANKS = [f"engines.{engine}.bank={BANK}" for engine in ("query_tts", "answer_tts", "speaker")]
ASR, QUESTIONS = "configs/asr_continuation.yaml", "configs/spoken_questions.yaml"
NEEDS = {  # what a user has to bring
    MULTI: BANKS,
    ASR: ["sources={clips: {layout: manifest, path: data/asr/manifest.jsonl, licence: CC-BY-4.0}}"],
    QUESTIONS: ["sources.questions.path=data/asr/requests.jsonl"],
}
SAMPLES = {
    SINGLE: [
        "sources.alpaca={path: data/alpaca_sample.json, layout: alpaca, licence: CC-BY-NC-4.0}",
        "sources.ultrachat={path: data/ultrachat_sample.jsonl, layout: ultrachat, licence: MIT}",
    ],
    MULTI: [
        "sources.ultrachat={path: data/ultrachat_sample.jsonl, layout: ultrachat, licence: MIT, "
        "turns: {mean: 2, most: 5}}"
    ],
}
ABSENT = ("torch", "transformers", "vllm", "cosyvoice", "faster_whisper", "ctranslate2", "onnxruntime", "xllamacpp")


def checked(path: str, overrides: list[str], profile: str | None = None) -> Graph:
    graph = build_graph(load_recipe(path, overrides, profile), path)
    check_names(graph, path)
    return graph


def profiles(path: str) -> list[str]:
    return list(yaml.safe_load((ROOT / path).read_text()).get("profiles", {}))


def header(path: str) -> str:
    """The comment that the recipe begins with, without its signs."""
    lines = (ROOT / path).read_text().splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:end])


def sets(*overrides: str) -> list[str]:
    return [part for one in overrides for part in ("--set", one)]


@pytest.mark.parametrize("path", CONFIGS)
def test_every_recipe_is_valid_with_each_of_its_profiles(path: str) -> None:
    for profile in (None, *profiles(path)):
        checked(path, NEEDS.get(path, []) if profile != "tiny" else [], profile)


@pytest.mark.parametrize("path", ["configs/quickstart.yaml", SINGLE, MULTI])
def test_what_a_header_tells_to_set_can_be_set(path: str) -> None:
    lines = [line.strip() for line in header(path).splitlines() if line.strip().startswith("--set ")]
    assert len(lines) >= 3
    for line in lines:
        words = shlex.split(line)
        assert words[::2] == ["--set"] * (len(words) // 2)
        checked(path, [*NEEDS.get(path, []), *words[1::2]])


@pytest.mark.parametrize("path", [SINGLE, MULTI])
def test_the_llm_is_set_up_as_the_arithmetic_has_it(path: str) -> None:
    blocks = yaml.safe_load((ROOT / "configs" / "engines" / "llama.yaml").read_text())
    for profile, block in ((None, "llama_70b_2x80gb_fp8"), ("one_gpu", "llama_8b_24gb")):
        llm = dict(load_recipe(path, profile=profile).engines["llm"])
        assert llm.pop("licence") == "llama3.1"
        assert llm.pop("resources") == {"replicas": 1, **blocks[block].pop("resources")}
        assert llm == blocks[block]


@pytest.mark.parametrize("path", [SINGLE, MULTI, ASR, QUESTIONS])
def test_the_commands_of_a_header_are_commands(path: str) -> None:
    from voxsmith.pipeline.cli import parser

    commands = re.findall(r"voxsmith (\w+ +RECIPE[^#\n]*)", header(path))
    assert len(commands) >= 4
    for command in commands:
        options = parser().parse_args(shlex.split(command))
        assert getattr(options, "profile", None) in (None, *profiles(path))


@pytest.mark.parametrize("path", [SINGLE, MULTI, ASR, QUESTIONS])
def test_plan_needs_neither_models_nor_packages_nor_a_gpu(path: str, tmp_path: Path) -> None:
    """The full engines, over the rows in configs/data, where no library of any engine can be imported."""
    arguments = ["plan", path, "--json", *sets(*SAMPLES.get(path, []), *NEEDS.get(path, []), f"store={tmp_path}/store")]
    hidden = f"import sys; sys.modules.update(dict.fromkeys({ABSENT})); from voxsmith.pipeline.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{hidden}sys.exit(main({arguments}))"],
        cwd=ROOT,
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "VOXSMITH_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stdout)["stages"]
    assert all(stage["at_most"] == stage["shards"] and not stage["reused"] for stage in planned)
    assert not list(tmp_path.glob("store/*"))


@pytest.mark.parametrize("path", [SINGLE, MULTI])
def test_plan_of_the_tiny_profile(path: str, tmp_path: Path) -> None:
    code, output = run_cli("plan", path, "--profile", "tiny", "--json", "--set", f"store={tmp_path}/store")
    assert code == 0, output
    assert 3 <= max(stage["rows_to_run"] for stage in json.loads(output)["stages"]) <= 6


def test_text_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    offline = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    code, output = run_cli("plan", SINGLE, "--set", f"store={tmp_path}/store", env=offline)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert line.startswith("voxsmith: sources.alpaca: dataset 'tatsu-lab/alpaca': Couldn't reach")
    assert "or name files: --set sources.alpaca='{path: FILES, layout: alpaca, licence: …}'" in line


def test_voices_that_are_not_there_are_told(tmp_path: Path) -> None:
    code, output = run_cli("plan", MULTI, "--set", f"store={tmp_path}/store")
    assert code == 2
    where = "voices/users (beside the recipe or where the command runs)"
    message = f"speak_query: its voices: no voice bank in {where}: it needs a manifest.jsonl with a line a voice"
    assert message in output and "Traceback" not in output


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("one_ray")
@pytest.mark.parametrize("path", [SINGLE, MULTI])
def test_tiny_runs_end_to_end(path: str, tmp_path: Path) -> None:
    code, output = run_cli("fetch", path, "--profile", "tiny")
    assert code == 0, output
    places = sets(f"store={tmp_path}/store", f"out={tmp_path}/out", "export.splits={}")
    process = start_cli("run", path, "--profile", "tiny", *places)
    output, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, output
    (out,) = (tmp_path / "out").iterdir()
    manifest = json.loads((out / "manifest.json").read_text())
    counts = manifest["counts"]
    assert counts["rows_in"] == counts["rows_out"] + counts["rejects"] and not counts["pending"]
    assert counts["rows_in"] == 4 and counts["rows_out"] >= 2
    assert all(engine["licence"] not in ("", "unknown") for engine in manifest["engines"].values())
    rows = datasets.load_from_disk(str(out / "dataset"))
    named = header(path).partition("columns: ")[2]
    assert set(rows.column_names) == set(re.split(r",\s+", named.strip()))
    for row in rows:
        held(row, path)
    if path == MULTI:
        assert max(rows["turn"]) >= 1
        talks: dict[str, set[str]] = {}
        for row in rows.select_columns(["conversation_id", "query_voice"]):
            talks.setdefault(row["conversation_id"], set()).add(row["query_voice"])
        assert all(len(voices) == 1 for voices in talks.values()), "one voice a conversation"
        assert any(value is not None for value in rows["query_similarity"])
        assert all(value is None or value >= 0.75 for value in rows["query_similarity"])
    else:
        assert {row["source"]: row["licence"] for row in rows.select_columns(["source", "licence"])} == {
            "alpaca": "CC-BY-NC-4.0",
            "ultrachat": "Apache-2.0",  # MIT by its source; what speaks and writes asks for its notice
        }


def held(row: dict[str, Any], path: str) -> None:
    """A row's clips decode at the rates and lengths that it tells, and its units are those of the recipe's kind."""
    query, answer = row["query_audio"].get_all_samples(), row["answer_audio"].get_all_samples()
    assert (query.sample_rate, answer.sample_rate) == (16000, 24000)
    assert query.data.shape[1] / 16000 == pytest.approx(row["query_duration"], abs=0.01)
    assert answer.data.shape[1] / 24000 == pytest.approx(row["answer_duration"], abs=0.01)
    assert row["query_heard"] and row["answer_heard"]
    units, durations = row["answer_units"], row["answer_unit_durations"]
    rate = 50 if path == SINGLE else 25
    assert sum(durations) / rate == pytest.approx(row["answer_duration"], abs=0.1)
    if path == SINGLE:
        assert max(units) < 20 and all(one != other for one, other in pairwise(units))
    else:
        assert max(units) < 6561 and set(durations) == {1}
