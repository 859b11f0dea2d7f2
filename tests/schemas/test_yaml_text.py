"""YAML is read in one place, as maps, lists, texts and numbers; anything else is one line that says where."""

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from voxsmith.schemas.yaml_text import NotYaml, read

LAUGHS = "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}\n" for n in range(1, 20))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1: on\non: 1\n~: null\n=: =\n", {"1": True, "on": 1, "~": None, "=": "="}),  # keys are texts
        ("from: 2024-01-01\nto: 2024-99-99\n", {"from": "2024-01-01", "to": "2024-99-99"}),  # and so are dates
        ("\ufeffa: 1\n", {"a": 1}),
        ("a: [1, 0x10, 1.5, 1e3, '1', yes]\n", {"a": [1, 16, 1.5, "1e3", "1", True]}),
        ("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n",
         {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 3, "y": 4}}),
        ("a: &a [x]\nb: [*a, *a]\n", {"a": ["x"], "b": [["x"], ["x"]]}),
        ("c: {<<: [{x: 1}, {x: 2, y: 3}]}\n'<<': 1\n", {"c": {"x": 1, "y": 3}, "<<": 1}),
        ("", None),
    ],
)  # fmt: skip
def test_what_is_read(text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("0x_", "'0x_' is not a whole number; a text stands in quotes"),
        ("1" * 5000, "is not a whole number"),
        ("!!int ''", "is not a whole number"),
        ("!!float x", "'x' is not a number"),
        ("!!bool x", "'x' is not true or false"),
        ("!!binary aGk=", "the type !!binary can't be used"),
        ("!!set {a, b}", "the type !!set can't be used"),
        ("!!timestamp 2001-01-01", "the type !!timestamp can't be used"),
        ("!!omap [x: 1]", "the type !!omap can't be used"),
        ("!!python/object/apply:os.system [id]", "the type !!python/object/apply:os.system can't be used"),
        ("!mine x", "the type !mine can't be used"),
        ("[" * 3000 + "]" * 3000, "nested deeper than 64 levels"),
        ("{x: " * 3000, "nested deeper than 64 levels"),
        ("[" + "x," * 60_000 + "]", "more than 50,000 values"),
        ("{x: 1, x: 2}", "the key 'x' is there twice"),
        ("{1: 2, '1': 3}", "the key '1' is there twice"),
        ("{[x]: 1}", "a list or a map stands where a key belongs"),
        ("{? {x: 1} : 2}", "a list or a map stands where a key belongs"),
        ("*nothing", "found undefined alias 'nothing'"),
        ("{x: &x 1, y: &x 2}", "found duplicate anchor 'x'; first occurrence, second occurrence"),
        ("{x: &x {y: {<<: *x}}, <<: *x}", None),
        ("{<<: 3}", "expected a mapping or list of mappings for merging"),
        ("\t- x", "a tab, where YAML takes spaces alone"),
        ("x\0", "the character U+0000 can't be in it"),
        ("x\ud800", "the character U+D800 can't be in it"),
        ("x\n--- y", "expected a single document in the stream, but found another document"),
    ],
    ids=range(26),
)  # fmt: skip
def test_what_cannot_be_read_names_its_line(value: str, why: str | None) -> None:
    text = f"name: x\n\na: {value}\n"
    if why is None:
        read(text)
        return
    with pytest.raises(NotYaml) as fault:
        read(text)
    assert why in fault.value.message and "\n" not in fault.value.message and len(fault.value.message) < 200
    assert fault.value.line == 3 + ("---" in value)


def test_merges_that_multiply_are_refused() -> None:
    with pytest.raises(NotYaml, match=r"^a map of more than 10,000 keys, with those that it merges"):
        read(f"m0: &m0 {{x: 1, y: 2}}\n{LAUGHS}")


def test_a_text_beyond_all_recipes_is_refused() -> None:
    with pytest.raises(NotYaml, match=r"^it has more than 1,000,000 characters"):
        read("# comment\n" * 100_001)


def test_it_is_read_nowhere_else() -> None:
    """`import yaml` stands in two files: the one that reads, and the card's, which writes."""
    rooms = [path for room in ("schemas", "models", "stages", "pipeline") for path in Path(ROOT, room).rglob("*.py")]
    importing = {
        str(path.relative_to(ROOT))
        for path in rooms
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(alias.name == "yaml" for alias in node.names)
    }
    assert importing == {"schemas/yaml_text.py", "pipeline/report/card.py"}
    assert "yaml.safe_dump" in (card := Path(ROOT, "pipeline/report/card.py").read_text()) and "load(" not in card
