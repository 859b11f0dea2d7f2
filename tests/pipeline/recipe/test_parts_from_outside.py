"""Stages and backends of other packages: by dotted path, by entry point; each mistake in one is a line, exit code 2."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.recipes import asked, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.stages import registry

WORDS = (ROOT / "tests" / "toys" / "words.py").read_text()
Complain = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an importable package with a name of its own, for the modules of a test."""
    folder = tmp_path / "site" / f"away_{tmp_path.name}"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder.parent))
    registry.stage.cache_clear()
    registry._offered.cache_clear()
    yield folder
    registry.stage.cache_clear()
    registry._offered.cache_clear()


@pytest.fixture
def complaint(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Complain:
    """The one line that `plan` and `doctor` both print about a recipe with the module `parts` of the package."""

    def complain(text: str | None, **changes: object) -> str:
        if text is not None:
            (package / "parts.py").write_text(text)
        path = write_recipe(tmp_path, ["x"], **({"stages__toy_words__stage": f"{package.name}.parts"} | changes))
        lines = set()
        for verb in ("plan", "doctor"):
            assert main([verb, path]) == 2
            lines.add(capsys.readouterr().err.strip())
        assert len(lines) == 1
        line = lines.pop()
        assert len(line.splitlines()) == 1, line
        return line.replace(path, "RECIPE").replace(package.name, "away")

    return complain


def test_a_stage_and_a_backend_by_their_dotted_paths(tmp_path: Path) -> None:
    state = open_state(path := write_recipe(tmp_path, ["one"]))
    assert run_inline(state) == {}
    assert texts_of(state, "query_spoken") == ["one"] and asked(path)[0] == "one"


def test_a_stage_that_an_installed_package_offers(package: Path, tmp_path: Path) -> None:
    (package / "parts.py").write_text(WORDS)
    info = package.parent / "away-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: away\nVersion: 1.0\n")
    offers = f"[voxsmith.stages]\nlower = {package.name}.parts\n[voxsmith.backends]\nlast = toys.llm\n"
    (info / "entry_points.txt").write_text(offers)
    registry._offered.cache_clear()
    path = write_recipe(tmp_path, ["One"], stages__toy_words__stage="lower", engines__llm__backend="last")
    state = open_state(path)
    assert run_inline(state) == {}
    assert texts_of(state, "query_spoken") == ["one"]
    assert "lower" in registry.stage_names() and "last" in registry.backend_names()


def test_an_edit_of_what_the_stage_imports_makes_it_stale(package: Path, tmp_path: Path) -> None:
    (package / "parts.py").write_text(WORDS.replace("def run", "from .helper import shown\n\n\ndef run"))
    (package / "helper.py").write_text("shown = str.lower\n")
    path = write_recipe(tmp_path, ["one"], stages__toy_words__stage=f"{package.name}.parts")
    assert run_inline(open_state(path)) == {}
    assert not open_state(path).ready
    (package / "helper.py").write_text("shown = str.upper\n")
    assert [node for node, _ in open_state(path).ready] == ["toy_words"]


BREAKS = WORDS.replace("class Config", "1 / 0\n\n\nclass Config")
CANT = "stages.toy_words: the stage 'away.parts' can't be imported: "
MISTAKES = [
    (
        None,
        {"stages__toy_words__stage": "nowhere.parts"},
        "stages.toy_words: no stage 'nowhere.parts': there is no package 'nowhere' here: "
        "install it, or put the folder that holds it on PYTHONPATH",
    ),
    (
        None,
        {"stages__toy_words__stage": "toys.wordz"},
        "stages.toy_words: no stage 'toys.wordz': there is no module 'toys.wordz'; did you mean 'toys.words'?",
    ),
    ("x = 1\n", {}, "stages.toy_words: away.parts has no `STAGE = Stage(…)`, so it is no stage"),
    (
        WORDS.replace("    yield\n", ""),
        {},
        "stages.toy_words: away.parts: the function of its STAGE is no generator; "
        "a stage that asks no engine has a `yield` after its return",
    ),
    (BREAKS, {}, CANT + "ZeroDivisionError: division by zero (parts.py, line 7)"),
    ("def run(:\n", {}, CANT + "SyntaxError: invalid syntax (parts.py, line 1)"),
    (
        f"import nowhere_at_all\n{WORDS}",
        {},
        CANT + "ModuleNotFoundError: No module named 'nowhere_at_all' (parts.py, line 1)",
    ),
    (f"{WORDS}\nraise SystemExit(3)\n", {}, CANT + "SystemExit: 3 (parts.py, line 24)"),
    (
        WORDS.replace('lambda config: ("query_spoken",)', '("query_spoken",)'),
        {},
        CANT + "TypeError: writes of the stage 'toy_words' is no function; "
        "write `writes=lambda config: (…,)` (stage.py, line LINE)",
    ),
    (
        WORDS.replace('("query_spoken",)', '("query_spoken")'),
        {},
        "stages.toy_words: its `writes` gives 'query_spoken', not a tuple of columns; write ('name',) for one",
    ),
    (
        WORDS.replace("    run=run,", "    run=run,\n    columns={'mine': Column(str, 'a text', 'label')},").replace(
            "from voxsmith.stages.context", "from voxsmith.schemas.columns import Column\nfrom voxsmith.stages.context"
        ),
        {},
        "stages.toy_words: declares the column 'mine', whose type is <class 'str'>, not an Arrow type such as pa.string()",
    ),
    (
        WORDS.replace('"query_spoken"', '"query_spokn"'),
        {},
        "stages.toy_words: writes 'query_spokn', which is no column; "
        "declare it in the stage's `columns`; did you mean 'query_spoken'?",
    ),
    (
        None,
        {"engines__llm__backend": "toys.lm"},
        "engines.llm.backend: no backend 'toys.lm': there is no module 'toys.lm'; did you mean 'toys.llm'?",
    ),
]


@pytest.mark.parametrize(("text", "changes", "line"), MISTAKES)
def test_a_mistake_in_a_part_is_one_line_before_anything_runs(
    complaint: Complain, text: str | None, changes: dict[str, str], line: str
) -> None:
    said = complaint(text, **({} if text else {"stages__toy_words__stage": "toys.words"}) | changes)
    assert re.sub(r"(stage\.py, line) \d+", r"\1 LINE", said) == f"RECIPE: {line}"
