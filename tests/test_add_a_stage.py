"""The stage that ARCHITECTURE.md tells a newcomer to write works as it stands there."""

import re
from pathlib import Path

import pytest

import stages.registry as registry
from tests.helpers.recipes import open_state, run_inline, texts_of, write_recipe

PAGE = Path(__file__).parent.parent / "ARCHITECTURE.md"


def test_the_example_runs(toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert example is not None
    (tmp_path / "title_from_the_page.py").write_text(example[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.STAGES, "title", "title_from_the_page")
    path = write_recipe(tmp_path / "run", ["first thing", "second " * 20], stages__title__engine="llm")
    state = open_state(path)
    assert run_inline(state) == {}
    titles = texts_of(state, "query_heard")
    assert titles[0] == "TITLE: FIRST THING"
    assert titles[1] is None
