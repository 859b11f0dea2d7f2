"""kill -9 in the middle of `gc`, and of writing what runs leave: nothing is lost, and nothing stays behind."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.helpers.dying import half_written, inline, kill_at, points, spread
from tests.helpers.recipes import asked, digests_of, finish, open_state, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan.gc import collect
from voxsmith.pipeline.run import executor
from voxsmith.pipeline.store.liveness import at_work, marks
from voxsmith.pipeline.store.store import Store

TEXTS = [*(f"tell me about thing number {n}" for n in range(18)), "a bad one"]
LOUD = {"stages__toy_shout__engine": "llm", "stages__toy_shout__style": "loud"}
KILLS = [6, pytest.param(60, marks=pytest.mark.heavy)]
COLLECT = ("gc", "--grace", "0")


def assert_whole(store: Path) -> None:
    """Every commit has its table."""
    for commit in store.glob("objects/*/*.json"):
        assert commit.with_suffix(".arrow").is_file(), commit


@pytest.mark.parametrize("kills", KILLS)
def test_kill_9_in_gc(tmp_path: Path, kills: int) -> None:
    finish(write_recipe(tmp_path, TEXTS))
    path = write_recipe(tmp_path, TEXTS, **LOUD)
    finish(path)
    asked(path)
    store, full = tmp_path / "store", tmp_path / "full"
    shutil.copytree(store, full)
    count = points("objects/|live/", *COLLECT, path)
    collected = digests_of(store, "**/*")
    assert len(collected) < len(digests_of(full, "**/*")) and not half_written(store)
    for point in spread(count, kills):
        shutil.rmtree(store)
        shutil.copytree(full, store)
        kill_at(point, "objects/|live/", *COLLECT, path)
        left = digests_of(store, "**/*")
        assert left.items() >= collected.items(), f"what is needed is gone after a kill at {point}"
        assert_whole(store)
        assert not open_state(path).ready
        with at_work(Store(str(store)), "run toy", ()) as mark:  # a run isn't held up by the mark of a dead gc
            assert [one.name for one in marks(Store(str(store)))] == [mark.name]
        assert main([*COLLECT, path]) == 0
        assert digests_of(store, "**/*") == collected, f"something stays behind after a kill at {point}"
    assert asked(path) == []


def corpus(out: Path) -> list[dict[str, str]]:
    """What was exported: dataset and rejects."""
    parts = [digests_of(out / "toy" / part) for part in ("dataset", "rejects")]
    assert all(parts)
    return parts


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` works in this process."""
    monkeypatch.setattr(executor, "execute", inline)


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize("kills", KILLS)
def test_kill_9_while_a_run_leaves_its_manifest(tmp_path: Path, kills: int) -> None:
    """Killed at points of writing manifest, heartbeat and mark: in the first run, and in one over another's objects."""
    first, out = tmp_path / "first", tmp_path / "out"
    where, run = "/(runs|live)/", ("run", "--progress", "off")
    path = write_recipe(tmp_path, TEXTS)
    empty, store = tmp_path / "empty", tmp_path / "store"
    empty.mkdir()
    count = points(where, *run, path)
    whole, once = corpus(out), sorted(asked(path))
    shutil.copytree(store, first)
    write_recipe(tmp_path, TEXTS, **LOUD)
    again = points(where, *run, path)
    whole_again, once_again = corpus(out), sorted(asked(path))

    each = {"first": (empty, {}, count, whole, once), "again": (first, LOUD, again, whole_again, once_again)}
    for name, (before, changes, number, bytes_of, requests) in each.items():
        write_recipe(tmp_path, TEXTS, **changes)
        for point in spread(number, kills // 2):
            shutil.rmtree(store)
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(before, store)
            kill_at(point, where, *run, path)
            assert_whole(store)
            assert main(["status", path]) == main(["plan", path]) == 0
            assert main([*COLLECT, path]) == 0, "no mark of the dead is in the way"
            assert not half_written(store) and not list(store.glob("live/*")), f"{name}: killed at {point}"
            assert all((folder / "manifest.json").is_file() for folder in store.glob("runs/*"))
            assert main([*run, path]) == 0
            assert corpus(out) == bytes_of and sorted(asked(path)) == requests, f"{name}: killed at {point}"
            assert main([*COLLECT, path]) == main(["diff", path, "last", "last"]) == 0
            assert not half_written(store) and not list(store.glob("live/*"))
            assert not open_state(path).ready
            manifests = [json.loads(file.read_bytes()) for file in sorted(store.glob("runs/*/manifest.json"))]
            assert manifests[-1]["status"] == "done"


def test_a_folder_of_a_run_that_left_nothing_goes(tmp_path: Path) -> None:
    """It was killed before its first manifest had its name; `last` is the run before it."""
    path = write_recipe(tmp_path, TEXTS[:4])
    finish(path)
    cut = tmp_path / "store/runs/toy-20991231T000000"
    cut.mkdir()
    (cut / "manifest.json.1234abcd.tmp").write_bytes(b"{")
    assert main(["diff", path, "last", "last"]) == main(["status", path]) == 0
    store = Store(str(tmp_path / "store"))
    assert collect(store, True).young == 1
    with at_work(store, "run other", ()):
        assert collect(store, False).files == 0 and cut.exists(), "it may be that run's"
    assert collect(store, False).young == 1 and cut.exists(), "it is young"
    assert collect(store, False, timedelta(0)).files == 1 and not cut.exists()
