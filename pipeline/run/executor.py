"""The event loop that runs what is ready: a small driver on Ray Core that never touches a row."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError, RayError, RayTaskError

from pipeline.errors import RunFailed
from pipeline.plan.state import WHOLE, State, Task
from pipeline.run.bisection import Bisection, borders_of
from pipeline.run.cluster import endpoints, free_room, patience, room
from pipeline.run.pools import Actor, Pool, assign, connect, end_actor, make_pools, start_actor
from pipeline.run.reject_alarm import Alarm
from pipeline.run.waves import look_for_nodes, to_end, to_warm
from pipeline.run.worker import Pulse
from pipeline.store.store import NO_ROOM
from pipeline.watch.meter import Figures, add
from pipeline.watch.progress import Progress
from pipeline.watch.ray_metrics import RayMetrics
from pipeline.watch.work import NO_ENGINE
from stages.engines.base import EngineLost

_GONE = (RayActorError, OutOfMemoryError, NodeDiedError)  # how Ray tells that an actor is no more; they have no base
_DRAIN_SECONDS = 25.0
_LOOKS = 1.0  # seconds between two looks for room in the cluster that nobody uses
_LOADS = 3  # of a pool that end with the actor gone, beyond which loading is at fault
_DEATHS = 20  # of one pool's actors that no row explains, beyond which the engine rather than a row is at fault
_DAMAGES = 3  # of one object, beyond which it is the disk that needs care
_PULSE = 10.0  # seconds between two looks at how an actor gets on
_TRIES = 3  # at a task that a disk or an object store failed


@dataclass
class Result:
    pending: dict[str, str] = field(default_factory=dict)  # row id (or stage) -> why it is held up
    interrupted: bool = False


def execute(state: State, selected: set[str], progress: Progress) -> Result:
    """Run the tasks of the selected stages until nothing more can be done. Raises RunFailed."""
    if not any(task.node in selected for task in state.ready.values()):
        return Result()
    connect()
    return _Run(state, selected, progress).run()


class _Run:
    def __init__(self, state: State, selected: set[str], progress: Progress) -> None:
        self.state, self.selected, self.progress = state, selected, progress
        self.result, self.work, self.metrics = Result(), progress.work, RayMetrics(progress.work)
        self.pools = make_pools(state.graph)
        self.depth = {name: number for number, name in enumerate(state.graph.nodes)}
        self.held = Counter[str]()  # tasks that ended with pending rows, by stage
        self.crashes: dict[str, int] = {}
        self.faults: dict[str, int] = {}
        self.bisections: dict[str, Bisection] = {}
        self.deaths: dict[str, int] = {}
        self.unloaded: dict[str, int] = {}
        self.under_way: dict[tuple[str, Any], tuple[Task, int, Figures]] = {}  # as of each task's last pulse
        self.alarm = Alarm(state.graph.recipe.checks.max_reject_ratio, progress.say)
        self.looked = 0.0  # for free room, last (time.monotonic)
        self.signals: list[int] = []
        self.stopping: float | None = None
        self.hurried = False
        self.patience = patience()
        self._look_for_nodes()
        self.work.room, self.work.metrics = room(), endpoints()
        progress.say("", "cluster", room=self.work.room, metrics=self.work.metrics)
        self.graph = ray.put(state.graph)

    def run(self) -> Result:
        for task in self.state.ready.values():
            self._enqueue(task)
        try:
            with _signals(self.signals):
                while self._busy():
                    self._step()
        finally:
            for pool in self.pools.values():
                for actor in list(pool.actors):
                    end_actor(pool, actor)
            self._where()
        self.result.interrupted = self.stopping is not None
        return self.result

    def _busy(self) -> bool:
        if self.stopping is not None:
            drained = all(pool.in_flight == 0 for pool in self.pools.values())
            return not (drained or self.hurried) and time.monotonic() - self.stopping < _DRAIN_SECONDS
        return any(pool.queue or pool.in_flight for pool in self.pools.values())

    def _step(self) -> None:
        if self.signals:
            self._stop()
        if self.stopping is None:
            for pool in self.pools.values():
                while len(pool.actors) < min(pool.replicas, len(pool.queue) + pool.in_flight):
                    start_actor(pool, self.state.store.url, self.graph)
                assign(pool)
                self._feel(pool)
            self._release()
            self._warm()
        calls = {ref: (pool, actor) for pool in self.pools.values() for actor in pool.actors for ref in actor.tasks}
        loads = {a.loaded: (pool, a) for pool in self.pools.values() for a in pool.actors if a.loaded is not None}
        done, _ = ray.wait([*calls, *loads], num_returns=1, timeout=0.5) if calls or loads else ([], [])
        for ref in done:
            pool, actor = calls.get(ref) or loads[ref]
            if actor in pool.actors:
                self._settle_load(pool, actor) if ref in loads else self._settle(pool, actor, ref)
        self.progress.show(self._where)

    def _where(self) -> tuple[Counter[str], Counter[str], dict[str, int]]:
        """Tasks in flight and rows under way by stage, and actors by engine."""
        tasks, rows = Counter[str](), Counter[str]()
        for pool in self.pools.values():
            tasks.update(task.node for actor in pool.actors for task in actor.tasks.values())
        for task, count, _ in self.under_way.values():
            rows[task.node] += count if task.span is None else 0
        actors = {pool.name: len(pool.actors) for pool in self.pools.values() if pool.actors}
        self.work.lives = {pool.name: pool.life() for pool in self.pools.values()}
        self.metrics.look(actors)
        return tasks, rows, actors

    def _enqueue(self, task: Task) -> None:
        if task.node in self.selected:
            engine = self.state.graph.nodes[task.node].engine or NO_ENGINE
            self.pools[engine].put(self.depth[task.node], task)

    # -- replies ------------------------------------------------------------------------------------------------------

    def _settle_load(self, pool: Pool, actor: Actor) -> None:
        loaded, actor.loaded = actor.loaded, None
        try:
            actor.load_seconds, actor.ready = ray.get(loaded), time.monotonic()
            self.work.room = room()  # a cluster may have grown for it
        except RayTaskError as error:
            raise RunFailed(f"engine '{pool.name}' could not be loaded: {_cause(error)}") from None
        except _GONE as error:
            # What the engine raises is final. A node that goes while one loads is not the engine's fault.
            self.unloaded[pool.name] = self.unloaded.get(pool.name, 0) + 1
            if "creation task" in str(error) or self.unloaded[pool.name] > _LOADS:
                raise RunFailed(f"engine '{pool.name}' could not be loaded: {_cause(error)}") from None
            self._died(pool, actor, error)

    def _settle(self, pool: Pool, actor: Actor, ref: Any) -> None:
        try:
            meta = ray.get(ref)
        except _GONE as error:
            self._died(pool, actor, error)
            return
        except (RayTaskError, RayError) as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, EngineLost):
                self._died(pool, actor, cause)
                return
            task = actor.tasks.pop(ref)
            self._again(task)
            times = self.faults[task.key] = self.faults.get(task.key, 0) + 1
            if isinstance(cause, OSError) and cause.errno in NO_ROOM:
                raise RunFailed(f"{cause.strerror}: {cause.filename}") from None
            if isinstance(cause, OSError) and times < _TRIES:
                told = f"{task.node}, shard {task.shard}: {_cause(error)}; it is tried again"
                self.progress.say(told, "task_failed", stage=task.node, shard=task.shard)
                self._enqueue(task)
                return
            raise RunFailed(f"stage '{task.node}', shard {task.shard}: {_cause(error)}") from None
        self._finished(actor.tasks.pop(ref), meta)

    def _finished(self, task: Task, meta: dict[str, Any]) -> None:
        self._so_far(task, 0, {name: value for name, value in meta.get("metrics", {}).items() if name != "seconds"})
        del self.under_way[task.key, task.span]
        if meta.get("damaged"):
            self._make_anew(task, *meta["damaged"])
            return
        if task.span is not None:
            self._probed(task, crashed=False)
            return
        tally = self.work.tallies[task.node]
        if meta.get("pending"):
            self._tell_pending(task, meta["pending"])
            self.result.pending |= meta["pending"]
            self.held[task.node] += 1  # and it stays among what is ready: nothing finds it anew in this run
            return
        tally.tasks += 1
        tally.rows += meta["rows"]
        tally.made += meta.get("made", 0)
        tally.rejected += meta.get("rejected", 0)
        self.metrics.count(task.node, {"tasks": 1, "rows": meta["rows"], "rejects": meta.get("rejected", 0)})
        self.state.settle(task, meta)
        found = self.state.resolve_all() if task.shard == WHOLE else self.state.resolve(task.shard)
        for ready in found:
            self._enqueue(ready)
        self.alarm.judge(task.node, tally.made, tally.rejected)
        self.alarm.notice(task.node, meta)

    def _so_far(self, task: Task, rows: int, figures: Figures) -> None:
        """Count what is new of a task's figures, which tell of it since it began."""
        _, _, before = self.under_way.get((task.key, task.span), (task, 0, {}))
        self.under_way[task.key, task.span] = task, rows, figures
        self._count(task, {name: value - before.get(name, 0) for name, value in figures.items()})

    def _count(self, task: Task, more: Figures) -> None:
        add(self.work.tallies[task.node].figures, more)
        self.metrics.count(task.node, more)

    def _again(self, task: Task) -> None:
        """The task came to nothing; what it used until its last pulse stays counted."""
        self.under_way.pop((task.key, task.span), None)
        self._count(task, {"retries": 1})

    def _tell_pending(self, task: Task, pending: dict[str, str]) -> None:
        """Once for each reason."""
        for why in sorted(set(pending.values()) - set(self.result.pending.values())):
            rows = sum(reason == why for reason in pending.values())
            told = f"{task.node}, shard {task.shard}: {rows} {'row is' if rows == 1 else 'rows are'} pending: {why}"
            self.progress.say(told, "pending", stage=task.node, shard=task.shard, rows=rows, reason=why)

    def _make_anew(self, task: Task, stage: str, key: str) -> None:
        """The task found an object damaged: its stage runs again for that shard, and then the task."""
        self.state.store.drop(stage, key)
        self.state.ready.pop((task.node, task.shard), None)
        times = self.crashes[key] = self.crashes.get(key, 0) + 1
        shard = next((n for (name, n), done in self.state.done.items() if name == stage and done.key == key), None)
        if shard is None and stage in self.state.graph.nodes:
            return  # another task has told already
        if stage not in self.selected or times > _DAMAGES:
            raise RunFailed(
                f"objects/{stage}/{key}.arrow in {self.state.store.url} was damaged, and has been taken out; "
                "the same command, for all stages, makes it anew"
            )
        self.progress.say(f"objects/{stage}/{key} was damaged: it is made anew", "damaged", stage=stage, key=key)
        self.state.forget(stage, shard if shard is not None else task.shard)
        for ready in self.state.resolve_all() if shard == WHOLE else self.state.resolve(shard or 0):
            self._enqueue(ready)

    # -- deaths -------------------------------------------------------------------------------------------------------

    def _died(self, pool: Pool, actor: Actor, error: Exception) -> None:
        """An actor is gone with its tasks: they are tried again, and bisected where they kill one twice."""
        end_actor(pool, actor)  # it may be there still: lost, hung, or out of reach
        self.deaths[pool.name] = self.deaths.get(pool.name, 0) + 1
        if self.deaths[pool.name] > _DEATHS:
            raise RunFailed(f"engine '{pool.name}' died {_DEATHS} times in this run; the last time: {_cause(error)}")
        told = f"an actor of '{pool.name}' died ({_cause(error)}); its tasks are tried again"
        self.progress.say(told, "actor_died", engine=pool.name, stages=[task.node for task in actor.tasks.values()])
        for task in actor.tasks.values():
            self._again(task)
            self.crashes[task.key] = self.crashes.get(task.key, 0) + 1
            if task.span is not None:
                self._probed(task, crashed=True)
            elif self.crashes[task.key] >= 2 and task.shard != WHOLE:
                each = self.state.graph.nodes[task.node].stage.each
                self.bisections[task.key] = Bisection(task, borders_of(self.state.store, task, each))
                self._next_probe(task.key)
            else:
                self._enqueue(task)

    def _feel(self, pool: Pool) -> None:
        """Ask actors how they get on. One that makes no progress is killed, and its tasks are tried again."""
        now = time.monotonic()
        for actor in [one for one in pool.actors if one.tasks and one.loaded is None]:
            if actor.pulse is None and now - actor.felt > min(_PULSE, pool.patience / 2):
                actor.pulse, actor.felt = actor.handle.pulse.remote(), now
            if actor.pulse is None:
                continue
            ready, _ = ray.wait([actor.pulse], timeout=0)
            try:
                pulse: Pulse | None = ray.get(actor.pulse) if ready else None
            except RayError:  # it died, as its tasks will tell
                continue
            stuck = now - actor.felt
            if pulse is not None:
                actor.pulse, stuck = None, pulse.stuck
                for task in actor.tasks.values():
                    if found := pulse.tasks.get((task.key, task.span)):
                        self._so_far(task, *found)
            if stuck > pool.patience:
                told = ", ".join(f"{task.node}, shard {task.shard}" for task in actor.tasks.values())
                told = f"no progress for {stuck:.0f} s: {told}; its actor is killed, the task tried again"
                self.progress.say(told, "hung", engine=pool.name)
                self._died(pool, actor, TimeoutError(f"no progress for {stuck:.0f} s"))

    def _probed(self, task: Task, crashed: bool) -> None:
        self.bisections[task.key].record(task, crashed)
        self._next_probe(task.key)

    def _next_probe(self, key: str) -> None:
        bisection = self.bisections[key]
        probe = bisection.next_probe()
        if probe is not None:
            self._enqueue(probe)
            return
        del self.bisections[key]
        self.crashes[key] = 0
        if 0 < 2 * len(bisection.deadly) <= bisection.task.rows:  # these deaths are explained
            self.deaths[self.state.graph.nodes[bisection.task.node].engine or NO_ENGINE] = 0
        self._enqueue(replace(bisection.task, killers=bisection.killers(self.state.store)))

    # -- pools --------------------------------------------------------------------------------------------------------

    def _release(self) -> None:
        for pool, actor in to_end(self.pools.values(), self._may_have_work):
            end_actor(pool, actor)

    def _warm(self) -> None:
        if time.monotonic() - self.looked > _LOOKS:
            self.looked = time.monotonic()
            self._look_for_nodes()
            for pool in to_warm(self.pools.values(), self._may_have_work, free_room):
                start_actor(pool, self.state.store.url, self.graph)

    def _look_for_nodes(self) -> None:
        for told in look_for_nodes(self.pools.values(), self.patience):
            self.progress.say(told, "no_node")

    def _may_have_work(self, pool: str) -> bool:
        nodes = [n for n in self.selected if (self.state.graph.nodes[n].engine or NO_ENGINE) == pool]
        return any(self.state.left(name) > self.held[name] for name in nodes)

    def _stop(self) -> None:
        """At the first signal let tasks in flight leave what they have; at a second Ctrl-C don't wait for them."""
        self.hurried = signal.SIGINT in self.signals[1:]
        if self.stopping is None:
            self.stopping = time.monotonic()
            told = "stopping: tasks in flight leave what they have; the same command goes on from there"
            self.progress.say(told, "stopping")
            for pool in self.pools.values():
                pool.queue.clear()
                for actor in pool.actors:
                    actor.handle.stop.remote()


@contextmanager
def _signals(came: list[int]) -> Iterator[None]:
    """SIGTERM and SIGINT are noted instead of ending the process. Once one has come, the process is to end in its own
    time: an impatient Ctrl-C must not break off what it still writes. Python takes signals in its main thread alone: a
    run in another one can't be stopped by them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if came else handler)


def _cause(error: Exception) -> str:
    """The last line of a Ray error: what really happened."""
    cause = getattr(error, "cause", None)
    if cause is not None and str(cause):
        return f"{type(cause).__name__}: {cause}".splitlines()[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
