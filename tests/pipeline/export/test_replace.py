"""One export in the place of another: killed anywhere, beside readers, and two at once."""

import json
import logging
import os
import pickle
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.helpers.recipes import digests_of, finish, open_state, run_cli, run_inline, start_cli, write_recipe
from tests.helpers.waiting import rest_of, wait_for
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.report import outputs
from voxsmith.pipeline.report.outputs import export_state, is_exported

TEXTS = [f"thing {n}" for n in range(12)]
STEPS = ("rename", "replace", "unlink", "rmdir", "mkdir")  # of `os`


class Killed(BaseException):
    """Nobody catches it."""


def killed_at(step: int, call: Callable[[], Any]) -> bool:
    """Call it, and end it at its `step`th change of names, as a kill would; whether it came that far."""
    steps = count()
    genuine = {name: getattr(os, name) for name in STEPS}

    def change(name: str, *arguments: Any, **options: Any) -> Any:
        if next(steps) >= step:
            raise Killed
        return genuine[name](*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, lambda *arguments, name=name, **options: change(name, *arguments, **options))
        try:
            call()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("before", [None, TEXTS[:6]], ids=["the first", "the second"])
def test_killed_at_each_step_the_same_command_repairs_it(before: list[str] | None, tmp_path: Path) -> None:
    recipes = {}
    for texts in (TEXTS, before or TEXTS[:6]):
        splits = {"train": 0.5, "test": 0.5} if texts != TEXTS else {}
        recipes[len(texts)] = write_recipe(tmp_path / f"{len(texts)}", texts, export__splits=splits)
        finish(recipes[len(texts)])
    wanted = digests_of(tmp_path / "12/out/toy")
    for step in count():
        out, folder = [f"out={tmp_path / str(step)}"], tmp_path / f"{step}/toy"
        if before:  # the files themselves, under second names, with their times
            shutil.copytree(tmp_path / "6/out/toy", folder, copy_function=os.link)
        state = open_state(recipes[12], overrides=out)
        was_killed = killed_at(step, lambda state=state: export_state(state))  # type: ignore[misc]
        if (folder / "manifest.json").exists():
            counts = json.loads((folder / "manifest.json").read_bytes())["counts"]
            rows = datasets.load_from_disk(str(folder / "dataset")).num_rows
            assert counts["rows_out"] == (rows if isinstance(rows, int) else sum(rows.values())), (
                "it tells of what is there"
            )
        for verb in ("plan", "export"):
            assert main([verb, recipes[12], "--set", *out]) == 0, step
        assert is_exported(state) and digests_of(folder) == wanted
        assert {file.name for file in folder.iterdir()} == {
            *("dataset", "rejects", "README.md", "report.html", "manifest.json", ".exported.json", ".pieces", ".lock")
        }
        if not was_killed:
            break
    assert step > 20


@pytest.mark.parametrize("step", range(12))
def test_a_report_that_is_killed_is_written_again(step: int, tmp_path: Path) -> None:
    finish(path := write_recipe(tmp_path, TEXTS))
    killed_at(step, lambda: api.report(path))
    assert main(["report", path]) == 0
    names = {file.name for file in (tmp_path / "out/toy").iterdir()}
    assert "report.html" in names and not {"report.kept.html", ".writing"} & names


@pytest.mark.heavy
def test_sixty_exports_that_are_killed(tmp_path: Path) -> None:
    """By SIGKILL, at random moments, of two recipes in turn."""
    draw = random.Random(13)
    finish(write_recipe(tmp_path, TEXTS))
    finish(write_recipe(tmp_path, TEXTS[:6]))
    started = time.monotonic()
    assert run_cli("export", str(tmp_path / "toy.yaml"))[0] == 0
    takes = time.monotonic() - started
    for turn in range(60):
        path = write_recipe(tmp_path, TEXTS[: 6 + 6 * (turn % 2)])
        process = start_cli("export", path)
        time.sleep(takes * draw.uniform(0.3, 1.1))
        os.killpg(process.pid, signal.SIGKILL)
        rest_of(process)
    assert run_cli("export", path) == (0, rest_after(tmp_path))
    assert len(datasets.load_from_disk(str(tmp_path / "out/toy/dataset"))) == 12
    assert not list((tmp_path / "out/toy").glob("*.kept*")) and not (tmp_path / "out/toy/.writing").exists()


def rest_after(folder: Path) -> str:
    out = folder / "out/toy"
    return f"12 rows in, 12 rows out, 0 rejects, 0 pending\ndataset  {out}/dataset\nreport   {out}/report.html\n"


# -- beside others ----------------------------------------------------------------------------------------------------


class HeldExport(threading.Thread):
    """An export of the recipe that stops before it takes the place of the one before, until it is let go."""

    def __init__(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(daemon=True)
        self.state = open_state(path)
        run_inline(self.state)
        self.is_held, self.may_go = threading.Event(), threading.Event()
        replace = outputs.replace

        def held(*arguments: Any) -> None:
            self.is_held.set()
            assert self.may_go.wait(60)
            replace(*arguments)

        monkeypatch.setattr(outputs, "replace", held)
        self.start()
        assert self.is_held.wait(60)

    def run(self) -> None:
        export_state(self.state)

    def let_go(self) -> None:
        self.may_go.set()
        self.join(60)
        assert not self.is_alive()


def test_a_report_waits_for_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finish(write_recipe(tmp_path, TEXTS[:6]))
    export = HeldExport(path := write_recipe(tmp_path, TEXTS), monkeypatch)
    pages: list[str] = []
    report = threading.Thread(target=lambda: pages.append(api.report(path).read_text()), daemon=True)
    report.start()
    wait_for(lambda: "another process is writing there" in caplog.text, "a report that waits")
    assert not pages
    export.let_go()
    report.join(60)
    assert "12 rows came in" in pages[0]


def test_while_an_export_is_written_the_one_before_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has opened it goes on reading it, also where it is opened once more under its files' names by a worker process."""
    finish(write_recipe(tmp_path, TEXTS[:6]))
    folder = tmp_path / "out/toy"
    opened = datasets.load_from_disk(str(folder / "dataset"))
    export = HeldExport(write_recipe(tmp_path, TEXTS), monkeypatch)
    assert datasets.load_from_disk(str(folder / "dataset"))["instruction"][:] == TEXTS[:6]
    assert pickle.loads(pickle.dumps(opened))["instruction"][:] == TEXTS[:6]
    assert main(["publish", str(tmp_path / "toy.yaml"), "--to", str(tmp_path / "there")]) == 0
    export.let_go()
    assert opened["instruction"][:] == TEXTS[:6], "its files are open"
    assert datasets.load_from_disk(str(folder / "dataset"))["instruction"][:] == TEXTS


def test_who_looks_while_exports_replace_each_other_always_finds_one(tmp_path: Path) -> None:
    finish(write_recipe(tmp_path, TEXTS[:6]))
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path)
    run_inline(state)
    exports = threading.Thread(target=lambda: [export_state(state) for _ in range(12)], daemon=True)
    exports.start()
    pages = []
    while exports.is_alive():
        assert api.plan(path).is_done
        pages.append(api.report(path).read_text())
    assert {"6 rows came in" in page or "12 rows came in" in page for page in pages} == {True}
    assert not list((tmp_path / "out/toy").glob("*.kept*"))


def test_two_exports_at_once(tmp_path: Path) -> None:
    """Of recipes that differ, in processes of their own: one waits for the other, and what is there is of one of them."""
    finish(write_recipe(tmp_path, TEXTS[:6]))
    finish(write_recipe(tmp_path, TEXTS))
    for texts in (TEXTS[:6], TEXTS):
        (tmp_path / f"{len(texts)}").mkdir()
        path = Path(write_recipe(tmp_path / f"{len(texts)}", texts, store=str(tmp_path / "store")))
        path.write_text(path.read_text().replace(str(path.parent / "out"), str(tmp_path / "out")))
    both = [start_cli("export", str(tmp_path / f"{rows}/toy.yaml")) for rows in (6, 12)]
    for process in both:
        output = rest_of(process)
        assert process.returncode == 0, output
    rows = len(datasets.load_from_disk(str(tmp_path / "out/toy/dataset")))
    assert rows in (6, 12) and f"{rows} rows came in" in (tmp_path / "out/toy/report.html").read_text()


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
