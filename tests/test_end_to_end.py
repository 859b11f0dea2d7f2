"""The quickstart recipe over a few rows: every stage, real models, a real Ray, a dataset that loads and decodes."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.jobs import Job
from tests.helpers.recipes import digests_of, run_cli
from tests.helpers.waiting import wait_for

RECIPE = "configs/quickstart.yaml"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart")
    code, output = run_cli("run", RECIPE, *small(folder))
    assert code == 0, output
    assert "report.html" in output
    return folder


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_a_job_on_a_cluster_that_loses_a_node(corpus: Path, cluster: Any, tmp_path: Path) -> None:
    """The recipe submitted as a job to two nodes, of which one is killed in the middle: the same corpus."""
    spread = ["--set engines.tts.resources='{replicas: 3, num_cpus: 0.9}'"]
    job = Job(cluster, "run", RECIPE, *(f"'{part}'" for part in small(tmp_path)), *spread)
    clips = "store/objects/speak_*/*.json"
    wait_for(lambda: len(list(tmp_path.glob(clips))) >= 2 or job.ended, "two shards of clips", seconds=1200)
    assert not job.ended, job.logs
    cluster.remove_node(cluster.second, allow_graceful=False)
    done, logs = job.wait(1200)
    assert done, logs
    assert digests_of(tmp_path / "out" / "quickstart" / "dataset") == digests_of(corpus / "out/quickstart/dataset")
    counts = json.loads((tmp_path / "out" / "quickstart" / "manifest.json").read_text())["counts"]
    assert counts["rows_in"] == counts["rows_out"] + counts["rejects"] == 11


def small(folder: Path) -> list[str]:
    sets = (f"store={folder}/store", f"out={folder}/out", "sources.alpaca.limit=2", "sources.ultrachat.limit=1")
    return [part for one in (*sets, "stages.fit_units.clusters=16", "export.splits={}") for part in ("--set", one)]


def test_rows_in_are_rows_out_and_rejects(corpus: Path) -> None:
    manifest = json.loads((corpus / "out" / "quickstart" / "manifest.json").read_text())
    counts = manifest["counts"]
    assert counts["rows_in"] == 11 == counts["rows_out"] + counts["rejects"]
    assert counts["pending"] == 0
    rejects = datasets.load_from_disk(str(corpus / "out" / "quickstart" / "rejects"))
    hopeless = [row["reason"] for row in rejects.select_columns(["source", "reason"]) if row["source"] == "hopeless"]
    assert len(hopeless) == 8
    assert len(set(hopeless)) >= 6
    assert manifest["seconds"]["answer"] > 1
    assert all(engine["licence"] for engine in manifest["engines"].values())


def test_the_dataset_decodes_and_is_what_it_says(corpus: Path) -> None:
    dataset = datasets.load_from_disk(str(corpus / "out" / "quickstart" / "dataset"))
    assert len(dataset) >= 2
    for row in dataset:
        query, answer = row["query_audio"].get_all_samples(), row["answer_audio"].get_all_samples()
        assert (query.sample_rate, answer.sample_rate) == (16000, 24000)
        assert query.data.shape[1] / 16000 == pytest.approx(row["query_duration"], abs=0.01)
        assert row["query_wer"] <= 0.2
        assert row["query_voice"] != row["answer_voice"] == "af_sarah"
        frames = sum(row["answer_unit_durations"])
        assert frames / 50 == pytest.approx(row["answer_duration"], abs=0.1)
        assert max(row["answer_units"]) < 16
        assert {one["stage"] for one in row["provenance"]} >= {"rewrite", "respond", "speak_query", "units_answer"}


def test_the_same_command_again_has_nothing_to_do(corpus: Path) -> None:
    code, output = run_cli("run", RECIPE, *small(corpus), env={"RAY_ADDRESS": "127.0.0.1:1"})
    assert code == 0, output
    assert "nothing to do" in output


def test_a_new_response_prompt_concerns_no_query_stage(corpus: Path, tmp_path: Path) -> None:
    prompt = tmp_path / "respond.jinja"
    prompt.write_text(Path("configs/prompts/respond.jinja").read_text() + " ")
    code, output = run_cli("plan", RECIPE, *small(corpus), "--set", f"stages.respond.prompt={prompt}", "--json")
    assert code == 0, output
    plan = {row["name"]: row for row in json.loads(output)["stages"]}
    assert plan["respond"]["to_run"] == plan["respond"]["shards"]
    assert {name for name, row in plan.items() if row["at_most"]} <= {"respond", *(n for n in plan if "answer" in n)}
