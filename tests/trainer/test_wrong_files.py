"""Files and arguments that are another thing than what they are named for: one line that says so, and no traceback."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import ROOT
from tests.trainer import folders
from tests.trainer.test_cli import line, recipe
from voxsmith.trainer import checkpoint
from voxsmith.trainer.cli import main


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, an export, a question, and a run of the phase units with one checkpoint."""
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "export", [row(i) for i in range(6)], [], {"train": 0.5, "test": 0.5}, rows_a_file=3)
    soundfile.write(folder / "question.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    assert main(["fit", short(folder, folder), "--device", "cpu"]) == 0
    return folder


def short(ready: Path, folder: Path, **changes: Any) -> str:
    return recipe(
        ready, folder, **{"phase": "units", "validation": [], "schedule": {"steps": 1, "budget": 3.0}} | changes
    )


NOT_THAT = "it isn't what a checkpoint has under this name"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("state.json", "[]", NOT_THAT),
        ("state.json", "{}", NOT_THAT),
        ("state.json", "3", NOT_THAT),
        ("state.json", '{"random": [], "moon": 1}', NOT_THAT),
        ("state.json", '{"random": ["zz"]}', "non-hexadecimal number"),
        ("data.json", "3", NOT_THAT),
        ("data.json", '["a"]', NOT_THAT),
        ("optimiser.safetensors", {"x": torch.zeros(2)}, "invalid literal"),
    ],
)
def test_a_checkpoint_s_file_of_another_form(
    ready: Path, tmp_path: Path, capsys: Any, name: str, content: Any, said: str
) -> None:
    shutil.copytree(ready / "runs", tmp_path / "runs")
    file = checkpoint.named(tmp_path / "runs" / "made") / name
    file.write_text(content) if isinstance(content, str) else save_file(content, file)
    code, wrong = line(capsys, "fit", short(ready, tmp_path), "--device", "cpu")
    assert code == 2 and wrong.startswith(f"{file}: can't be read: {said}")
    assert wrong.endswith("; take another checkpoint of the run")


def test_moments_of_another_recipe(ready: Path, tmp_path: Path, capsys: Any) -> None:
    shutil.copytree(ready / "runs", tmp_path / "runs")
    place = checkpoint.named(tmp_path / "runs" / "made")
    for moments in ({"0.exp_avg": torch.zeros(2)}, {"1000.exp_avg": torch.zeros(2)}):
        save_file(moments, place / "optimiser.safetensors")
        code, said = line(capsys, "fit", short(ready, tmp_path), "--device", "cpu")
        assert code == 2 and said.startswith(f"{place}: its moments are those of other parameters")


def test_a_checkpoint_s_recipe_that_is_none(ready: Path, tmp_path: Path, capsys: Any) -> None:
    shutil.copytree(ready / "runs" / "made", tmp_path / "run")
    place = checkpoint.named(tmp_path / "run")
    file, question = place / "recipe.json", str(ready / "question.wav")
    file.write_text('{"phase": "vocoder"}')
    wanted = f"{place}: is a vocoder's: it only speaks units, where --vocoder names it"
    verbs = (["talk", str(place), question], ["export", str(place), "--to", "ultravox", str(tmp_path / "out")])
    for verb in (*verbs, ["eval", str(place), str(ready / "export")]):
        assert line(capsys, *verb) == (2, wanted)
    file.write_text("[]")
    assert line(capsys, *verbs[0]) == (2, f"{file}: can't be read: {NOT_THAT}; take another checkpoint of the run")
    file.write_text(json.dumps({"phase": "units", "name": "x"}))
    code, said = line(capsys, *verbs[0])
    assert code == 2 and said == f"{file}: can't be read: data: Field required; take another checkpoint of the run"


def test_a_vocoder_that_is_another_run(ready: Path, capsys: Any) -> None:
    run = str(ready / "runs" / "made")
    wanted = f"--vocoder {run} is a run without a vocoder: name one of configs/train/vocoder.yaml"
    assert line(capsys, "talk", run, str(ready / "question.wav"), "--vocoder", run, "--device", "cpu") == (2, wanted)


def test_a_clip_in_which_nothing_can_be_heard(ready: Path, tmp_path: Path, capsys: Any) -> None:
    soundfile.write(tmp_path / "short.wav", np.zeros(160), 16000)
    code, said = line(capsys, "talk", str(ready / "runs" / "made"), str(tmp_path / "short.wav"), "--device", "cpu")
    assert (code, said) == (2, f"{tmp_path}/short.wav: 0.01 s; nothing is heard in less than 0.1 s")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("dataset/dataset_dict.json", "[]"),
        ("dataset/dataset_dict.json", "{}"),
        ("dataset/train/state.json", "{}"),
        ("dataset/train/state.json", "[]"),
        ("dataset/train/dataset_info.json", "[]"),
    ],
)
def test_an_export_whose_files_are_of_another_form(
    ready: Path, tmp_path: Path, capsys: Any, file: str, content: str
) -> None:
    export = shutil.copytree(ready / "export", tmp_path / "export")
    (export / file).write_text(content)
    path = short(ready, tmp_path, data=[{"path": str(export), "split": "train"}])
    wanted = f"{export}/dataset: its JSON files aren't those of a dataset: export the corpus again"
    assert line(capsys, "check", path) == (2, wanted)


def test_a_manifest_of_another_form_tells_nothing_of_the_units(ready: Path, tmp_path: Path) -> None:
    export = shutil.copytree(ready / "export", tmp_path / "export")
    path = short(ready, tmp_path, data=[{"path": str(export), "split": "train"}])
    for stages in (3, {"units": 3}, {"units": {"of": "answer", "engine": []}}):
        (export / "manifest.json").write_text(json.dumps({"recipe": {"stages": stages}, "engines": 3, "fitted": 3}))
        assert main(["check", path]) == 0


def test_models_of_another_kind(ready: Path, tmp_path: Path, capsys: Any) -> None:
    path, whisper = short(ready, tmp_path), ready / "whisper"
    GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=1)).save_pretrained(tmp_path / "gpt2")
    folders.tokenizer().save_pretrained(tmp_path / "gpt2")
    cut = shutil.copytree(ready / "llm", tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:5000])
    capsys.readouterr()
    for folder, kind in ((whisper, "whisper"), (tmp_path / "gpt2", "gpt2")):
        for verb in ("check", "fit"):
            code, said = line(capsys, verb, path, "--set", f"llm.model={folder}")
            assert code == 1 and said.startswith(
                f"{folder}: a language model of the type {kind} can't be trained here: "
            )
    code, said = line(capsys, "fit", path, "--set", f"llm.model={cut}", "--device", "cpu")
    assert code == 1 and said.startswith(f"{cut}: it can't be read as a language model: ")
    assert line(capsys, "check", path, "--set", "encoder.learns=lora", "--set", "encoder.lora.targets=[q_prj]") == (
        2,
        "encoder.lora.targets: no linear layer is called q_prj; did you mean 'q_proj'?",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "schedule.betas=[0.9, 1]"], "schedule.betas.1: input should be less than 1"),
        (
            ["--set", "llm.system=<|speech|>"],
            "llm.system: it has <|speech|>, which stands for the speech itself: leave it out",
        ),
        (
            ["--set", "run.resources={CPU: -1}"],
            "run.resources.CPU: input should be greater than or equal to 0 (it is -1)",
        ),
        (["--memory", "-1"], "--memory -1: a number above 0"),
        (["--memory", "nan"], "--memory nan: a number above 0"),
        (["--probe", "--device", "meta"], "--device meta: PyTorch can't compute on it here; cpu, cuda or cuda:1, say"),
        (
            ["--probe", "--device", "vulkan"],
            "--device vulkan: PyTorch can't compute on it here; cpu, cuda or cuda:1, say",
        ),
    ],
)
def test_values_that_can_t_be(ready: Path, tmp_path: Path, capsys: Any, arguments: list[str], said: str) -> None:
    path = short(ready, tmp_path)
    assert line(capsys, "check", path, *arguments) == (2, said if arguments[0] != "--set" else f"{path}: {said}")


def test_a_recipe_of_another_program(ready: Path, tmp_path: Path, capsys: Any) -> None:
    path = str(ROOT / "configs" / "quickstart.yaml")
    assert line(capsys, "check", path) == (
        2,
        f"{path}: a recipe of a corpus, for `voxsmith run`; those of trainings are in configs/train",
    )
    code, said = line(capsys, "check", str(ROOT / "configs" / "train" / "vocoder.yaml"), "--memory", "80")
    assert code == 2 and said.startswith("--probe and --memory are of recipes with an LLM")
    code, said = line(capsys, "fit", short(ready, tmp_path), "--set", f"decoder.states={ready}/question.wav")
    assert code == 2 and said.endswith("question.wav: is a file: encoder.features and decoder.states name folders")
    with pytest.raises(SystemExit):
        main(["serve", str(ready / "runs" / "made"), "--port", "99999"])
    assert capsys.readouterr().err.endswith("argument --port: '99999' is no whole number from 0 to 65535\n")
