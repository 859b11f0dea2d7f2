"""What a recipe's values may be, also where they come from Python: of texts, numbers, lists and maps, and not endless."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipes import write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.errors import RecipeError
from voxsmith.schemas.plain import plain
from voxsmith.schemas.recipe_file import read_yaml

ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
LAUGHS: list[Any] = ["x"] * 9
for _ in range(9):
    LAUGHS = [LAUGHS] * 9
DEEP: dict[str, Any] = {}
for _ in range(5000):
    DEEP = {"a": DEEP}


def test_it_is_a_copy() -> None:
    given = {"a": [1, 2.5, None, True, "x"], "b": {"c": ("y",)}}
    copied = plain(given, "r.yaml")
    assert copied == {"a": [1, 2.5, None, True, "x"], "b": {"c": ["y"]}}
    copied["b"]["c"].append("z")
    assert given["b"] == {"c": ("y",)}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\0b", "a text with NUL or half of a surrogate pair"),
        ("\udcff", "a text with NUL or half of a surrogate pair"),
        (2**64, "a whole number of 65 bits; 64 is the most"),
        (-(10**5000), "a whole number of 16610 bits; 64 is the most"),
        (float("nan"), "nan is not a finite number"),
        (float("inf"), "inf is not a finite number"),
        (b"x", "a value of type bytes can't be in a recipe"),
        ({"x"}, "a value of type set can't be in a recipe"),
        (date(2024, 1, 1), "a value of type date can't be in a recipe"),
        (Path("x"), "can't be in a recipe"),
        ({1: "x"}, "its key 1 is not a text"),
        ({"x\0": 1}, "a text with NUL"),
    ],
    ids=range(12),
)
def test_what_cannot_be_in_a_recipe_names_its_key(tmp_path: Path, value: Any, message: str) -> None:
    path = write_recipe(tmp_path, ["x"])
    for overrides in ({"engines.llm.log": value}, {"engines": {"llm": {"log": value}}}):
        with pytest.raises(RecipeError) as error:
            api.load(path, overrides=overrides)
        (line,) = error.value.lines
        assert line.startswith(f"{path}: ") and "engines.llm.log: " in line and message in line
    keys = read_yaml(path)
    keys["engines"]["llm"]["log"] = value
    with pytest.raises(RecipeError, match=r"^RECIPE: engines\.llm\.log: "):
        api.load(keys)


@pytest.mark.parametrize("value", [ENDLESS, LAUGHS], ids=["a list in itself", "a list of lists of the same lists"])
def test_what_has_no_end_is_one_line(value: Any) -> None:
    with pytest.raises(
        RecipeError, match=r"^r\.yaml: stages\.0\.0: (maps and lists in it are nested|more than 50,000)"
    ):
        plain({"stages": value}, "r.yaml")


@pytest.mark.parametrize("value", [ENDLESS, LAUGHS, DEEP], ids=["endless", "multiplied", "deep"])
def test_python_values_without_end_are_one_line(tmp_path: Path, value: Any) -> None:
    path = write_recipe(tmp_path, ["x"])
    for recipe, overrides in ((path, {"stages": value}), (read_yaml(path) | {"stages": value}, {})):
        with pytest.raises(RecipeError) as error:
            api.load(recipe, overrides=overrides)
        assert len(error.value.lines) == 1


def test_aliases_that_multiply_are_one_line(tmp_path: Path) -> None:
    path = Path(write_recipe(tmp_path, ["x"]))
    names = "abcdefghi"
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in pairwise(names)
    )
    path.write_text(path.read_text() + laughs)
    with pytest.raises(
        RecipeError,
        match=r"toy\.yaml: \w(\.\d)*: more than 50,000 values; do aliases multiply them",
    ):
        api.load(str(path))
