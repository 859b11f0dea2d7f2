"""What people get wrong is one line, before anything is trained. An export without units or without clips, units beyond the
decoder's, an LLM without chat template: test_cli.py; an extra that is absent: test_verb.py; clips that can't be decoded and splits
that aren't there: data/test_exports.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders
from tests.trainer.test_cli import line, recipe
from voxsmith.trainer import checkpoint
from voxsmith.trainer.cli import main
from voxsmith.trainer.data.unit_kind import difference


def manifest(codebook: str = "aa", **engine: Any) -> dict[str, Any]:
    """Of an export whose units are those of a codebook that was fitted, as far as it tells what they are."""
    of = {"backend": "units_encoder", "model": "whisper-base@63d9", "layer": "last", "version": "1", "licence": "MIT"}
    stages = {
        "fit_units": {"engine": "encoder"},
        "units_answer": {"stage": "units", "of": "answer", "engine": "encoder"},
    }
    return {"recipe": {"stages": stages}, "engines": {"encoder": of | engine}, "fitted": {"codebook": codebook}}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, and exports that differ in what their units are; a run that has learned those of `export`."""
    folder = tmp_path_factory.mktemp("ready")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    kinds = {
        "export": manifest(),
        "newer": manifest(version="2"),
        "codebook": manifest("bb"),
        "layer": manifest(layer=11),
        "bare": {},
        "slow": {},
    }
    for name, values in kinds.items():
        rows = [row(i) for i in range(6)]
        for one in rows:
            one["answer_unit_durations"] = [(4 if name == "slow" else 2) for _ in one["answer_units"]]
        splits = {"train": 0.5, "test": 0.5}
        write_corpus(folder / name, rows, [], splits, rows_a_file=3)
        (folder / name / "manifest.json").write_text(json.dumps(values))
    assert main(["fit", units(folder, folder / "first"), "--device", "cpu"]) == 0
    return folder


def units(ready: Path, folder: Path, *exports: str, **changes: Any) -> str:
    data = [{"path": str(ready / name), "split": "train"} for name in exports or ["export"]]
    keys = {"phase": "units", "data": data, "validation": [], "schedule": {"steps": 1, "budget": 3.0}}
    return recipe(ready, folder, **keys | changes)


def test_a_run_and_its_checkpoints_note_what_the_units_are(ready: Path) -> None:
    run = ready / "first" / "runs" / "made"
    place = checkpoint.named(run)
    known = checkpoint.unit_kind(place)
    rate = known.pop("frames a second")
    # Rows 0 to 2 of a split: 12 units of two frames each in 0.6, 0.65 and 0.7 s.
    assert rate == pytest.approx(3 * 24 / 1.95, abs=0.05)
    assert known == {
        "backend": "units_encoder",
        "model": "whisper-base@63d9",
        "layer": "last",
        "codebook": "aa",
    }
    (noted,) = json.loads((run / "data.json").read_text())
    assert noted["units"] == {**known, "frames a second": rate}


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ("codebook", "codebook bb, not aa"),
        ("layer", "layer 11, not last"),
        ("slow", "frames a second 73.8, not 36.9"),
    ],
)
def test_units_of_another_kind_are_refused(ready: Path, tmp_path: Path, capsys: Any, export: str, said: str) -> None:
    start = ready / "first" / "runs" / "made"
    wanted = (
        f"{ready}/{export}: its units have {said} as in {checkpoint.named(start)}: a decoder learns one kind of units; "
    )
    wanted += "take an export with the same units, or train a decoder for these from the start"
    later = units(ready, tmp_path / "later", export, start=str(start))
    for verb in (["check", later], ["fit", later, "--device", "cpu"]):
        assert line(capsys, *verb) == (2, wanted)
    again = units(ready, tmp_path / "again", export, out=str(ready / "first" / "runs"))  # the same run
    assert line(capsys, "fit", again, "--device", "cpu") == (2, wanted)
    assert line(capsys, "eval", str(start), str(ready / export), "--split", "train", "--device", "cpu") == (2, wanted)
    both = units(ready, tmp_path / "both", "export", export)
    assert line(capsys, "check", both) == (2, wanted.replace(str(checkpoint.named(start)), f"{ready}/export"))


def test_what_isn_t_known_of_units_is_no_difference(ready: Path, tmp_path: Path) -> None:
    assert (
        main(["check", units(ready, tmp_path, "export", "bare", "newer", start=str(ready / "first" / "runs" / "made"))])
        == 0
    )
    assert difference({}, {"layer": 3}) == difference({"frames a second": 50.0}, {"frames a second": 49.2}) == ""
    assert difference({"frames a second": 50.0}, {"frames a second": 25.0}) == "frames a second 50.0, not 25.0"


def test_a_checkpoint_of_another_recipe_is_refused(ready: Path, tmp_path: Path, capsys: Any) -> None:
    start = ready / "first" / "runs" / "made"
    decoder = {"layers": 1, "width": 16, "heads": 2, "inner": 32, "units": 200, "upsampling": 4, "phase": True}
    for changes in ({"start": str(start)}, {"out": str(start.parent)}):
        path = units(ready, tmp_path, decoder=decoder, **changes)
        for verb in (["check", path], ["fit", path, "--device", "cpu"])["out" in changes :]:
            code, said = line(capsys, *verb)
            assert (
                code == 2
                and said.startswith(f"{checkpoint.named(start)}: decoder.")
                and said.endswith(": it is of another recipe")
            )
    code, said = line(capsys, "fit", units(ready, tmp_path, start=str(tmp_path / "nowhere")), "--device", "cpu")
    assert code == 2 and said.startswith(f"{tmp_path}/nowhere: no checkpoint: it lacks model.safetensors")


def test_a_start_that_hears_otherwise_is_said(ready: Path, tmp_path: Path, capsys: Any) -> None:
    start = ready / "first" / "runs" / "made"
    llm = {"model": str(ready / "llm"), "prompt": "llama_omni"}
    for changes, said in (({}, 0), ({"llm": llm}, 1)):
        assert main(["check", units(ready, tmp_path, start=str(start), **changes)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert sum("was trained with" in one for one in lines) == said
    wanted = 'was trained with llm.prompt: "chat_template", and this recipe has "llama_omni"'
    assert f"{checkpoint.named(start)}: {wanted}" in lines
    assert main(["fit", units(ready, tmp_path, start=str(start), llm=llm), "--device", "cpu"]) == 0
    assert f"{checkpoint.named(start)}: {wanted}" in capsys.readouterr().out.splitlines()


def test_a_device_that_is_too_small_is_told(ready: Path, tmp_path: Path, capsys: Any) -> None:
    path = units(ready, tmp_path)
    for memory, words in (("0.00001", "the weights alone are too much"), ("64", "it fits")):
        fits = memory == "64"
        assert main(["check", path, "--memory", memory]) == (0 if fits else 1)
        said, error = capsys.readouterr()
        assert "the device meant has " in said and words in said and ("it does not fit" in said) == (not fits)
        assert error == "" if fits else error.startswith("the largest batch does not fit into the 0.0 GiB of ")


def test_recipes_that_can_t_learn_units_are_refused(ready: Path, tmp_path: Path, capsys: Any) -> None:
    path = units(ready, tmp_path, data=[{"path": str(ready / "export"), "task": "transcribe"}])
    code, said = line(capsys, "check", path)
    assert code == 2 and said.endswith("data: the task transcribe has no units to learn: the phase units takes answer")
    (ready / "bare" / "manifest.json").write_text("{")
    code, said = line(capsys, "check", units(ready, tmp_path, "bare"))
    (ready / "bare" / "manifest.json").write_text("{}")
    assert code == 2 and said.startswith(f"{ready}/bare/manifest.json: not JSON: ")
