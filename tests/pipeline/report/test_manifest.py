"""A manifest of an export that another version wrote, or that somebody changed: report and publish read it, or tell it in a line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.recipes import finish, write_recipe
from voxsmith.pipeline.cli import main

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def path(tmp_path: Path) -> str:
    finish(path := write_recipe(tmp_path, [f"thing {n}" for n in range(4)]))
    return path


def change(path: str, how: Change) -> Path:
    file = Path(path).parent / "out/toy/manifest.json"
    manifest = json.loads(file.read_bytes())
    how(manifest)
    file.write_text(json.dumps(manifest))
    return file


def both(path: str) -> list[list[str]]:
    return [["report", path], ["publish", path, "--to", str(Path(path).parent / "there")]]


def histogram(manifest: dict[str, Any]) -> Any:
    return next(iter(manifest["statistics"]["histograms"].values()))


@pytest.mark.parametrize(
    ("key", "how"),
    [
        ("counts", lambda manifest: manifest.pop("counts")),
        ("counts.pending", lambda manifest: manifest["counts"].pop("pending")),
        ("counts.rows_out", lambda manifest: manifest["counts"].update(rows_out="6")),
        ("counts.rows_in", lambda manifest: manifest["counts"].update(rows_in=10**400)),
        ("funnel.0.rows_in", lambda manifest: manifest.update(funnel=[{"stage": "sources", "rejects": {}}])),
        ("funnel.0.stage", lambda manifest: manifest["funnel"][0].update(stage=5)),
        ("name", lambda manifest: manifest.update(name=["toy"])),
        ("engines", lambda manifest: manifest.update(engines=["llm"])),
        ("versions", lambda manifest: manifest.pop("versions")),
        ("git_commit", lambda manifest: manifest.update(git_commit=7)),
        ("prompts", lambda manifest: manifest.pop("prompts")),
        ("recipe", lambda manifest: manifest.update(recipe=None)),
        ("recipe.sources", lambda manifest: manifest["recipe"].update(sources=[])),
        ("recipe.export.splits", lambda manifest: manifest["recipe"]["export"].update(splits="train")),
        ("recipe.checks", lambda manifest: manifest["recipe"]["checks"]["query_clip"].update(max_wer="low")),
        ("statistics", lambda manifest: manifest.pop("statistics")),
        ("statistics", lambda manifest: manifest["statistics"]["features"][0].pop("name")),
        ("statistics", lambda manifest: histogram(manifest).update(edges=[])),
        (
            "statistics",
            lambda manifest: histogram(manifest).update(edges=[1] * (len(histogram(manifest)["counts"]) + 1)),
        ),
    ],
)
def test_what_it_lacks_is_told_in_a_line(key: str, how: Change, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = change(path, how)
    page = file.with_name("report.html").read_bytes()
    for command in both(path):
        assert main(command) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert str(file) in line and f": {key}" in line and f"voxsmith export {path}" in line, line
    assert file.with_name("report.html").read_bytes() == page and not file.parents[2].joinpath("there").exists()
    assert main(["export", path]) == 0 and [main(command) for command in both(path)] == [0, 0]


def test_a_run_with_nothing_to_do_reads_its_counts(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = change(path, lambda manifest: manifest.update(counts={"rows_in": 4}))
    assert main(["run", path]) == 1
    assert f"{file} is not as this version writes it: counts." in capsys.readouterr().err


@pytest.mark.parametrize(
    "how",
    [
        lambda manifest: manifest.update(newer={"version": 9}),
        lambda manifest: manifest["counts"].update(newer=3),
        lambda manifest: manifest["statistics"].update(voices={"query": {}}, methods={}),
        lambda manifest: (manifest.pop("checks_applied"), manifest["statistics"].pop("labels")),
    ],
)
def test_keys_of_newer_and_older_versions_are_none_of_its_business(how: Change, path: str) -> None:
    change(path, how)
    assert [main(command) for command in both(path)] == [0, 0]
