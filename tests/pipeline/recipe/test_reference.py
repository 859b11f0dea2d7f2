"""`keys`: what a recipe may say, read off the models that check it."""

import re

import pytest

from tests.helpers.paths import ROOT
from voxsmith.pipeline import cli
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.reference import keys_of, names
from voxsmith.pipeline.recipe.reference_page import page
from voxsmith.schemas.columns import OWN_COLUMNS, ROW_COLUMNS, SIDE_COLUMNS, TRANSLATIONS
from voxsmith.stages.registry import BACKENDS, STAGES, backend, stage

ALL = [name for group in names().values() for name in group]


@pytest.mark.parametrize("name", ALL)
def test_every_key_says_what_it_takes_and_is(name: str) -> None:
    for key in keys_of(name):
        assert key.takes and key.default and key.meaning, key
        assert not re.search(r"<class|typing|Undefined|Annotated", " ".join(key)), key


@pytest.mark.parametrize("name", ALL)
def test_no_key_is_left_out(name: str) -> None:
    listed = {key.name.split(".")[0] for key in keys_of(name)}
    if name in names()["stages"]:
        hidden = {"attempt", "attempts", "references"}  # the pipeline's, of most stages
        assert listed >= set(stage(name).config.model_fields) - hidden | {"stage"}
        assert ("engine" in listed) == bool(stage(name).engine)
    elif name in names()["backends"]:
        assert listed == {"backend", *backend(name).config.model_fields}


def test_some_keys() -> None:
    assert {"checks.query_clip.max_wer", "checks.max_reject_ratio"} <= {key.name for key in keys_of("checks")}
    (turns,) = [key for key in keys_of("sources") if key.name == "sources.NAME.turns"]
    assert turns[1:3] == ("whole number | all | recording | {mean, most}", "1")
    (speeds,) = [key for key in keys_of("speak") if key.name == "speeds"]
    assert speeds[1:3] == ("[number, …]", "[1.0, 0.9, 1.1]")


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main(["keys"]) == 0
    assert "llm_vllm" in capsys.readouterr().out
    assert cli.main(["keys", "export"]) == 0
    assert "export.gates.max_answer_wer" in capsys.readouterr().out
    assert cli.main(["keys", "speek"]) == 2
    assert capsys.readouterr().err == "there are no keys of 'speek'; did you mean 'speak'?\n"


@pytest.mark.parametrize("columns", ["120", "80", "40"])
@pytest.mark.parametrize("name", ALL)
def test_no_key_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert cli.main(["keys", name]) == 0
    printed = capsys.readouterr().out
    assert {key.name for key in keys_of(name)} <= {line.split()[0] for line in printed.splitlines() if line.strip()}


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "--markdown"]) == 0
    made, kept = capsys.readouterr().out, (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert made == kept, "voxsmith keys --markdown > docs/reference.md"


def test_the_page_has_every_part_and_column() -> None:
    text = page()
    for name in [*STAGES, *BACKENDS]:
        assert f"\n### {name}\n" in text
    for name in (
        "checks.query_text.max_words",
        "sources.NAME.path",
        "export.gates.max_query_wer",
        "resources.num_gpus",
    ):
        assert f"\n| `{name}` | " in text
    for name in (*ROW_COLUMNS, *SIDE_COLUMNS, *OWN_COLUMNS, "translation_de_units"):
        if name not in TRANSLATIONS[:4] + TRANSLATIONS[5:]:  # German stands for all languages
            assert f"\n| `{name}` | " in text
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {3, 5, 6}, "a sign that parts cells is escaped where it is part of one"


def test_an_unknown_name() -> None:
    with pytest.raises(RecipeError, match="no keys of 'qqq'"):
        keys_of("qqq")
