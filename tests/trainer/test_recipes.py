"""The recipes in configs/train/: each loads, and its profile `tiny` is accepted with tiny models in place of the real ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import ROOT
from tests.trainer import folders, utterances
from voxsmith.models.references import CATALOGUE
from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer.cli import main
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.vocoder.recipe import VocoderRecipe

RECIPES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "configs" / "train").glob("*.yaml"))


def recipe(path: str, profile: str | None = None) -> TrainRecipe | VocoderRecipe:
    given = read_yaml(str(ROOT / path))
    return checked(VocoderRecipe if given["phase"] == "vocoder" else TrainRecipe, given, path, (), profile)


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 3


@pytest.mark.parametrize("path", RECIPES)
def test_each_loads_with_each_of_its_profiles(path: str) -> None:
    profiles = yaml.safe_load((ROOT / path).read_text())["profiles"]
    names = [recipe(path, profile).name for profile in (None, *profiles)]
    assert "tiny" in profiles and len(set(names)) == len(names), "profiles share a run's folder"
    assert of_the_quickstart(path) in profiles


def of_the_quickstart(path: str) -> str:
    """The profile for its rows: distillation takes recorded ones, where it can."""
    return "tiny_quickstart" if path.endswith("ultravox_kd.yaml") else "tiny"


@pytest.mark.parametrize("path", RECIPES)
def test_the_tiny_profile_names_what_the_quickstart_leaves(path: str) -> None:
    tiny = recipe(path, of_the_quickstart(path))
    clusters = yaml.safe_load((ROOT / "configs/quickstart.yaml").read_text())["stages"]["fit_units"]["clusters"]
    assert {data.path for data in tiny.data} == {"out/quickstart"}
    if isinstance(tiny, VocoderRecipe):
        assert tiny.generator in CATALOGUE and tiny.units == clusters
        return
    assert {tiny.llm.model, tiny.encoder.model} <= set(CATALOGUE)
    assert tiny.decoder is None or tiny.decoder.units == clusters


@pytest.mark.parametrize("path", RECIPES)
def test_check_accepts_the_tiny_profile(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Models and rows are random ones, where the profile names them; all else is the profile's."""
    for name, make in (("llm", folders.llm), ("whisper", folders.whisper)):
        make(tmp_path / name)
    out = tmp_path / "out" / "quickstart"
    made = write_corpus(out, [row(i) for i in range(12)], [], {"train": 0.7, "test": 0.3}, rows_a_file=4)
    (out / "manifest.json").write_text(json.dumps(made))
    monkeypatch.chdir(tmp_path)
    models = ["--set", f"llm.model={tmp_path}/llm", "--set", f"encoder.model={tmp_path}/whisper"]
    models = [] if isinstance(recipe(path), VocoderRecipe) else models
    assert main(["check", str(ROOT / path), "--profile", of_the_quickstart(path), *models]) == 0
    said = capsys.readouterr().out
    assert "out/quickstart: 8 " in said and "the run: " in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("teacher", ["live", "stored"])
def test_check_accepts_distillation_over_recorded_clips(
    teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    llm, whisper, out = folders.llm(tmp_path / "llm"), folders.whisper(tmp_path / "whisper"), tmp_path / "out"
    place = utterances.export(out / "asr_continuation_tiny" / "dataset", llm, 8, ({}, {"task": "transcribe"}))
    rows = datasets.load_from_disk(str(place)).train_test_split(2, shuffle=False)
    shutil.rmtree(place)
    rows.save_to_disk(str(place))
    monkeypatch.chdir(tmp_path)
    models = ["--set", f"llm.model={llm}", "--set", f"encoder.model={whisper}", "--set", f"distil.teacher={teacher}"]
    assert main(["check", str(ROOT / "configs/train/ultravox_kd.yaml"), "--profile", "tiny", *models]) == 0
    said = capsys.readouterr().out
    assert "6 rows, 0.00 h, for the task continue" in said and "an epoch: 9 rows" in said
