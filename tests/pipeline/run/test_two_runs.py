"""Runs at once on one store share out the work, and go on alone when the other dies."""

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.recipes import TEXTS, asked, digests_of, open_state, run_cli, run_inline, start_cli, write_recipe
from tests.helpers.spoken import write_spoken_recipe
from tests.helpers.waiting import Gate, rest_of, wait_for
from tests.pipeline.store.test_claims import come
from voxsmith.pipeline.api.opened import load, open_recipe
from voxsmith.pipeline.plan.state import WHOLE, State, Task
from voxsmith.pipeline.run.sharing import Sharing
from voxsmith.pipeline.run.worker import Worker
from voxsmith.pipeline.store import claims as claims_module

REQUESTS = 3 * len(TEXTS)  # of one run: one to shout and two to count for each text
A_TASK = 2 * 8  # most requests of one: two for each of eight rows


def both_at_work(folder: Path, runs: "list[subprocess.Popen[str]]") -> None:
    """Waits until each of the runs says that it works on something."""

    def working() -> int:
        files = [file.read_text() for file in (folder / "store" / "live").glob("*.claims")]
        return sum(bool(json.loads(text or "{}").get("tasks")) for text in files)

    wait_for(lambda: working() >= len(runs), "tasks of every run", runs[0])


def start(path: str, name: str, *more: str) -> "subprocess.Popen[str]":
    return start_cli("run", path, "--set", f"out={Path(path).parent}/{name}", "--progress", "plain", *more)


@pytest.mark.usefixtures("one_ray")
def test_two_runs_share_out_the_work(undisturbed: dict[str, str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    gate = Gate(tmp_path, objects=0)
    runs = [start(path, name, *gate.closed) for name in "ab"]
    both_at_work(tmp_path, runs)
    gate.open()
    for run in runs:
        output = rest_of(run)
        assert run.returncode == 0, output
    assert digests_of(tmp_path / "a") == digests_of(tmp_path / "b") == undisturbed
    counts = Counter(asked(path))
    assert len(counts) == REQUESTS and sum(counts.values()) <= REQUESTS + A_TASK, counts.most_common(3)
    assert list((tmp_path / "store" / "live").iterdir()) == []
    manifests = [json.loads(file.read_text()) for file in tmp_path.glob("store/runs/*/manifest.json")]
    assert manifests[0]["keys"] == manifests[1]["keys"]
    worked = [sum(stage["tasks"] for stage in one["work"]["stages"].values()) for one in manifests]
    assert all(worked) and sum(worked) < 1.5 * sum(map(len, manifests[0]["keys"].values()))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.usefixtures("one_ray")
def test_what_a_run_that_ends_worked_on_is_taken_over(
    undisturbed: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    path = write_recipe(tmp_path, TEXTS)
    gate = Gate(tmp_path, objects=0)
    runs = [start(path, name, *gate.closed) for name in "ab"]
    both_at_work(tmp_path, runs)
    os.kill(runs[0].pid, number)
    if number == signal.SIGTERM:
        gate.open()
    output = rest_of(runs[0])
    assert runs[0].returncode == (130 if number == signal.SIGTERM else -number), output
    if number == signal.SIGKILL:
        gate.open()
    output = rest_of(runs[1])
    assert runs[1].returncode == 0, output
    assert digests_of(tmp_path / "b") == undisturbed
    counts = Counter(asked(path))
    assert len(counts) == REQUESTS and sum(counts.values()) <= REQUESTS + 2 * A_TASK, counts.most_common(3)
    assert list((tmp_path / "store" / "live").glob("*.claims")) == []


@pytest.mark.heavy
@pytest.mark.usefixtures("one_ray")
def test_what_another_run_leaves_pending_is_done(tmp_path: Path) -> None:
    texts = [f"{'down' if n % 3 == 0 else 'thing'} number {n}" for n in range(24)]
    assert rest_of(start(write_recipe(tmp_path / "alone", texts), "out"))
    path = write_recipe(tmp_path, texts)
    gate, down = Gate(tmp_path, objects=0), tmp_path / "down"
    down.touch()
    runs = [start(path, "a", *gate.closed, "--set", f"engines.llm.down={down}"), start(path, "b", *gate.closed)]
    both_at_work(tmp_path, runs)
    gate.open()
    outputs = [rest_of(run) for run in runs]
    assert "pending: the toy server is down" in outputs[0]
    assert runs[0].returncode == 1 and runs[1].returncode == 0, outputs
    assert digests_of(tmp_path / "b") == digests_of(tmp_path / "alone" / "out")
    counts = Counter(asked(path))
    assert len(counts) == 3 * len(texts) and sum(counts.values()) <= 3 * len(texts) + A_TASK, counts.most_common(3)


@pytest.mark.heavy
@pytest.mark.usefixtures("one_ray")
def test_recipes_that_have_tasks_in_common_share_them(undisturbed: dict[str, str], tmp_path: Path) -> None:
    """A pilot, a recipe of another name with another last stage, and one stage alone, beside the whole."""
    path = write_recipe(tmp_path, TEXTS)
    other = write_recipe(tmp_path, TEXTS, "other", stages__toy_count__times=1, store=str(tmp_path / "store"))
    gate = Gate(tmp_path, objects=0)
    runs = [
        start(path, "a", *gate.closed),
        start(path, "pilot", "--limit", "8", *gate.closed),
        start(other, "other", *gate.closed),
        start(path, "stage", "--only", "toy_shout", *gate.closed),
    ]
    both_at_work(tmp_path, runs[:2])
    gate.open()
    for run in runs:
        output = rest_of(run)
        assert run.returncode == 0, output
    assert digests_of(tmp_path / "a") == undisturbed
    counts = Counter(asked(path))
    shouted = {text: count for text, count in counts.items() if not text.startswith("count")}
    assert len(shouted) == len(TEXTS) and sum(shouted.values()) <= len(TEXTS) + A_TASK, counts.most_common(3)


@pytest.mark.usefixtures("one_ray")
def test_two_runs_may_write_one_dataset(undisturbed: dict[str, str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS[:8])
    runs = [start_cli("run", path) for _ in "ab"]
    for run in runs:
        output = rest_of(run)
        assert run.returncode == 0 and "8 rows in, 8 rows out" in output, output
    code, output = run_cli("run", path)
    assert code == 0 and "nothing to do" in output


@pytest.mark.parametrize("refit", [False, True])
def test_what_another_run_has_done_since_this_one_began_is_reused(tmp_path: Path, refit: bool) -> None:
    """Also where nobody has seen it claim anything: it may have come and gone between two looks."""
    path = write_spoken_recipe(tmp_path)
    late = OneRun(open_recipe(load(path), True).state(True, refit=refit), "late", os.getpid())
    late.look()
    while not any(task.node == "fit_units" for task in late.queue):
        late.begin(), late.finish()
    done = len(late.metas)
    assert run_inline(open_state(path)) == {}
    while not late.is_done():
        late.begin(), late.finish()
    assert "fit_units" in [node for node, _ in late.metas[done:]]
    assert [node for node, meta in late.metas[done:] if not meta.get("reused")] == (["fit_units"] if refit else [])
    assert late.state.rows_done == open_state(path).rows_done


class OneRun:
    """What the executor does with a run's tasks, a step at a time, in the test's process."""

    def __init__(self, state: State, name: str, pid: int) -> None:
        self.state = state
        self.metas: list[tuple[str, dict[str, Any]]] = []  # what tasks have returned, by stage
        self.claims = come(self.state.store, name, pid=pid)
        self.in_hand: list[Task] = []
        self.sharing = Sharing(self.state, self.claims, lambda: iter(self.in_hand))
        self.queue = list(self.state.ready.values())
        self.workers: dict[str | None, Worker] = {}

    def look(self) -> None:
        self.claims.look()

    def begin(self) -> None:
        self._take_back()
        tasks, self.queue = self.queue[:2], self.queue[2:]
        self.in_hand += self.sharing.ours(tasks)

    def finish(self) -> None:
        self._take_back()
        if self.in_hand:
            task = self.in_hand.pop(0)
            meta = self._worker(task).run(task)
            self.metas.append((task.node, meta))
            self._settle(task, meta)

    def is_done(self) -> bool:
        return not (self.queue or self.in_hand or self.sharing.elsewhere)

    def _take_back(self) -> None:
        for task, meta in self.sharing.back():
            if meta is None:
                self.queue.append(task)
            else:
                self._settle(task, meta)

    def _settle(self, task: Task, meta: dict[str, Any]) -> None:
        self.state.settle(task, meta)
        self.queue += self.state.resolve_all() if task.shard == WHOLE else self.state.resolve(task.shard)

    def _worker(self, task: Task) -> Worker:
        engine = self.state.graph.nodes[task.node].engine
        if engine not in self.workers:
            self.workers[engine] = Worker(self.state.store.url, self.state.graph, engine)
            self.workers[engine].load()
        return self.workers[engine]


def test_what_a_run_has_begun_stays_its_own_until_it_is_done(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    first, second = (OneRun(open_state(path), name, os.getpid()) for name in ("first", "second"))
    first.look(), second.look()
    first.begin(), first.begin()
    first.finish(), first._take_back(), first.look()
    left = {(task.node, task.shard) for task in first.in_hand}
    for _ in range(9):
        second.look(), second.begin()
    begun = {(task.node, task.shard) for task in second.in_hand}
    assert left and begun and not begun & left
    assert sum(second.sharing.by_process().values()) == len(left)
    while not second.is_done():
        first.look(), first.begin(), first.finish(), second.look(), second.begin(), second.finish()
    assert set(Counter(asked(path)).values()) == {1}


MOVES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["look", "begin", "finish", "die"])), min_size=4, max_size=80
)


@settings(max_examples=20, deadline=None)
@given(moves=MOVES, deadly=st.booleans())
def test_however_runs_take_turns_each_task_is_done_once(moves: list[tuple[int, str]], deadly: bool) -> None:
    dead = set[int]()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims_module, "has_ended", lambda machine, pid: pid in dead)
        path = write_recipe(Path(folder), TEXTS[:6])
        runs = [OneRun(open_state(path), f"run{number}", 100 + number) for number in range(3)]
        for run in runs:
            run.look()
        alive = dict(enumerate(runs))
        for number, move in moves:
            if number not in alive:
                continue
            if move != "die":
                getattr(alive[number], move)()
            elif deadly and len(alive) > 1:
                dead.add(100 + number)
                del alive[number]
            hands = [f"{task.node}/{task.key}" for run in alive.values() for task in run.in_hand]
            assert len(hands) == len(set(hands)), "two work on one task"
        for _ in range(200):
            for run in alive.values():
                run.look(), run.begin(), run.finish()
        assert all(run.is_done() for run in alive.values()), "a run waits for ever"
        assert all(len(run.state.done) == 3 * len(run.state.shards) for run in alive.values())
        assert set(Counter(asked(path)).values()) == {1}, "asked twice"
