"""Names are the nouns of what they hold: `found` and `told` were names of everything once."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.paths import ROOT

FOLDERS = ("voxsmith", "schemas", "models", "stages", "pipeline", "trainer", "examples", "benchmarks", "tests")
SAY_NOTHING = {"found", "told"}


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.Attribute(attr=name):
                yield name


def test_no_name_says_nothing() -> None:
    files = [path for folder in FOLDERS for path in Path(ROOT, folder).rglob("*.py")]
    assert files
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in names_in(ast.parse(path.read_text(encoding="utf-8")))
        if name in SAY_NOTHING
    ]
    assert wrong == []
