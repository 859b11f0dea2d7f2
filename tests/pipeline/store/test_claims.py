"""Claims: of two runs that want a task at most one gets it, however their reads and writes mix; the dead claim nothing."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.s3_server import S3Server
from tests.helpers.waiting import wait_for
from voxsmith.pipeline.plan.gc import collect
from voxsmith.pipeline.store import claims as claims_module
from voxsmith.pipeline.store.claims import Claims
from voxsmith.pipeline.store.liveness import Mark, at_work, marks
from voxsmith.pipeline.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator["Clock"]:
    clock = Clock()
    monkeypatch.setattr(claims_module, "time", clock)
    yield clock


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def mark(name: str, **changes: Any) -> Mark:
    with TemporaryDirectory() as folder, at_work(Store(folder), f"run {name}", ()) as here:
        return replace(here, name=name, **changes)


def come(store: Store, name: str, **changes: Any) -> Claims:
    """A run that has come to the store; its looks are the test's."""
    claims = Claims(store, mark(name, **changes))
    claims._write(frozenset())
    claims._answered.set()
    return claims


def left_by(store: Store, name: str, **changes: Any) -> None:
    """Claims as a process left them."""
    fields = {"process": "process 1 on far", "machine": "far", "pid": 1, "count": 1, "tasks": ["say/1"]} | changes
    store.write_bytes(f"live/{name}.claims", json.dumps(fields).encode())


class Turns(Store):
    """A store whose every read and write of claims waits for its turn, by a given order of the runs."""

    def __init__(self, url: str, order: list[int]) -> None:
        super().__init__(url)
        self.order, self.me = order, threading.local()
        self.condition, self.left = threading.Condition(), set[int]()

    def join(self, number: int) -> None:
        self.me.number = number
        with self.condition:
            self.left.add(number)

    def leave(self) -> None:
        with self.condition:
            self.left.discard(self.me.number)
            self.condition.notify_all()

    def _is_my_turn(self) -> bool:
        while self.order and self.order[0] not in self.left:
            self.order.pop(0)
        return not self.order or self.order[0] == self.me.number

    def _in_turn(self, work: Callable[[], Any]) -> Any:
        if not hasattr(self.me, "number"):
            return work()
        with self.condition:
            self.condition.wait_for(self._is_my_turn)
            value = work()
            if self.order:
                self.order.pop(0)
            self.condition.notify_all()
            return value

    def read_bytes(self, path: str) -> bytes | None:
        return self._in_turn(lambda: Store.read_bytes(self, path))

    def write_bytes(self, path: str, data: Any) -> None:
        self._in_turn(lambda: Store.write_bytes(self, path, data))


@settings(max_examples=60, deadline=None)
@given(
    wanted=st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=2, max_size=3),
    order=st.lists(st.integers(0, 2), max_size=16),
)
def test_no_task_is_given_to_two_however_reads_and_writes_mix(wanted: list[set[int]], order: list[int]) -> None:
    with TemporaryDirectory() as folder:
        store = Turns(folder, list(order))
        runs = [come(store, f"run{number}") for number in range(len(wanted))]
        for run in runs:
            run.look()
        names = [{f"say/{task}" for task in tasks} for tasks in wanted]
        ready = threading.Barrier(len(runs))

        def take(number: int) -> set[str]:
            store.join(number)
            ready.wait()
            try:
                return names[number] - runs[number].take(names[number], ())
            finally:
                store.leave()

        with ThreadPoolExecutor(len(runs)) as pool:
            given_to = list(pool.map(take, range(len(runs))))
        assert sum(map(len, given_to)) == len(set().union(*given_to)), "a task was given to two"
        # What all have left to each other finds somebody as soon as one is there alone.
        for run in runs:
            run.look()
        for number, run in enumerate(runs):
            run.look()
            given_to[number] |= names[number] - run.take(names[number] - given_to[number], given_to[number])
        assert set().union(*given_to) == set().union(*names)
        assert sum(map(len, given_to)) == len(set().union(*names))


def test_a_task_of_another_comes_back_once_it_is_done_or_left(store: Store) -> None:
    first, second = come(store, "a"), come(store, "b")
    first.look(), second.look()
    assert first.take({"say/1", "say/2"}, ()) == set()
    assert second.take({"say/2", "say/3"}, ()) == {"say/2"}
    assert second.others == {"say/1": first_process(first), "say/2": first_process(first)}
    first.hold({"say/1"})
    first.look()
    second.look()
    assert set(second.others) == {"say/1"} and second.take({"say/2"}, {"say/3"}) == set()
    first.look()
    assert set(first.others) == {"say/2", "say/3"}


def first_process(claims: Claims) -> str:
    return f"process {claims._mark.pid} on {claims._mark.host}"


def test_a_process_that_has_ended_here_claims_nothing(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    come(store, "dead", pid=ended.pid)._write(frozenset({"say/1"}))
    ours = come(store, "ours")
    ours.look()
    assert ours.alone and ours.others == {} and ours.take({"say/1"}, ()) == set()
    assert not Path(store.root, "live/dead.claims").exists()


def test_elsewhere_a_process_has_ended_when_its_count_stands_still_while_it_is_watched(
    store: Store, clock: Clock
) -> None:
    left_by(store, "far")
    ours = come(store, "ours")
    for count in range(1, 100):  # it lives as long as it writes, whatever time that takes here
        left_by(store, "far", count=count)
        ours.look()
        clock.now += 50
        assert ours.take({"say/1"}, ()) == {"say/1"}
    clock.now += 86400  # this process was stopped for a day: it watched nothing
    ours.look()
    assert ours.others
    seconds = 0
    while ours.others and seconds < 200:
        clock.now += 1
        seconds += 1
        ours.look()
    assert 40 <= seconds <= 80 and ours.alone
    assert not Path(store.root, "live/far.claims").exists()
    left_by(store, "far", count=100)  # it was only stopped, too
    ours.look()
    assert set(ours.others) == {"say/1"}


def test_a_stopped_run_that_goes_on_says_again_what_it_does(store: Store, clock: Clock) -> None:
    ours, other = come(store, "ours"), come(store, "other")
    other.look(), ours.look()
    ours.take({"say/1"}, ())
    Path(store.root, "live/ours.claims").unlink()
    clock.now += 30
    ours.look(), other.look()
    assert set(other.others) == {"say/1"}


OTHER_WORDS: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"process": "process',
    "no object": b"[]",
    "other keys": b'{"version": 9}',
    "a number for a list": json.dumps({"process": "p", "machine": "m", "pid": 1, "count": 1, "tasks": 3}).encode(),
    "a text for a count": json.dumps({"process": "p", "machine": "m", "pid": 1, "count": "1", "tasks": []}).encode(),
    "no such process": json.dumps({"process": "p", "machine": "m", "pid": -5, "count": 1, "tasks": []}).encode(),
    "a process beyond": json.dumps({"process": "p", "machine": "m", "pid": 10**30, "count": 1, "tasks": []}).encode(),
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("data", OTHER_WORDS.values(), ids=OTHER_WORDS)
def test_claims_in_other_words_are_nobodys(store: Store, data: bytes) -> None:
    store.write_bytes("live/other.claims", data)
    left_by(store, "newer", new=[1], tasks=["say/1", 7])
    ours = come(store, "ours")
    ours.look()
    assert set(ours.others) == {"say/1"}


def test_a_run_without_claims_is_nobody(store: Store) -> None:
    """One of an older version has a mark alone."""
    with at_work(store, "run old", ()):
        ours = come(store, "ours")
        ours.look()
        assert ours.alone and len(marks(store)) == 1


def test_a_run_that_is_alone_writes_one_file_and_none_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = Store.write_bytes
    monkeypatch.setattr(Store, "write_bytes", lambda self, path, data: (written.append(path), write(self, path, data)))
    monkeypatch.setattr(claims_module, "_EVERY", 0.01)
    looks = []
    look = Claims.look
    monkeypatch.setattr(Claims, "look", lambda self: (look(self), looks.append(1)))
    with at_work(store, "run toy", ()) as here, Claims(store, here) as claims:
        wait_for(lambda: len(looks) > 5, "looks")
        assert claims.alone
    assert sorted(written) == [f"live/{here.name}.claims", f"live/{here.name}.json"]
    assert list(Path(store.root, "live").iterdir()) == []


def test_who_comes_waits_until_the_one_that_was_alone_has_said_what_it_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "_EVERY", 0.01)
    monkeypatch.setattr(claims_module, "_ANSWERED_WITHIN", 600.0)
    first = come(store, "first")
    first.look()
    with Claims(store, mark("second")) as second, ThreadPoolExecutor(1) as pool:
        lost = pool.submit(second.take, {"say/1"}, ())
        wait_for(lambda: not second.alone, "the second run's look")
        assert not lost.done()
        first.look()
        assert not first.alone and not lost.done()
        first.hold({"say/1"})
        assert lost.result() == {"say/1"}


def test_who_never_answers_is_not_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "_ANSWERED_WITHIN", 0.1)
    left_by(store, "far")
    with Claims(store, mark("ours")) as ours:
        wait_for(lambda: not ours.alone, "a look")
        assert ours.take({"say/1", "say/2"}, ()) == {"say/1"}


def test_a_store_that_fails_holds_nobody_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = come(store, "first"), come(store, "second")
    second.look()
    first.look()
    first.take({"say/1"}, ())
    with failing(monkeypatch):
        assert second.take({"say/2", "say/3"}, ()) == set()
        with pytest.raises(OSError):
            second.look()
    second.look()
    assert set(second.others) == {"say/1"}
    first.look()
    assert set(first.others) == {"say/2", "say/3"}


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fails(*_: Any) -> None:
        raise OSError("503 Slow Down")

    with monkeypatch.context() as patched:
        for name in ("write_bytes", "read_bytes", "listed"):
            patched.setattr(Store, name, fails)
        yield


def test_gc_takes_the_claims_of_the_dead_with_their_marks(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with at_work(store, "run toy", ()) as here:
        fields = json.loads(store.read_bytes(f"live/{here.name}.json") or b"")
    store.write_json("live/toy-dead.json", fields | {"pid": ended.pid})
    left_by(store, "toy-dead", pid=ended.pid)
    collect(store, True)
    assert len(list(Path(store.root, "live").iterdir())) == 2
    collect(store, False)
    assert list(Path(store.root, "live").iterdir()) == []


def test_on_an_object_store() -> None:
    with S3Server() as server:
        store = Store(server.url("claims"))
        first, second = come(store, "first"), come(store, "second")
        first.look(), second.look()
        assert first.take({"say/1"}, ()) == set() and second.take({"say/1", "say/2"}, ()) == {"say/1"}
        with at_work(store, "run toy", ()) as here, Claims(store, here):
            assert len(marks(store)) == 1
        assert {info.base_name for info in store.listed("live")} == {"first.claims", "second.claims"}


def test_what_is_written_while_it_is_read_stays_claimed(store: Store, clock: Clock) -> None:
    """An object store's client asks for the length first: of a file that has grown meanwhile it gets a part."""
    left_by(store, "far")
    ours = come(store, "ours")
    ours.look()
    path = Path(store.root, "live/far.claims")
    path.write_bytes(path.read_bytes()[:-9])
    ours.look()
    assert ours.take({"say/1"}, ()) == {"say/1"}
    for _ in range(100):  # it is never whole again
        clock.now += 1
        ours.look()
    assert ours.alone and not path.exists()
