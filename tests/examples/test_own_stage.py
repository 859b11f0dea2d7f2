"""examples/own_stage: a package from outside of the checkout, used as its pages say."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_for

LANGUAGES = ["en", "en", "en"]  # a person's reading of rows.jsonl: the third is German, the last French


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example, away from the checkout."""
    return Path(shutil.copytree(ROOT / "examples" / "own_stage", tmp_path / "own_stage"))


def voxsmith(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What the command prints, run in the folder. The checkout stands in for an installed voxsmith."""
    paths = os.pathsep.join([".", str(ROOT)])
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "voxsmith", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def held(out: Path) -> None:
    """The dataset has the stage's own column, and the rows in other languages are rejects."""
    dataset = datasets.load_from_disk(str(out / "dataset"))
    assert dataset["text_language"][:] == LANGUAGES
    assert dataset.features["text_language"].dtype == "string"
    rejects = datasets.load_from_disk(str(out / "rejects"))
    assert [(row["reason"], row["message"][:23]) for row in rejects] == [
        ("language", "the request is in 'de' "),
        ("language", "the request is in 'fr' "),
    ]


def test_it_runs_and_what_changed_runs_again(folder: Path) -> None:
    assert "5 rows in, 3 rows out, 2 rejects" in voxsmith(folder, "run", "recipe.yaml")
    held(folder / "out" / "own_stage")
    assert "nothing to do" in voxsmith(folder, "run", "recipe.yaml")

    def reason() -> str:
        (stage,) = json.loads(voxsmith(folder, "plan", "recipe.yaml", "--json"))["stages"]
        return str(stage["reason"]) if stage["to_run"] else ""

    assert reason() == ""
    stage, backend = (folder / "corpus_extras" / f"{name}.py" for name in ("language", "common_words"))
    text = backend.read_text()
    backend.write_text(text.replace("der die das", "das die der"))
    assert reason().startswith("engine.words changed")
    backend.write_text(text)
    stage.write_text(stage.read_text().replace("in '{reply.code}'", "in {reply.code!r}"))
    assert reason() == "the stage's code changed"


def test_an_installed_package_offers_its_parts_by_name(folder: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, str(site), str(folder)], check=True, timeout=120)
    shutil.rmtree(folder / "corpus_extras")
    named = ["--set", "stages.language.stage=language", "--set", "engines.lid.backend=lid_common_words"]
    env = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    assert "3 rows out" in voxsmith(folder, "run", "recipe.yaml", *named, env=env)


@pytest.mark.heavy
def test_a_submitted_job_carries_the_package_to_the_workers(cluster: Any, folder: Path, tmp_path: Path) -> None:
    """`ray job submit --working-dir .` with that folder alone: the cluster's processes know the checkout, not the package."""
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(f"http://{cluster.head_node.webui_url}")
    places = f"--set store={tmp_path}/store --set out={tmp_path}/out"

    def submit() -> str | None:
        try:
            return str(
                client.submit_job(
                    entrypoint=f"{sys.executable} -m pipeline run recipe.yaml {places}",
                    runtime_env={"working_dir": str(folder)},
                )
            )
        except RuntimeError as error:  # the head's agent takes some seconds to start
            assert "No available agent" in str(error), error
            return None

    name = wait_for(submit, "an agent that takes the job")
    wait_for(lambda: client.get_job_status(name).is_terminal(), "the end of the submitted job")
    assert client.get_job_status(name).value == "SUCCEEDED", client.get_job_logs(name)
    held(tmp_path / "out" / "own_stage")
