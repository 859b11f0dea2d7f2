"""One rule for the code in a cache key: what a module imports from our packages and its own, and nothing else."""

import json
import shutil
import subprocess
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from voxsmith.pipeline.store.code import OURS, STOPS, code_digest, reachable, source_file
from voxsmith.stages.registry import STAGES

WRITERS = (
    "voxsmith.pipeline.export.export",
    "voxsmith.pipeline.sources.read",
    "voxsmith.pipeline.sources.overrides",
    "voxsmith.pipeline.publish.parquet",
)
MODULES = [*STAGES.values(), *WRITERS]

# Run in a copy of our packages: each file is edited in turn; which modules' digests changed is printed.
EDIT_EACH = """
import json, sys
from pathlib import Path
from voxsmith.pipeline.store import code

modules, files = json.loads(sys.stdin.read())

def digests():
    return {module: code.code_digest(module) for module in modules}

before, changed = digests(), {}
for file in files:
    text = Path(file).read_text()
    Path(file).write_text(text + "\\n_CHANGED = 1\\n")
    changed[file] = [module for module, now in digests().items() if now != before[module]]
    Path(file).write_text(text)
assert digests() == before
print(json.dumps(changed))
"""


def imported(module: str) -> set[str]:
    """What the standard library's module finder says that the module needs of ours. It reads bytecode, not syntax."""
    finder = ModuleFinder(path=[str(ROOT)], excludes=list(STOPS))
    file = source_file(module)
    assert file is not None
    finder.run_script(str(file))
    packages = {name for part in (module, *finder.modules) for name in _above(part)}
    return {
        name
        for name in {module, *finder.modules, *packages}
        if name.partition(".")[0] == OURS and source_file(name) is not None
    }


def _above(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_reaches_is_what_it_imports(module: str) -> None:
    assert set(reachable(module)) == imported(module)


def test_an_edit_changes_the_digests_of_those_that_import_the_file_and_no_other(tmp_path: Path) -> None:
    shutil.copytree(ROOT / OURS, tmp_path / OURS, ignore=shutil.ignore_patterns("__pycache__"))
    files = {str(path.relative_to(tmp_path)) for path in (tmp_path / OURS).rglob("*.py")}
    wanted: dict[str, list[str]] = {file: [] for file in files}
    for module in MODULES:
        for name in imported(module):
            file = source_file(name)
            assert file is not None
            wanted[str(file.relative_to(ROOT))].append(module)
    ran = subprocess.run(
        [sys.executable, "-c", EDIT_EACH],
        input=json.dumps([MODULES, sorted(files)]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(ran.stdout) == wanted
    prompted = ("rewrite", "respond", "converse", "judge", "screen", "continue_text", "continue_or_answer", "translate")
    assert wanted["voxsmith/schemas/prompt.py"] == [STAGES[name] for name in prompted]
    assert wanted["voxsmith/stages/requests/units.py"] == [STAGES["fit_units"], STAGES["units"]]
    assert (
        wanted["voxsmith/stages/registry.py"]
        == wanted["voxsmith/stages/engines/base.py"]
        == wanted["voxsmith/schemas/columns/declared.py"]
        == []
    )


def package(folder: Path, **files: str) -> None:
    """A package `away` in the folder, with these files."""
    (folder / "away").mkdir(exist_ok=True)
    for name, text in {"__init__": "", **files}.items():
        (folder / "away" / f"{name}.py").write_text(text)


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("from .helper import f", True),
        ("from . import helper", True),
        ("from away.helper import f", True),
        ("import away.helper", True),
        ("def g():\n    from away import helper", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from away import helper", False),
        ("import json", False),
    ],
)
def test_a_package_from_outside_is_followed_as_ours_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, counts: bool
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest(helper: str) -> str:
        package(tmp_path, stage=line, helper=helper)
        return code_digest("away.stage")

    before = digest("LIMIT = 1")
    assert digest("LIMIT = 1  # a comment\n\n") == before
    assert (digest("LIMIT = 2") != before) == counts


def test_where_following_ends_there_is_something() -> None:
    assert [name for name in STOPS if source_file(name) is None] == []


def test_a_module_that_is_not_there_is_told() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"stages\.nothing"):
        code_digest("voxsmith.stages.nothing")


def test_what_runs_where_no_type_checker_is_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "notchecked"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("K = 1\n")
    text = "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    from notchecked.other import K\n"
    (package / "title.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "notchecked.other" in reachable("notchecked.title")
