"""A store says which layout it has, and one that this Voxsmith doesn't know is refused instead of misread."""

import json
from pathlib import Path

import pytest

from tests.helpers.recipes import digests_of, open_state, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.store.store import SCHEMA_VERSION

TEXTS = [f"thing number {n}" for n in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A recipe whose run is finished, in a store that says what it is."""
    path = write_recipe(tmp_path, TEXTS)
    run_inline(open_state(path))
    assert main(["run", path]) == 0
    return path


def mark(path: str) -> Path:
    return Path(path).parent / "store" / "store.json"


def refusal(capsys: pytest.CaptureFixture[str], path: str, *verb: str) -> str:
    capsys.readouterr()
    before = digests_of(mark(path).parent, "**/*")
    assert main([verb[0], path, *verb[1:]]) == 2
    assert digests_of(mark(path).parent, "**/*") == before, "a store that is refused is left as it is"
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_first_use_writes_it_and_looking_does_not(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    assert main(["plan", path]) == main(["status", path]) == 0
    assert not (tmp_path / "store").exists()
    run_inline(open_state(path))
    assert main(["run", path]) == 0
    assert json.loads(mark(path).read_text())["schema"] == SCHEMA_VERSION
    assert json.loads(mark(path).read_text())["made_by"].startswith("voxsmith")


def test_a_store_from_before_there_was_the_file_is_refused(capsys: pytest.CaptureFixture[str], path: str) -> None:
    mark(path).unlink()
    assert "made by an older Voxsmith" in refusal(capsys, path, "run")


@pytest.mark.parametrize("verb", [("plan",), ("run",), ("status",), ("export",), ("gc",), ("gc", "--dry-run")])
def test_a_newer_store_is_refused(capsys: pytest.CaptureFixture[str], path: str, verb: tuple[str, ...]) -> None:
    mark(path).write_text(json.dumps({"schema": SCHEMA_VERSION + 1, "made_by": "voxsmith 9.1"}))
    line = refusal(capsys, path, *verb)
    assert "made by a newer Voxsmith (voxsmith 9.1)" in line
    assert f"layout {SCHEMA_VERSION + 1}" in line and "update Voxsmith" in line and "--set store=" in line


def test_a_store_too_old_to_read_is_refused_with_the_way_on(capsys: pytest.CaptureFixture[str], path: str) -> None:
    mark(path).write_text(json.dumps({"schema": 0, "made_by": "voxsmith 0.0.1"}))
    line = refusal(capsys, path, "run")
    assert "made by an older Voxsmith (voxsmith 0.0.1)" in line
    assert "--set store=" in line


@pytest.mark.parametrize("text", ["{}", "[1]", '{"schema": "1"}', '{"schema": true}', "", "half {"])
def test_a_file_that_says_nothing_is_not_taken_for_a_store(
    capsys: pytest.CaptureFixture[str], path: str, text: str
) -> None:
    mark(path).write_text(text)
    assert "is not that of a Voxsmith store" in refusal(capsys, path, "run")
