"""The stage that ARCHITECTURE.md tells a newcomer to write works as it stands there."""

import re
from pathlib import Path

import pytest

from tests.helpers.recipes import open_state, run_inline, texts_of, write_recipe

PAGE = Path(__file__).parent.parent / "ARCHITECTURE.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert example is not None
    package = tmp_path / "from_the_page"
    package.mkdir()
    (package / "title.py").write_text(example[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    title = {"stage": "from_the_page.title", "engine": "llm"}
    state = open_state(write_recipe(tmp_path / "run", ["first thing", "second " * 20], stages__title=title))
    assert run_inline(state) == {}
    titles = texts_of(state, "query_title")
    assert titles[0] == "TITLE: FIRST THING"
    assert titles[1] is None


def test_it_is_tried_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page says: with the engine that needs none, and no row is lost to the example's own check."""
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert example is not None
    (tmp_path / "tried").mkdir()
    (tmp_path / "tried" / "title.py").write_text(example[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write_recipe(
        tmp_path / "run",
        [f"thing number {n}" for n in range(6)],
        engines={"llm": {"backend": "llm_null"}},
        stages__title={"stage": "tried.title", "engine": "llm"},
    )
    state = open_state(path)
    assert run_inline(state) == {}
    assert None not in texts_of(state, "query_title")
