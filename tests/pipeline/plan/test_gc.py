"""gc: what a run uses or may come to use stays, whatever clocks say; the rest goes."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.helpers.recipes import asked, digests_of, open_state, run_inline, start_cli, write_recipe
from tests.helpers.s3_server import S3Server
from tests.helpers.waiting import Gate, rest_of, wait_for
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.look_back.diff import compare_runs
from voxsmith.pipeline.look_back.past import open_run
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.gc import Collected, _delete, collect
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.store.liveness import GC, at_work, is_gone, marks
from voxsmith.pipeline.store.store import Store

TEXTS = [*(f"tell me about thing number {n}" for n in range(18)), "a bad one"]
LOUD = {"stages__toy_shout__engine": "llm", "stages__toy_shout__style": "loud"}
NEVER = timedelta(0)


def finish(path: str, status: str = "done", **how) -> State:
    """What `run` does, without Ray and without the dataset."""
    state = open_state(path, **how)
    pending = run_inline(state)
    assert bool(pending) == (status == "pending")
    manifests.write_run(state, manifests.new_run(state), manifests.now(), status, how.get("limit"))
    return state


def age(folder: Path, days: float) -> None:
    """What the files look like where a clock jumped: as old as that (or, below zero, of the future)."""
    then = time.time() - 86400 * days
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, (then, then))


def objects(store: Store) -> set[str]:
    return set(digests_of(Path(store.root) / "objects", "**/*"))


@pytest.fixture
def full(tmp_path: Path) -> Store:
    """A store with an old corpus, a new one that the latest run uses, and nothing in common but the sources."""
    finish(write_recipe(tmp_path, TEXTS))
    finish(write_recipe(tmp_path, TEXTS, **LOUD))
    asked(str(tmp_path / "toy.yaml"))
    return Store(str(tmp_path / "store"))


def test_what_the_latest_runs_use_stays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    finish(path)
    store = Store(str(tmp_path / "store"))
    assert collect(store, False, NEVER).files == 0
    finish(path, limit=4)  # a pilot does not make the full run's objects superfluous
    assert collect(store, True, NEVER).files == 0
    changed = write_recipe(tmp_path, TEXTS, **LOUD)
    finish(changed)
    before = objects(store)
    assert main(["gc", changed, "--dry-run", "--grace", "0"]) == 0
    assert "would be deleted" in capsys.readouterr().out and objects(store) == before
    would = collect(store, True, NEVER).files
    assert main(["gc", changed, "--grace", "0"]) == 0
    assert f"{would} files" in capsys.readouterr().out and len(before) - len(objects(store)) == would > 0
    assert not open_state(changed).ready
    assert open_state(write_recipe(tmp_path, TEXTS)).ready


def test_what_is_young_stays(capsys: pytest.CaptureFixture[str], full: Store) -> None:
    recipe = str(Path(full.root).parent / "toy.yaml")
    before = objects(full)
    assert main(["gc", recipe]) == 0
    out = capsys.readouterr().out
    assert "0 files" in out and "younger than 24 hours" in out and objects(full) == before
    age(Path(full.root), -3)  # a clock that was set back: files of the future are young
    assert collect(full, False).files == 0
    age(Path(full.root), 3)
    assert collect(full, False).files == len(before) - len(objects(full)) > 0


def test_a_bad_grace_is_refused(full: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["gc", str(Path(full.root).parent / "toy.yaml"), "--grace", "-1"])
    assert end.value.code == 2 and "--grace" in capsys.readouterr().err


def test_what_a_killed_process_was_writing_goes(full: Store) -> None:
    collect(full, False, NEVER)
    left = Path(full.root) / "objects" / "toy_shout" / f"{'ab' * 16}.arrow.1234abcd.tmp"
    left.write_bytes(b"half")
    assert collect(full, False).files == 0
    assert collect(full, False, NEVER).files == 1 and not left.exists()


def test_folders_of_a_live_run_are_left_alone(capsys: pytest.CaptureFixture[str], full: Store) -> None:
    recipe = str(Path(full.root).parent / "toy.yaml")
    before = objects(full)
    age(Path(full.root), 1000)
    with at_work(full, "run toy", ["toy_shout", "source.rows"], every=0.1):
        age(Path(full.root) / "live", 1000)
        assert main(["gc", recipe, "--grace", "0"]) == 0
        out = capsys.readouterr().out
        assert f"run toy (process {os.getpid()} on " in out and "left alone" in out
    gone = before - objects(full)
    assert gone and {name.split("/")[0] for name in gone} == {"toy_count", "toy_words"}
    assert marks(full) == []
    assert collect(full, False, NEVER).files > 0


def test_a_killed_run_on_this_machine_is_known_to_be_gone(full: Store) -> None:
    script = (
        "import os, sys; from voxsmith.pipeline.store.store import Store; from voxsmith.pipeline.store.liveness import at_work\n"
        "with at_work(Store(sys.argv[1]), 'run toy', ['toy_shout', 'toy_count', 'toy_words']):\n"
        "    print('on', flush=True); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, full.root], capture_output=True, check=False)
    assert len(marks(full)) == 1
    assert collect(full, True, NEVER).files > 0 and len(marks(full)) == 1, "a dry run only tells"
    collected = collect(full, False, NEVER)
    assert collected.files > 0 and collected.at_work == [] and marks(full) == []


@contextmanager
def elsewhere(store: Store, every: float = 0.1):
    """A run on another machine, whose process can't be asked."""
    with at_work(store, "run toy", ["toy_shout"], every) as mark:
        path = Path(store.root) / "live" / f"{mark.name}.json"
        mark_now = json.loads(path.read_text()) | {"machine": "another", "pid": 2**22 + 1}
        yield path, mark_now


def test_a_run_elsewhere_is_gone_only_when_it_is_old_and_still(full: Store) -> None:
    with elsewhere(full, every=3600) as (path, mark_now):
        path.write_text(json.dumps(mark_now | {"every": 0.1}))
        (mark,) = marks(full)
        assert mark.written is not None
        now = datetime.now(UTC)
        assert not is_gone(full, mark, now), "young"
        assert not is_gone(full, mark, now - timedelta(days=9)), "of the future"
        assert is_gone(full, mark, now + timedelta(days=2)), "a day old, and it doesn't move"

        path.write_text(json.dumps(mark_now | {"every": 5}))  # watched for 15 s, of which a beat ends the first
        (mark,), watched = marks(full), threading.Event()

        def beats() -> None:
            for beat in itertools.takewhile(lambda _: not watched.wait(0.05), itertools.count(1)):
                full.write_json(f"live/{path.name}", mark_now | {"every": 5, "beat": beat})

        beating = threading.Thread(target=beats)
        beating.start()
        assert not is_gone(full, mark, now + timedelta(days=900)), "a clock that jumped: it is old, but it moves"
        watched.set()
        beating.join()


def test_a_mark_is_renewed_and_taken_away(full: Store) -> None:
    with at_work(full, "run toy", ["b", "a"], every=0.02) as own:
        (first,) = marks(full)
        assert first.name == own.name and first.folders == ("a", "b")
        wait_for(lambda: marks(full)[0].beat >= 3, "the third beat")
    assert marks(full) == []


def test_a_mark_is_renewed_after_a_bad_minute(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of object stores have errors of their own, which aren't all OSError."""

    failed = threading.Event()

    def fail(path: str, data: bytes) -> None:
        failed.set()
        raise RuntimeError("no reply")

    with at_work(full, "run toy", (), every=0.02):
        written = full.write_bytes
        monkeypatch.setattr(full, "write_bytes", fail)
        wait_for(failed.is_set, "a beat that fails")
        monkeypatch.setattr(full, "write_bytes", written)
        before = marks(full)[0].beat
        wait_for(lambda: marks(full)[0].beat > before, "a beat after the one that failed")


def test_gc_and_a_run_that_begin_at_once_see_each_other(full: Store) -> None:
    """The run waits for gc; gc, which decided before the run was there, deletes nothing more."""
    infos = full.listed("objects/toy_shout")
    began, ended = threading.Event(), []

    def run() -> None:
        with at_work(full, "run toy", ["toy_shout"]):
            ended.append(gc_over.is_set())
        began.set()

    gc_over = threading.Event()
    with at_work(full, GC, ()) as own:
        runner = threading.Thread(target=run)
        runner.start()
        wait_for(lambda: len(marks(full)) == 2, "the run's mark")
        collected = Collected()
        _delete(full, own, infos, set(), collected)
        assert collected.files == 0 and "run toy" in collected.stopped_by
        assert not began.wait(0.5), "a run that doesn't wait has time to show it"
        gc_over.set()
    runner.join()
    assert ended == [True]
    assert {info.base_name for info in full.listed("objects/toy_shout")} == {info.base_name for info in infos}


def test_replies_of_a_run_with_pending_rows_stay(tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.touch()
    texts = [text for n in range(9) for text in (TEXTS[n], f"down now {n}")]
    path = write_recipe(tmp_path, texts, engines__llm__down=str(down))
    finish(path, "pending")
    store = Store(str(tmp_path / "store"))
    asked(path)
    assert store.partials("toy_shout")
    age(tmp_path / "store", 9)
    assert collect(store, False, NEVER).files == 0
    down.unlink()
    finish(path)
    once = [line for line in asked(path) if not line.startswith("count")]
    assert set(once) == {f"down now {n}" for n in range(9)}
    collect(store, False, NEVER)
    assert not store.partials("toy_shout"), "finished: its replies are in objects"


def test_what_a_killed_run_has_made_stays(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path)
    manifests.write_run(state, manifests.new_run(state), manifests.now(), "running")  # all that a killed run leaves
    run_inline(state)
    store, before = state.store, objects(state.store)
    assert collect(store, False, NEVER).files == 0 and objects(store) == before


def test_the_latest_run_is_the_last_one_whatever_the_clock_said(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(state)
    manifests.write_run(
        state, "toy-20991231T235959", "2099-12-31T23:59:59+00:00", "done"
    )  # the clock was wrong, then set
    changed = write_recipe(tmp_path, TEXTS, **LOUD)
    finish(changed)
    assert manifests.run_names(state.store, "toy") == ["toy-20991231T235959", "toy-20991231T235959-2"]
    assert collect(state.store, False, NEVER).files > 0
    assert not open_state(changed).ready


def test_going_back_to_an_earlier_recipe_makes_that_the_latest(capsys: pytest.CaptureFixture[str], full: Store) -> None:
    path = write_recipe(Path(full.root).parent, TEXTS)
    assert main(["run", path]) == 0  # nothing to run, but from now on this is what is used
    assert len(manifests.run_names(full, "toy")) == 3
    assert main(["run", path]) == 0
    assert len(manifests.run_names(full, "toy")) == 3
    assert collect(full, False, NEVER).files > 0
    assert not open_state(path).ready
    assert asked(path) == []


@pytest.mark.heavy
def test_on_an_object_store(tmp_path: Path) -> None:
    """The same by listings and times of S3's protocol, and what changed told from there."""
    with S3Server() as server:
        store = Store(server.url("gc"))
        finish(write_recipe(tmp_path, TEXTS[:9], store=store.url))
        changed = write_recipe(tmp_path, TEXTS[:9], store=store.url, **LOUD)
        finish(changed)
        before, after = (open_run(store, "toy", name) for name in ("previous", "last"))
        assert compare_runs(store, before, after, 2).counts == {"same": 0, "changed": 9, "came": 0, "went": 0}
        young = collect(store, False)
        assert young.files == 0 and young.young > 0
        with at_work(store, "run toy", ["toy_shout", "toy_count", "toy_words"]):
            assert collect(store, False, NEVER).files == 0
        assert collect(store, False, NEVER).files == young.young
        assert marks(store) == [] and not open_state(changed).ready


@pytest.mark.heavy
def test_gc_while_a_run_is_on(tmp_path: Path) -> None:
    """A real run on Ray; its files look years old; then nothing was recomputed, nor is an older recipe's work gone."""
    path = write_recipe(tmp_path, TEXTS)
    gate = Gate(tmp_path, objects=2, pattern="toy_shout/*.json")
    process = start_cli("run", path, *gate.closed)
    store = Store(str(tmp_path / "store"))
    gate.wait(process)
    collections = 0
    while process.poll() is None and collections < 10:
        if collections == 5:  # the first with the run at rest, the others while it works
            gate.file.unlink(missing_ok=True)
        age(tmp_path / "store" / "objects", 4000)
        collected = collect(store, False, NEVER)
        if process.poll() is None and collected.at_work:
            assert collected.files == 0 and "run toy" in collected.at_work[0]
            collections += 1
        time.sleep(0.05)
    output = rest_of(process)
    assert process.returncode == 0, output
    assert collections >= 5
    lines = asked(path)
    assert len(lines) == len(set(lines)) == len(TEXTS) + 2 * (len(TEXTS) - 1)
    assert marks(store) == []
