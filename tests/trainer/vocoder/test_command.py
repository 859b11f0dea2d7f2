"""A vocoder from outside: `fit` on a made-up export, a run that goes on, what loads it, streaming, and what can be wrong."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.helpers.made_corpus import row, write_corpus
from tests.helpers.paths import GOLDEN
from tests.trainer.test_cli import line
from voxsmith.models.references import ModelMissing
from voxsmith.models.vocoder import UnitVocoder, open_any
from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer.cli import main
from voxsmith.trainer.talk.command import CantTalk, open_voice
from voxsmith.trainer.talk.voice import SpokenUnits
from voxsmith.trainer.vocoder.recipe import VocoderRecipe
from voxsmith.trainer.vocoder.run import fit

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of 12 answers, some units of which last 3 frames, the rest as long as the clip goes on."""
    folder = tmp_path_factory.mktemp("ready")
    rows = [row(i) for i in range(12)]
    for values in rows:
        frames = round(values["answer_duration"] * 50)
        count = len(values["answer_units"])
        durations = [3] * (count - 1) if 3 * count <= frames else [1] * (count - 1)
        values["answer_unit_durations"] = [*durations, frames - sum(durations)]
    made = write_corpus(folder / "export", rows, [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    (folder / "export" / "manifest.json").write_text(json.dumps(made))
    return folder


def recipe(ready: Path, folder: Path, **changes: Any) -> str:
    keys: dict[str, Any] = {
        "name": "made",
        "phase": "vocoder",
        "out": str(folder / "runs"),
        "data": [{"path": str(ready / "export"), "split": "train"}],
        "validation": [{"path": str(ready / "export"), "split": "test"}],
        "units": 200,
        "network": {"width": 16, "blocks": 1, "kernel": 3, "dropout": 0.1, "lr": 1e-2},
        "generator": str(GOLDEN / "hifigan"),
        "schedule": {"steps": 8, "budget": 3.0, "warmup": 0.1},
        "run": {"precision": "float32", "workers": 0, "save_every": 3, "validate_every": 4},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(keys | changes))
    return str(path)


def losses(folder: Path, term: str = "loss") -> list[float]:
    lines = (folder / "runs" / "made" / "log.jsonl").read_text().splitlines()
    return [fields[term] for fields in map(json.loads, lines) if term in fields]


@pytest.fixture(scope="module")
def run(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of 30 steps."""
    folder = tmp_path_factory.mktemp("run")
    path = recipe(ready, folder, schedule={"steps": 30, "budget": 3.0})
    assert main(["fit", path, "--device", "cpu"]) == 0
    return folder


def opened(run: Path, generator: str | None = None) -> UnitVocoder:
    place = sorted((run / "runs" / "made" / "checkpoints").iterdir())[-1]
    settings = json.loads((place / "vocoder.json").read_text())
    settings["generator"] = generator or str(GOLDEN / "hifigan")
    (place / "vocoder.json").write_text(json.dumps(settings))
    return open_any(run / "runs" / "made", CPU)


def test_it_learns_mel_and_durations(run: Path) -> None:
    for term in ("mel", "durations"):
        curve = losses(run, term)
        assert len(curve) == 30 and sum(curve[-6:]) < 0.8 * sum(curve[:6])


def test_it_speaks_as_long_as_it_is_said_or_predicted(run: Path) -> None:
    vocoder = opened(run)
    assert (vocoder.rate, vocoder.hop, vocoder.units) == (22050, 441, 200)
    units = np.array([3, 7, 199, 3])
    assert len(vocoder.wave(units, np.array([1, 2, 30, 4]))) == 37 * 441
    lasting = vocoder.lasting(units)
    assert lasting.min() >= 1 and np.array_equal(vocoder.wave(units), vocoder.wave(units, lasting))
    with pytest.raises(ValueError, match="unit 200: the vocoder knows 0 to 199: another codebook's"):
        vocoder.wave(np.array([200]))
    with pytest.raises(ValueError, match="60001 frames; a clip has 60000 at most"):
        vocoder.wave(np.array([0, 1]), np.array([1, 60000]))


@pytest.mark.parametrize("generator", [str(GOLDEN / "hifigan"), "griffin_lim"], ids=["hifigan", "griffin_lim"])
@pytest.mark.parametrize(("omega", "sizes"), [(1, [2]), (10, [4, 0, 7, 1])])
def test_chunks_joined_are_the_whole(run: Path, generator: str, omega: int, sizes: list[int]) -> None:
    vocoder = opened(run, generator)
    units = np.random.default_rng(3).integers(0, 200, 60 if generator == "griffin_lim" else 40)
    lasting = np.random.default_rng(4).integers(1, 9, len(units))
    vocoder.lasting = lambda some: np.array([lasting[np.flatnonzero(units == unit)[0]] for unit in some])  # type: ignore[method-assign]
    whole, voice, chunks, at = vocoder.wave(units), SpokenUnits(vocoder, omega), [], 0
    while at < len(units):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(voice.add(units[at : at + size].tolist()))
        at += size
    chunks = [chunk for chunk in [*chunks, voice.end()] if len(chunk)]
    joined = np.concatenate(chunks)
    assert len(chunks) > 2 and joined.shape == whole.shape
    assert float(np.abs(joined - whole).max()) < 1e-4 * float(np.abs(whole).max())


def test_a_run_goes_on_with_the_same_curve(ready: Path, tmp_path: Path) -> None:
    assert main(["fit", recipe(ready, tmp_path / "whole"), "--device", "cpu"]) == 0
    path = recipe(ready, tmp_path / "cut")
    looks = iter([False] * 5 + [True])
    fit(checked(VocoderRecipe, read_yaml(path), path), lambda line: None, CPU, lambda: next(looks))
    assert len(losses(tmp_path / "cut")) == 5
    assert main(["fit", path, "--device", "cpu"]) == 0
    assert losses(tmp_path / "cut") == pytest.approx(losses(tmp_path / "whole"), abs=1e-6)
    seconds = losses(tmp_path / "cut", "seconds")
    assert len(seconds) == 8 and seconds == sorted(seconds), "of the run, not of the command"


def test_the_best_checkpoint_is_kept_under_a_name(ready: Path, tmp_path: Path) -> None:
    """Steps so large that what was learned is spoiled: the best look at the test rows was the first one."""
    schedule = {"steps": 9, "budget": 3.0, "warmup": 0.0}
    network = {"width": 16, "blocks": 1, "kernel": 3, "lr": 10.0}
    run = {"precision": "float32", "workers": 0, "save_every": 1, "validate_every": 1, "keep": 2}
    path = recipe(ready, tmp_path, schedule=schedule, network=network, run=run)
    assert main(["fit", path, "--device", "cpu"]) == 0
    folder = tmp_path / "runs" / "made"
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    looks = {line["step"]: sum(line["validation"].values()) for line in lines if "validation" in line}
    best = min(looks, key=lambda step: looks[step])
    assert len(looks) == 9 and best < 8
    assert (folder / "best").resolve().name == f"step-{best:08}"
    kept = sorted(place.name for place in (folder / "checkpoints").iterdir())
    assert kept == [f"step-{step:08}" for step in (best, 8, 9)]
    assert open_any(folder / "best", CPU).units == 200


def test_check_trains_nothing(ready: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["check", recipe(ready, tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "export: 8 answers" in said and "the run: 8 steps" in said and not (tmp_path / "runs").exists()


def test_what_is_wrong_is_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    path = recipe(ready, tmp_path)
    code, said = line(capsys, "fit", path, "--set", "network.widht=3")
    assert (code, said) == (2, f"{path}: network.widht: unknown key; did you mean 'width'?")
    code, said = line(capsys, "check", path, "--set", "frame_rate=43")
    assert code == 2 and "frame_rate: 22050 hertz are no whole number of samples a frame" in said
    code, said = line(capsys, "check", path, "--set", "frame_rate=25", "--set", "validation=[]")
    assert code == 2 and "no row can be used: 8 units that don't last as long as the clip at frame_rate 25" in said
    code, said = line(capsys, "check", path, "--set", "units=100")
    assert code == 2 and said.endswith("the recipe has units 0 to 99; set units to what made them has")
    for lacking in (("units", "unit_durations"), ("audio",)):
        other = tmp_path / lacking[0]
        write_corpus(other, [row(i) for i in range(4)], [], without=lacking)
        code, said = line(capsys, "check", path, "--set", f"data=[{{path: {other}}}]")
        assert code == 2 and said.startswith(f"{other}: it lacks answer_{lacking[0]}")
    with pytest.raises(ModelMissing, match="no unit vocoder"):
        open_any(tmp_path, CPU)


def test_a_clip_that_cannot_be_read_is_one_line(ready: Path, tmp_path: Path, capsys: Any) -> None:
    """As a process that reads rows says it, which hands on its traceback as text."""
    rows = [row(i) for i in range(4)]
    for values in rows:
        values["answer_unit_durations"] = [1] * len(values["answer_units"])
        values["answer_duration"] = len(values["answer_units"]) / 50
    rows[0]["answer_audio"] = {"bytes": b"no sound", "path": "cut.flac"}
    write_corpus(tmp_path / "export", rows, [])
    path = recipe(ready, tmp_path, data=[{"path": str(tmp_path / "export")}], run={"workers": 1})
    code, said = line(capsys, "fit", path)
    assert code != 0 and "the clip cut.flac can't be decoded" in said and "Traceback" not in said


def test_units_of_another_codebook_are_refused(ready: Path, tmp_path: Path, capsys: Any) -> None:
    """The same numbers, of an export whose manifest names another codebook."""
    for name in ("one", "other"):
        shutil.copytree(ready / "export", tmp_path / name)
        stage = {"stage": "units", "of": "answer", "engine": "encoder"}
        manifest = {"recipe": {"stages": {"units_answer": stage}}, "fitted": {"codebook": name}}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
    path = recipe(ready, tmp_path, validation=[], schedule={"steps": 1, "budget": 3.0})

    def taking(*names: str) -> str:
        return f"data=[{', '.join(f'{{path: {tmp_path}/{name}, split: train}}' for name in names)}]"

    assert line(capsys, "check", path, "--set", taking("one", "other")) == (
        2,
        f"{tmp_path}/other: its units have codebook other, not one as in {tmp_path}/one: a vocoder learns one kind of units",
    )
    assert main(["fit", path, "--device", "cpu", "--set", taking("one")]) == 0
    capsys.readouterr()
    place = tmp_path / "runs" / "made"
    code, said = line(capsys, "fit", path, "--device", "cpu", "--set", taking("other"))
    assert (
        code == 2
        and said.endswith("where the run would go on; give it another name")
        and "codebook other, not one" in said
    )

    def spoken(units: int, codebook: str) -> UnitVocoder:
        decoder = SimpleNamespace(network=SimpleNamespace(decoder=SimpleNamespace(blank=units)))
        return open_voice(str(place), decoder, CPU, kind={"codebook": codebook})  # type: ignore[arg-type]

    assert spoken(200, "one").kind["codebook"] == "one"
    with pytest.raises(CantTalk, match="has learned units of codebook one, not other as in the checkpoint"):
        spoken(200, "other")
    with pytest.raises(CantTalk, match="knows 200 units, and the checkpoint says 100"):
        spoken(100, "one")
