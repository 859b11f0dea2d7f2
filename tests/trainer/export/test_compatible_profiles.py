"""The profiles that are for LLaMA-Omni's own code: what they say is what its export takes, in the three commands of
docs/training.md.
"""

import json
from pathlib import Path

import pytest

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import ROOT
from tests.trainer.export import made
from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer.cli import main
from voxsmith.trainer.export.read_llama_omni import read
from voxsmith.trainer.recipe import TrainRecipe

STAGES = [ROOT / "configs" / "train" / f"llama_omni_stage{number}.yaml" for number in (1, 2)]


@pytest.mark.parametrize("profile", ["compatible", "tiny_compatible"])
def test_what_they_say_is_what_its_code_does(profile: str) -> None:
    first, second = (checked(TrainRecipe, read_yaml(str(path)), str(path), (), profile) for path in STAGES)
    for recipe in (first, second):
        assert recipe.encoder.pad_to_30s and recipe.llm.prompt == "llama_omni"
        assert (recipe.adapter.kind, recipe.adapter.group, recipe.adapter.hidden) == ("speech_adapter", 5, 2048)
    assert second.decoder is not None and not second.decoder.phase
    assert second.start == f"runs/{first.name}" and first.name.endswith(profile)
    # A row costs 30 s: 32 of them a step on GPUs, as in the paper, and 8 here.
    rows = [recipe.schedule.budget * recipe.schedule.accumulate / 30 for recipe in (first, second)]
    assert rows == ([32, 32] if profile == "compatible" else [8, 8])


@pytest.mark.heavy
def test_three_commands_lead_to_a_folder_for_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are random ones; all else, but for the number of steps, is the profile's."""
    made.llm(tmp_path / "llm")
    made.whisper(tmp_path / "whisper")
    out = tmp_path / "out" / "quickstart"
    manifest = write_corpus(out, [row(i) for i in range(12)], [], {"train": 0.7, "test": 0.3}, rows_a_file=4)
    (out / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.chdir(tmp_path)
    few = ["--set", f"llm.model={tmp_path}/llm", "--set", f"encoder.model={tmp_path}/whisper"]
    few += ["--set", "schedule.epochs=null", "--set", "schedule.steps=2", "--set", "run.workers=0", "--device", "cpu"]
    for path in STAGES:
        assert main(["fit", str(path), "--profile", "tiny_compatible", *few]) == 0
    assert main(["export", "runs/llama_omni_stage2_tiny_compatible", "--to", "llama_omni", "my_omni"]) == 0
    card = (tmp_path / "my_omni" / "README.md").read_text()
    assert "Know before you use it" not in card, "there is nothing to remark"
    config = json.loads((tmp_path / "my_omni" / "config.json").read_text())
    assert config["model_type"] == "omni_speech2s_llama" and config["pad_to_30s"] is True
    assert config["unit_vocab_size"] == 200 and config["ctc_upsample_factor"] == 10
    assert read(tmp_path / "my_omni").network.decoder is not None
