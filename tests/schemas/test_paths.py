"""Files that a recipe names: beside the recipe first, then where the command runs."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from voxsmith.schemas.paths import FilePath, beside
from voxsmith.schemas.prompt import Prompt
from voxsmith.schemas.source import Source
from voxsmith.stages.engines.base import EngineConfig


class Names(BaseModel):
    file: FilePath


class Model(EngineConfig):
    model: str


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The recipe's folder, and the one where the command runs."""
    there, here = tmp_path / "there", tmp_path / "here"
    for folder, name in ((there, "both"), (there, "beside"), (here, "both"), (here, "around")):
        (folder / "prompts").mkdir(parents=True, exist_ok=True)
        (folder / "prompts" / f"{name}.jinja").write_text(f"{folder.name}: {{{{ query }}}}")
        (folder / f"{name}.jsonl").write_text('{"instruction": "Say hello."}\n')
    monkeypatch.chdir(here)
    return there, here


@pytest.mark.parametrize(("name", "expected"), [("both", "there"), ("beside", "there"), ("around", "here")])
def test_a_prompt_and_a_source_are_found(folders: tuple[Path, Path], name: str, expected: str) -> None:
    context = beside(folders[0] / "recipe.yaml")
    assert Prompt.model_validate(f"prompts/{name}.jinja", context=context).render(query="x") == f"{expected}: x"
    entry = {"path": f"{name}.jsonl", "layout": "alpaca", "licence": "MIT"}
    path = Source.model_validate(entry, context=context).path
    assert path is not None and Path(path).resolve().parent == folders[0].parent / expected


def test_a_glob_is_matched_beside_the_recipe(folders: tuple[Path, Path]) -> None:
    entry = {"path": "*.jsonl", "layout": "alpaca", "licence": "MIT"}
    assert Source.model_validate(entry, context=beside(folders[0] / "r.yaml")).path == str(folders[0] / "*.jsonl")
    assert Source.model_validate(entry).path == "*.jsonl", "of a recipe that is no file"


def test_what_is_nowhere_is_told_with_both_places(folders: tuple[Path, Path]) -> None:
    context = beside(folders[0] / "recipe.yaml")
    places = f"looked in {folders[0]}, beside the recipe, and in {folders[1]}, where the command runs"
    with pytest.raises(ValidationError) as refused:
        Prompt.model_validate("prompts/none.jinja", context=context)
    assert f"no such prompt file: prompts/none.jinja; {places}" in str(refused.value)
    with pytest.raises(ValidationError) as refused:
        Source.model_validate({"path": "bosh.jsonl", "layout": "alpaca", "licence": "MIT"}, context=context)
    assert f"no such file: bosh.jsonl; {places}; did you mean '{folders[0] / 'both.jsonl'}'?" in str(refused.value)


def test_one_place_is_told_where_both_are_one(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ValidationError) as refused:
        Prompt.model_validate("none.jinja", context=beside("recipe.yaml"))
    assert f"no such prompt file: none.jinja; looked in {folders[1]} " in str(refused.value).replace(" [", "  [")


def test_any_file_and_an_engine_s_model(folders: tuple[Path, Path]) -> None:
    context = beside(folders[0] / "recipe.yaml")
    assert Names.model_validate({"file": "beside.jsonl"}, context=context).file == str(folders[0] / "beside.jsonl")
    assert Names.model_validate({"file": "none.jsonl"}, context=context).file == "none.jsonl"
    for given, wanted in {
        "prompts/beside.jinja": str(folders[0] / "prompts/beside.jinja"),
        "prompts/around.jinja": "prompts/around.jinja",
        "both.jsonl": "both.jsonl",  # a bare name is one of the catalogue
        "hub:org/name": "hub:org/name",
        str(folders[1]): str(folders[1]),
    }.items():
        assert Model.model_validate({"model": given}, context=context).model == wanted
