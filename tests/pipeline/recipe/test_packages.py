"""What the base install lacks is one line that names the extra, before anything runs."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.helpers.paths import ROOT
from voxsmith.models import optional
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.store.code import reachable
from voxsmith.stages.registry import BACKENDS, STAGES, backend, stage


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_says_numbers_in_words_declares_the_grammars(name: str) -> None:
    says = "voxsmith.models.text.numerals" in reachable(STAGES[name])
    assert ("kitten-text-processing" in stage(name).packages) == says


def test_each_backend_names_an_extra_that_there_is() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in BACKENDS:
        declared = backend(name)
        assert declared.extra in ({*extras} - {"test"} if declared.packages else {*extras, ""}), name
        brought = {Requirement(line).name.lower() for line in extras.get(declared.extra, ())}
        assert {package.lower() for package in declared.packages} <= brought, name


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the base install: none of the packages of an extra is there."""
    monkeypatch.setattr(optional, "version_of", lambda python, *packages: "")
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("bare")
def test_a_run_ends_before_it_begins(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    places = ["--set", f"store={tmp_path}/store", "--set", f"out={tmp_path}/out"]
    assert main(["run", "configs/quickstart.yaml", *places]) == 2
    grammars, fitting = capsys.readouterr().err.splitlines()[:2]
    advice = "isn't installed: pip install 'voxsmith[quickstart]'"
    assert (
        grammars == f"configs/quickstart.yaml: stages.rewrite needs the package kitten-text-processing, which {advice}"
    )
    assert "stages.fit_units needs the packages scikit-learn, threadpoolctl, which aren't installed" in fitting


@pytest.mark.usefixtures("bare")
def test_doctor_says_so_and_plan_works(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store = ["--set", f"store={tmp_path}/store"]
    assert main(["doctor", "configs/quickstart.yaml", *store]) == 1
    printed = capsys.readouterr().out
    assert "stage     stages.rewrite needs the package kitten-text-processing" in printed
    extra = "which isn't installed: pip install 'voxsmith[quickstart]'"
    assert f"llm_llamacpp needs the package xllamacpp, {extra}" in printed
    assert main(["plan", "configs/quickstart.yaml", *store]) == 0
    python = f"engines.llm.resources.python={tmp_path}/bin/python"
    assert main(["doctor", "configs/quickstart.yaml", *store, "--set", python]) == 1
    assert (
        f"pip install kitten-text-processing into the environment of {tmp_path}/bin/python" in capsys.readouterr().out
    )
