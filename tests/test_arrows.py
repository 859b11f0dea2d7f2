"""The arrows between the rooms run one way, nowhere in a circle, and Ray stays in pipeline/ and in one file of trainer/."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

MAY_IMPORT = {
    "schemas": {"schemas"},
    "models": {"schemas", "models"},
    "stages": {"schemas", "models", "stages"},
    "pipeline": {"schemas", "models", "stages", "pipeline"},
    "trainer": {"schemas", "models", "trainer"},
}
# What the pipeline may know of stages and engines: how they are named, declared and tried, and what they are asked.
CONTRACTS = {
    "stages.registry",
    "stages.stage",
    "stages.trials",
    "stages.context",
    "stages.engines",
    "stages.engines.backend",
    "stages.engines.base",
    "stages.engines.replies",
    "stages.engines.usage",
    "stages.engines.voice_bank",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))}


def imports_in(source: str) -> Iterator[str]:
    """What the code imports, ours without `voxsmith.` before it, modules by their whole names: `from voxsmith.a import b` is
    a.b where that is a module of ours.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("voxsmith.") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}".removeprefix("voxsmith.")
                yield name if name in MODULES else node.module.removeprefix("voxsmith.")


IMPORTS = {name: set(imports_in(path.read_text(encoding="utf-8"))) for name, path in MODULES.items()}


def top(module: str) -> str:
    return module.partition(".")[0]


def room(module: str) -> str:
    """The folder that the module is in, by its dotted name; a module on top of its package is a room of its own."""
    return module if MODULES[module].name == "__init__.py" or module.count(".") == 1 else module.rpartition(".")[0]


def test_an_alias_is_seen_as_the_module_that_it_is() -> None:
    alias, name = (
        "from voxsmith.stages.engines import voice_bank as bank",
        "from voxsmith.stages.engines.base import Engine",
    )
    assert set(imports_in(alias)) == {"stages.engines.voice_bank"}
    assert set(imports_in(name)) == {"stages.engines.base"}


def test_ours_are_imported_from_voxsmith_alone() -> None:
    """Anybody's folder may be called `stages` or `models`: what is imported by these names is not ours."""
    names = re.compile(rf"^\s*(?:from|import) ({'|'.join(MAY_IMPORT)})\b(?!:)", re.MULTILINE)
    files = [
        path for folder in (*MAY_IMPORT, "tests", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")
    ]
    assert files
    assert [f"{path}: {line}" for path in files for line in names.findall(path.read_text(encoding="utf-8"))] == []
    assert sorted(path.name for path in (ROOT / "voxsmith").iterdir() if path.is_symlink()) == sorted(MAY_IMPORT)


def test_rooms_import_only_what_they_may() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in names
        if top(name) in MAY_IMPORT and top(name) not in MAY_IMPORT[top(module)]
    ]
    assert wrong == []


def test_the_pipeline_knows_stages_and_engines_by_their_contracts_alone() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in names
        if top(module) == "pipeline" and top(name) == "stages"
        if name not in CONTRACTS and not name.startswith("stages.requests.")
    ]
    assert wrong == []


def test_ray_is_in_the_pipeline_and_in_one_file_of_the_trainer() -> None:
    importers = {module for module, names in IMPORTS.items() if any(top(name) == "ray" for name in names)}
    assert {module for module in importers if top(module) != "pipeline"} == {"trainer.fit.on_ray"}


@pytest.mark.parametrize("of", [str, room], ids=["files", "rooms"])
def test_no_arrows_run_in_a_circle(of: type[str]) -> None:
    """Imports inside functions and those for type checkers count, too."""
    graph: dict[str, set[str]] = {}
    for module, names in IMPORTS.items():
        arrows = {of(name) for name in names if name in MODULES}
        graph.setdefault(of(module), set()).update(arrows - {of(module)})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_no_file_is_too_long() -> None:
    folders = (*MAY_IMPORT, "tests", "benchmarks", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [str(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
