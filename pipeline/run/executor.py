"""The event loop that runs what is ready: a small driver on Ray Core that never touches a row."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.state import WHOLE, State, Task
from voxsmith.pipeline.run.actor_class import actor_class
from voxsmith.pipeline.run.bisection import Bisection, borders_of
from voxsmith.pipeline.run.cluster import endpoints, free_resources, resources, seconds_to_wait
from voxsmith.pipeline.run.connection import connect
from voxsmith.pipeline.run.failures import ACTOR_GONE, Failures
from voxsmith.pipeline.run.ledger import Ledger
from voxsmith.pipeline.run.pools import Actor, Pool, assign, end_actor, make_pools, start_actor
from voxsmith.pipeline.run.reject_alarm import Alarm
from voxsmith.pipeline.run.sharing import Sharing
from voxsmith.pipeline.run.shutdown import Shutdown
from voxsmith.pipeline.run.waves import look_for_nodes, to_end, to_start
from voxsmith.pipeline.run.worker import Pulse
from voxsmith.pipeline.store.claims import Claims
from voxsmith.pipeline.store.store import NO_ROOM
from voxsmith.pipeline.watch.progress import Progress
from voxsmith.pipeline.watch.work import NO_ENGINE
from voxsmith.stages.engines.base import EngineLost

_LOOKS = 1.0  # seconds between two looks at what the cluster has free
_PULSE = 10.0  # seconds between two looks at an actor's progress
_IDLE = 0.1  # seconds between two steps while all that is left is under way in other runs


@dataclass
class Result:
    pending: dict[str, str] = field(default_factory=dict)  # row id (or stage) -> why it could not be finished
    interrupted: bool = False


def execute(state: State, selected: set[str], progress: Progress, claims: Claims | None = None) -> Result:
    """Run the tasks of the selected stages until nothing more can be done. Raises RunFailed.

    `claims`: of this run, where others may be at work in the store.
    """
    if not any(task.node in selected for task in state.ready.values()):
        return Result()
    with claims or nullcontext():
        run = Run(state, selected, progress, claims)
        connect()
        return run.run()


class Run:
    """One run's loop. Only `run` and what it calls by turns asks Ray; what then happens is in methods of their own, which take
    what Ray answered: `load_failed`, `task_failed`, `finished`, `actor_died`.
    """

    def __init__(self, state: State, selected: set[str], progress: Progress, claims: Claims | None = None) -> None:
        self.state, self.selected, self.progress = state, selected, progress
        self.result, self.pools = Result(), make_pools(state.graph)
        self.depth = {name: number for number, name in enumerate(state.graph.nodes)}
        self.failures, self.ledger = Failures(), Ledger(progress.work)
        self.bisections: dict[str, Bisection] = {}
        self.sharing = Sharing(state, claims, self._in_hand)
        self.alarm = Alarm(state.graph.recipe.checks.max_reject_ratio, progress.say, state.recipe_file)
        self.shutdown = Shutdown()
        self.looked = 0.0  # at what the cluster has free, last (time.monotonic)
        self.wait_for_nodes = seconds_to_wait()
        self.graph: Any = None  # reference to the pickled graph
        # Now, because Ray may unpack a submitted job's folder anew under the driver's feet.
        self.actor_class = actor_class()

    def run(self) -> Result:
        self._look_for_nodes()
        work = self.ledger.work
        work.capacity, work.metrics = resources(), endpoints()
        self.progress.say("", "cluster", capacity=work.capacity, metrics=work.metrics)
        self.graph = ray.put(cloudpickle.dumps(self.state.graph))  # type: ignore[no-untyped-call]
        for task in self.state.ready.values():
            self.enqueue(task)
        try:
            with self.shutdown.signals():
                try:
                    while self._is_busy():
                        self._step()
                except RunFailed:
                    self._drain()
                    raise
        finally:
            for pool in self.pools.values():
                for actor in list(pool.actors):
                    end_actor(pool, actor)
            self._look()
        self.result.interrupted = self.shutdown.begun
        return self.result

    def enqueue(self, task: Task) -> None:
        if task.node in self.selected:
            self.pools[self._engine_of(task)].put(self.depth[task.node], task)

    def _engine_of(self, task: Task) -> str:
        return self.state.graph.nodes[task.node].engine or NO_ENGINE

    def _is_busy(self) -> bool:
        if self.shutdown.begun:
            return any(pool.in_flight for pool in self.pools.values()) and not self.shutdown.over
        return bool(self.sharing.elsewhere) or any(pool.queue or pool.in_flight for pool in self.pools.values())

    def _step(self) -> None:
        if self.shutdown.wanted:
            self._stop()
        if not self.shutdown.begun:
            self._take_back()
            for pool in self.pools.values():
                while len(pool.actors) < min(pool.replicas, len(pool.queue) + pool.in_flight):
                    start_actor(pool, self.actor_class, self.state.store.address, self.graph)
                assign(pool, self.sharing.ours)
                self._check_pulses(pool)
            self._end_idle_actors()
            self._start_actors_early()
        calls = {ref: (pool, actor) for pool in self.pools.values() for actor in pool.actors for ref in actor.tasks}
        loads = {a.loaded: (pool, a) for pool in self.pools.values() for a in pool.actors if a.loaded is not None}
        done, _ = ray.wait([*calls, *loads], num_returns=1, timeout=0.5) if calls or loads else ([], [])
        if not (calls or loads) and self.sharing.elsewhere:
            time.sleep(_IDLE)
        for ref in done:
            pool, actor = calls.get(ref) or loads[ref]
            if actor in pool.actors:
                self._read_load(pool, actor) if ref in loads else self._read_task(pool, actor, ref)
        self.progress.show(self._look)

    def _look(self) -> tuple[Counter[str], Counter[str], dict[str, int], Counter[str]]:
        return *self.ledger.look(self.pools.values()), self.sharing.by_process()

    # -- what Ray answers ---------------------------------------------------------------------------------------------

    def _read_load(self, pool: Pool, actor: Actor) -> None:
        loaded, actor.loaded = actor.loaded, None
        try:
            actor.load_seconds, actor.ready = ray.get(loaded), time.monotonic()
            self.ledger.work.capacity = resources()  # a cluster may have grown for it
        except RayError as error:
            self.load_failed(pool, actor, error)

    def load_failed(self, pool: Pool, actor: Actor, error: Exception) -> None:
        """What the engine raises while it loads is final. A node that goes meanwhile is not the engine's fault."""
        cause = getattr(error, "cause", None)
        if isinstance(cause, RunFailed):
            raise RunFailed(f"engine '{pool.name}': {cause}")
        if not isinstance(error, ACTOR_GONE) or "creation task" in str(error):
            raise RunFailed(f"engine '{pool.name}' could not be loaded: {_cause(error)}")
        self.failures.load_ended(pool.name, _cause(error))
        self.actor_died(pool, actor, error)

    def _read_task(self, pool: Pool, actor: Actor, ref: Any) -> None:
        try:
            meta = ray.get(ref)
        except RayError as error:
            self.task_failed(pool, actor, ref, error)
            return
        self.finished(actor.tasks.pop(ref), meta)

    def task_failed(self, pool: Pool, actor: Actor, ref: Any, error: Exception) -> None:
        """The actor is gone, or its disk failed the task: that is tried again. Anything else ends the run."""
        cause = getattr(error, "cause", None)
        if isinstance(cause, EngineLost):
            error = cause
        if isinstance(error, (EngineLost, *ACTOR_GONE)):
            self.actor_died(pool, actor, error)
            return
        task = actor.tasks.pop(ref)
        self.ledger.retry(task)
        if isinstance(cause, RunFailed):
            raise RunFailed(str(cause))
        if isinstance(cause, OSError) and cause.errno in NO_ROOM:
            raise RunFailed(f"{cause.strerror}: {cause.filename}")
        if not isinstance(cause, OSError) or not self.failures.storage_failed(task):
            raise RunFailed(f"stage '{task.node}', shard {task.shard}: {_cause(error)}")
        message = f"{task.node}, shard {task.shard}: {_cause(error)}; it is tried again"
        self.progress.say(message, "task_failed", stage=task.node, shard=task.shard)
        self.enqueue(task)

    def finished(self, task: Task, meta: dict[str, Any]) -> None:
        """The task has come to its end; `meta`: see `voxsmith.pipeline.run.worker.Worker.run`."""
        self.ledger.end(task, meta)
        if meta.get("damaged"):
            self._make_again(task, *meta["damaged"])
        elif task.span is not None:
            self._probed(task, crashed=False)
        elif meta.get("pending"):
            self._report_pending(task, meta["pending"])
            self.result.pending |= meta["pending"]
            # It stays among what is ready, and is not enqueued: only the next run tries it again.
            self.failures.pending[task.node] += 1
        elif meta.get("reused"):
            self._settle(task, meta, reused=True)
        else:
            tally = self.ledger.commit(task, meta)
            self._settle(task, meta)
            self.alarm.judge_code(task.node, meta)
            self.alarm.judge(task.node, tally.made, tally.rejected)
            self.alarm.notice(task.node, meta)

    def _settle(self, task: Task, meta: Mapping[str, Any], reused: bool = False) -> None:
        """The task's object is there; what has waited for it is ready."""
        self.state.settle(task, meta, reused)
        for ready in self._resolve(task.shard):
            self.enqueue(ready)

    def _resolve(self, shard: int) -> list[Task]:
        return self.state.resolve_all() if shard == WHOLE else self.state.resolve(shard)

    def _report_pending(self, task: Task, pending: dict[str, str]) -> None:
        """Once for each reason."""
        for why in sorted(set(pending.values()) - set(self.result.pending.values())):
            rows = sum(reason == why for reason in pending.values())
            message = f"{task.node}, shard {task.shard}: {rows} {'row is' if rows == 1 else 'rows are'} pending: {why}"
            self.progress.say(message, "pending", stage=task.node, shard=task.shard, rows=rows, reason=why)

    def _make_again(self, task: Task, stage: str, key: str) -> None:
        """The task found an object damaged: its stage runs again for that shard, and then the task."""
        self.state.store.drop(stage, key)
        self.state.ready.pop((task.node, task.shard), None)
        may_try = self.failures.damaged(key)
        shard = next((n for (name, n), done in self.state.done.items() if name == stage and done.key == key), None)
        if shard is None and stage in self.state.graph.nodes:
            return  # another task has found it before
        if stage not in self.selected or not may_try:
            raise RunFailed(
                f"objects/{stage}/{key}.arrow in {self.state.store.url} was damaged, and has been taken out; "
                "the same command, for all stages, makes it anew"
            )
        self.progress.say(f"objects/{stage}/{key} was damaged: it is made anew", "damaged", stage=stage, key=key)
        self.state.forget(stage, shard if shard is not None else task.shard)
        for ready in self._resolve(shard or 0):
            self.enqueue(ready)

    # -- other runs ---------------------------------------------------------------------------------------------------

    def _in_hand(self) -> Iterator[Task]:
        """The tasks that other runs leave to this one."""
        for pool in self.pools.values():
            for actor in pool.actors:
                yield from actor.tasks.values()
        # A run whose own place is taken by those that wait for it would wait for ever.
        yield from (one.task for one in self.bisections.values() if not self.pools[self._engine_of(one.task)].is_stuck)

    def _take_back(self) -> None:
        """What other runs have done is settled; what they have left unfinished, or had begun when they died, is done here."""
        for task, meta in self.sharing.back():
            if meta is None:
                self.enqueue(task)
            else:
                self._settle(task, meta, reused=True)

    # -- deaths -------------------------------------------------------------------------------------------------------

    def actor_died(self, pool: Pool, actor: Actor, error: Exception) -> None:
        """An actor is gone with its tasks: they are tried again, and bisected where they kill one twice."""
        end_actor(pool, actor)  # it may be there still: lost, hung, or out of reach
        self.failures.actor_died(pool.name, _cause(error))
        message = f"an actor of '{pool.name}' died ({_cause(error)}); its tasks are tried again"
        self.progress.say(message, "actor_died", engine=pool.name, stages=[task.node for task in actor.tasks.values()])
        for task in actor.tasks.values():
            self.ledger.retry(task)
            is_suspect = self.failures.crashed(task)
            if task.span is not None:
                self._probed(task, crashed=True)
            elif is_suspect and task.shard != WHOLE:
                each = self.state.graph.nodes[task.node].stage.each
                self.bisections[task.key] = Bisection(task, borders_of(self.state.store, task, each))
                self._next_probe(task.key)
            else:
                self.enqueue(task)

    def _check_pulses(self, pool: Pool) -> None:
        """Ask actors for their progress. One that makes none is killed, and its tasks are tried again."""
        now = time.monotonic()
        for actor in [one for one in pool.actors if one.tasks and one.loaded is None]:
            if actor.pulse is None and now - actor.pulse_asked > min(_PULSE, pool.patience / 2):
                actor.pulse, actor.pulse_asked = actor.handle.pulse.remote(), now
            if actor.pulse is None:
                continue
            ready, _ = ray.wait([actor.pulse], timeout=0)
            try:
                pulse: Pulse | None = ray.get(actor.pulse) if ready else None
            except RayError:  # it died, as its tasks will tell
                continue
            stuck = now - actor.pulse_asked
            if pulse is not None:
                actor.pulse, stuck = None, pulse.stuck
                for task in actor.tasks.values():
                    if so_far := pulse.tasks.get((task.key, task.span)):
                        self.ledger.update(task, *so_far)
            if stuck > pool.patience:
                tasks = ", ".join(f"{task.node}, shard {task.shard}" for task in actor.tasks.values())
                message = f"no progress for {stuck:.0f} s: {tasks}; the actor is killed, its tasks are tried again"
                self.progress.say(message, "hung", engine=pool.name)
                self.actor_died(pool, actor, TimeoutError(f"no progress for {stuck:.0f} s"))

    def _probed(self, task: Task, crashed: bool) -> None:
        self.bisections[task.key].record(task, crashed)
        self._next_probe(task.key)

    def _next_probe(self, key: str) -> None:
        bisection = self.bisections[key]
        probe = bisection.next_probe()
        if probe is not None:
            self.enqueue(probe)
            return
        del self.bisections[key]
        self.failures.clear_crashes(bisection.task)
        # Up to half of the rows may be at fault; where more kill the engine, it is the engine.
        if 0 < 2 * len(bisection.deadly) <= bisection.task.rows:
            self.failures.explain_deaths(self._engine_of(bisection.task))
        self.enqueue(replace(bisection.task, killers=bisection.killers(self.state.store)))

    # -- pools --------------------------------------------------------------------------------------------------------

    def _end_idle_actors(self) -> None:
        for pool, actor in to_end(self.pools.values(), self._may_have_work):
            end_actor(pool, actor)

    def _start_actors_early(self) -> None:
        if time.monotonic() - self.looked > _LOOKS:
            self.looked = time.monotonic()
            self._look_for_nodes()
            for pool in to_start(self.pools.values(), self._may_have_work, free_resources):
                start_actor(pool, self.actor_class, self.state.store.address, self.graph)

    def _look_for_nodes(self) -> None:
        for message in look_for_nodes(self.pools.values(), self.wait_for_nodes):
            self.progress.say(message, "no_node")

    def _may_have_work(self, pool: str) -> bool:
        nodes = [n for n in self.selected if (self.state.graph.nodes[n].engine or NO_ENGINE) == pool]
        return any(self.state.left(name) > self.failures.pending[name] for name in nodes)

    # -- the end ------------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Let tasks in flight keep what they have; start no more."""
        if self.shutdown.begun:
            return
        self.shutdown.begin()
        message = "stopping: tasks in flight keep their replies; the same command goes on from there"
        self.progress.say(message, "stopping")
        for pool in self.pools.values():
            pool.queue.clear()
            for actor in pool.actors:
                actor.handle.stop.remote()

    def _drain(self) -> None:
        """The run has failed. Other tasks in flight keep their replies, so that the next run doesn't ask for them again."""
        calls = [ref for pool in self.pools.values() for actor in pool.actors for ref in actor.tasks]
        if calls and not self.shutdown.begun:
            self._stop()
            while calls and not self.shutdown.over:
                _, calls = ray.wait(calls, num_returns=len(calls), timeout=0.5)


def _cause(error: Exception) -> str:
    """The last line of a Ray error: what really happened."""
    cause = getattr(error, "cause", None)
    if cause is not None and str(cause):
        return f"{type(cause).__name__}: {cause}".splitlines()[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
