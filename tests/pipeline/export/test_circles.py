"""Links in a circle, wherever a recipe names a file."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipes import write_recipe
from voxsmith.pipeline.cli import main


@pytest.mark.parametrize(
    "changes",
    [
        {"store": "loop"},
        {"store": "loop/store"},
        {"out": "loop"},
        {"overrides": "loop"},
        {"stages__rewrite": {"engine": "llm", "prompt": "loop"}},
        {"sources__rows__path": "loop"},
    ],
)
def test_links_in_a_circle_are_told_in_a_line(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    path = write_recipe(tmp_path, ["thing"], **changes)
    for verb in ("plan", "run", "export"):
        assert main([verb, path]) == 2, verb
        assert "loop" in (error := capsys.readouterr().err) and error.count("\n") == 1, error


def test_a_word_that_is_also_a_link_in_a_circle_is_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CC0-1.0").symlink_to("CC0-1.0")
    assert main(["plan", write_recipe(tmp_path, ["thing"])]) == 0
