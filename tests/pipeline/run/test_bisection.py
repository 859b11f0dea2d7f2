"""Which rows kill an engine: found whatever they are, and no other row is blamed."""

import errno
import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.exceptions import ActorUnavailableError, NodeDiedError, OutOfMemoryError, RayActorError, RayTaskError

from tests.helpers.recipes import open_state, run_cli, write_recipe
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.state import Task
from voxsmith.pipeline.run.bisection import Bisection, borders_of
from voxsmith.pipeline.run.executor import Run
from voxsmith.pipeline.run.pools import Actor, Pool, assign
from voxsmith.pipeline.run.results import StageFault
from voxsmith.pipeline.watch.progress import Progress
from voxsmith.stages.engines.base import EngineLost


def task(rows: int, key: str = "k", **changes: Any) -> Task:
    return Task("stage", 0, key, {}, (), (), {}, rows, **changes)


def deadly_rows(rows: int, borders: list[int], kills: Callable[[int, int], bool]) -> tuple[list[int], int]:
    """The rows that are blamed, and the probes that it took."""
    bisection, probes = Bisection(task(rows), borders), 0
    while probe := bisection.next_probe():
        assert probe.span is not None
        bisection.record(probe, kills(*probe.span))
        probes += 1
    return bisection.deadly, probes


@given(lengths=st.lists(st.integers(1, 4), min_size=1, max_size=40), data=st.data())
def test_whole_conversations_are_blamed_and_nothing_else(lengths: list[int], data: st.DataObject) -> None:
    """An engine that dies of a conversation only where it is given the whole of it, as a dialogue's later turns need."""
    borders = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
    bad = data.draw(st.sets(st.integers(0, len(lengths) - 1), min_size=1, max_size=3))
    wholes = [range(borders[number], borders[number + 1]) for number in sorted(bad)]
    deadly, probes = deadly_rows(
        borders[-1], borders, lambda start, end: any(start <= one.start and one.stop <= end for one in wholes)
    )
    assert deadly == [row for one in wholes for row in one]
    assert probes <= 2 * len(bad) * (len(lengths).bit_length() + 1)


def test_a_shard_is_cut_where_the_stage_may_be(tmp_path: Path) -> None:
    rows = [{"q": f"turn {n}", "c": name} for name, turns in (("a", 3), ("b", 1), ("c", 2)) for n in range(turns)]
    columns = {"instruction": "q", "conversation_id": "c"}
    shard = {"least": 6, "target": 6, "most": 6}
    path = write_recipe(tmp_path, [], sources__rows__columns=columns, sources__rows__shard=shard)
    (tmp_path / "toy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    state = open_state(path)
    (ready,) = [one for one in state.ready.values() if one.node == "toy_shout"]
    assert borders_of(state.store, ready, "conversation") == [0, 3, 4, 6]
    assert borders_of(state.store, ready, "row") == list(range(7))


@given(calls=st.lists(st.booleans(), max_size=12), actors=st.integers(1, 3))
def test_a_probe_has_its_actor_for_itself(calls: list[bool], actors: int) -> None:
    """What dies beside a probe would be blamed with it."""
    references = count()
    pool = Pool("llm", actors, 1.0, {"num_cpus": 1}, calls=3)
    handle = SimpleNamespace(run=SimpleNamespace(remote=lambda _: next(references)))
    pool.actors = [Actor(handle, None, None, ready=0.0) for _ in range(actors)]
    for number, is_probe in enumerate(calls):
        pool.put(0, task(4, str(number), span=(0, 2) if is_probe else None))
    done = 0
    while pool.queue or pool.in_flight:
        assign(pool)
        assert pool.in_flight, "it stands still"
        for actor in pool.actors:
            held = list(actor.tasks.values())
            assert len(held) == 1 or all(one.span is None for one in held)
            done += len(held)
            actor.tasks.clear()
    assert done == len(calls)


@pytest.mark.heavy
@pytest.mark.usefixtures("one_ray")
def test_rows_that_kill_take_no_row_of_another_shard_with_them(tmp_path: Path) -> None:
    """Three shards, of which one actor has two at a time; more deaths in all than an engine may have for no reason."""
    texts = [f"thing number {n}" for n in range(60)]
    for place in (2, 25, 59):
        texts[place] = f"segfault {place}"
    path = write_recipe(tmp_path, texts, sources__rows__shard={"least": 20, "target": 20, "most": 20})
    code, output = run_cli("run", path)
    assert code == 0, output
    assert "60 rows in, 57 rows out, 3 rejects, 0 pending" in output


LOST = {  # what Ray says of an actor, or of a task on it
    "died": RayActorError(),
    "its engine is lost": RayTaskError("run", "Traceback", EngineLost("Toy: CUDA error")).as_instanceof_cause(),
    "killed by Ray for memory": OutOfMemoryError("Task was killed due to the node running low on memory."),
    "its node died": NodeDiedError("the node died"),
    "out of reach": ActorUnavailableError("The actor is temporarily unavailable", None),
}


@pytest.mark.parametrize("error", LOST.values(), ids=LOST)
@pytest.mark.parametrize("loading", [False, True])
def test_an_actor_that_is_no_good_any_more_is_ended_and_its_task_goes_elsewhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    loading: bool,
) -> None:
    """No Ray runs here, but the errors are Ray's."""
    state, killed = open_state(write_recipe(tmp_path, ["one", "two"])), list[str]()
    monkeypatch.setattr("ray.kill", killed.append)
    with Progress(state, "a-run", set(state.graph.nodes), "plain") as progress:
        run = Run(state, set(state.graph.nodes), progress)
        tasks = {} if loading else {"ref": next(iter(state.ready.values()))}
        pool, actor = run.pools["llm"], Actor("handle", None, None, tasks=tasks)
        pool.actors.append(actor)
        if loading and isinstance(error, RayTaskError):
            with pytest.raises(RunFailed, match="engine 'llm' could not be loaded: EngineLost: Toy: CUDA error"):
                run.load_failed(pool, actor, error)
            return
        run.load_failed(pool, actor, error) if loading else run.task_failed(pool, actor, "ref", error)
    assert (killed, pool.actors, [one[-1] for one in pool.queue]) == (["handle"], [], list(tasks.values()))
    assert "an actor of 'llm' died (" in capsys.readouterr().err


def test_other_runs_leave_a_shard_that_is_bisected_unless_no_actor_finds_its_place(tmp_path: Path) -> None:
    """One that waits for the shard may have the place."""
    state = open_state(write_recipe(tmp_path, ["one", "two"]))
    run = Run(state, set(state.graph.nodes), Progress(state, "a-run", set(state.graph.nodes), "off"))
    suspect = next(iter(state.ready.values()))
    run.bisections[suspect.key] = Bisection(suspect, [0, 1, 2])
    pool = run.pools["llm"]
    assert list(run._in_hand()) == [suspect]
    pool.waits_since = time.monotonic()
    assert list(run._in_hand()) == [suspect]
    pool.waits_since -= 3600
    assert list(run._in_hand()) == []
    pool.waits_since = None
    pool.actors = [Actor("handle", None, None, {"ref": replace(suspect, span=(0, 1))})]
    assert {task.key for task in run._in_hand()} == {suspect.key}
    pool.actors, pool.no_node_since = [], time.monotonic() - 3600
    assert list(run._in_hand()) == []


ENDS = {  # what a task raised, and the line that the run ends with
    "code": (StageFault("stage 'title' returned 'x'"), "stage 'title' returned 'x'"),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "/data"), "No space left on device: /data"),
    "anything else": (KeyError("x"), "stage 'toy_shout', shard 0: KeyError: 'x'"),
}


@pytest.mark.parametrize(("cause", "line"), ENDS.values(), ids=ENDS)
def test_what_no_other_try_can_mend_ends_the_run(tmp_path: Path, cause: Exception, line: str) -> None:
    state = open_state(write_recipe(tmp_path, ["one"]))
    run = Run(state, set(state.graph.nodes), Progress(state, "a-run", set(state.graph.nodes), "off"))
    actor = Actor("handle", None, None, tasks={"ref": next(iter(state.ready.values()))})
    with pytest.raises(RunFailed) as end:
        run.task_failed(run.pools["llm"], actor, "ref", RayTaskError("run", "Traceback", cause).as_instanceof_cause())
    assert str(end.value) == line


def test_a_disk_that_fails_a_task_is_tried_three_times(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, ["one"]))
    run = Run(state, set(state.graph.nodes), Progress(state, "a-run", set(state.graph.nodes), "off"))
    pool, task = run.pools["llm"], next(iter(state.ready.values()))
    error = RayTaskError("run", "Traceback", OSError(errno.EIO, "Input/output error")).as_instanceof_cause()
    for _ in range(2):
        run.task_failed(pool, Actor("handle", None, None, tasks={"ref": task}), "ref", error)
        assert pool.pop() is task
    with pytest.raises(RunFailed, match=r"stage 'toy_shout', shard 0: OSError: .*Input/output error"):
        run.task_failed(pool, Actor("handle", None, None, tasks={"ref": task}), "ref", error)
