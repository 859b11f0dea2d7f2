"""Pools of Ray actors, one for each engine: started when work for them is ready, ended when none is left."""

import heapq
import itertools
import math
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.state import Task
from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.run.cluster import fits, free_resources
from voxsmith.pipeline.watch.work import NO_ENGINE, Life

_PATIENCE = 1800.0  # seconds, of stages without an engine
_STUCK = 10.0  # seconds that a pool waits for a place before other runs may do what it has begun
_CALLS = 2  # in flight an actor at least: it never waits for the driver
_MOST_CALLS = 16
_ORDER = itertools.count()


@dataclass(eq=False)
class Actor:
    handle: Any
    placed: Any  # reference that is ready once it has its place in the cluster
    loaded: Any  # reference that is ready once the engine is loaded, too; None from when that is known
    tasks: dict[Any, Task] = field(default_factory=dict)  # by the reference of the call
    pulse: Any = None  # reference to its progress, while that is asked
    pulse_asked: float = 0.0  # when that was asked last (time.monotonic)
    load_seconds: float = 0.0
    ready: float | None = None  # since when it takes work (time.monotonic)


@dataclass
class Pool:
    name: str
    replicas: int
    patience: float  # seconds without progress, after which an actor counts as hung
    options: dict[str, Any]
    calls: int = _CALLS  # tasks that an actor has at a time
    queue: list[tuple[Any, ...]] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    gone: Life = field(default_factory=Life)  # of the actors that have ended, and the most at a time
    waits_since: float | None = None  # for a place for its first actor (time.monotonic)
    had_resources: bool = True  # whether the cluster had them free when its latest actor was asked for
    had_node: bool = False  # some node could hold an actor of it, when the run looked
    no_node_since: float | None = None  # since when it waits for a node that could hold an actor of it (time.monotonic)

    def put(self, depth: int, task: Task) -> None:
        """Deepest stage first, so that shards finish and intermediates stay few; then in the order of shards."""
        heapq.heappush(self.queue, (-depth, task.shard, next(_ORDER), task))

    def pop(self) -> Task:
        task: Task = heapq.heappop(self.queue)[-1]
        return task

    @property
    def wants(self) -> dict[str, float]:
        """What an actor needs of the cluster."""
        return {"CPU": self.options["num_cpus"], "GPU": self.options.get("num_gpus", 0)}

    @property
    def in_flight(self) -> int:
        return sum(len(actor.tasks) for actor in self.actors)

    @property
    def is_stuck(self) -> bool:
        """Whether it has work and, for a while now, no place for an actor."""
        since = self.waits_since if self.no_node_since is None else self.no_node_since
        return since is not None and time.monotonic() - since > _STUCK

    def life(self) -> Life:
        """Of all actors, up to now."""
        life = Life(self.gone.loading, self.gone.loaded, self.gone.most)
        for actor in self.actors:
            _add(life, actor)
        return life

    def remove(self, actor: Actor) -> None:
        self.actors.remove(actor)
        _add(self.gone, actor)


def _add(life: Life, actor: Actor) -> None:
    if actor.ready is not None:
        life.loading += actor.load_seconds
        life.loaded += time.monotonic() - actor.ready


def make_pools(graph: Graph) -> dict[str, Pool]:
    """A pool for each engine that a stage names, and one for the stages without an engine."""
    pools = {NO_ENGINE: Pool(NO_ENGINE, 1, _PATIENCE, {"num_cpus": 0.1, "max_concurrency": _CALLS + 2})}
    for name in dict.fromkeys(node.engine for node in graph.nodes.values() if node.engine):
        resources = graph.engines[name].config.resources
        rows = min(source.shard.target for source in graph.recipe.sources.values())
        calls = min(_MOST_CALLS, max(_CALLS, math.ceil((resources.at_once or 0) / rows) + 1))  # one is at its tail
        options = {
            "num_cpus": resources.num_cpus,
            "num_gpus": resources.num_gpus,
            # And one for stop(), one for pulse().
            "max_concurrency": calls + 2,
        }
        if resources.python:
            options["runtime_env"] = {"py_executable": _interpreter(name, resources.python)}
        pools[name] = Pool(name, resources.replicas, resources.patience, options, calls)
    return pools


def _interpreter(engine: str, python: str) -> str:
    """Its absolute path, as a shell reads it. Links are kept, because the interpreter of a virtual environment is one.
    Raises RunFailed where it isn't there: Ray would try for ever.
    """
    path = Path(python).expanduser().absolute()
    if not os.access(path, os.X_OK):
        raise RunFailed(
            f"engine '{engine}': resources.python: there is no interpreter at {path}; make that environment"
        )
    return shlex.quote(str(path))  # Ray hands it to a shell


def start_actor(pool: Pool, actor_class: type, store: str, graph: Any) -> None:
    """Ask Ray for one more actor; it loads its engine when it is placed. `graph`: a reference to the pickled graph."""
    engine = None if pool.name == NO_ENGINE else pool.name
    remote: Any = ray.remote(actor_class).options(**pool.options)
    pool.had_resources = fits(pool.wants, free_resources())
    handle = remote.remote()
    pool.actors.append(Actor(handle, handle.ping.remote(), handle.load.remote(store, graph, engine)))
    pool.gone.most = max(pool.gone.most, len(pool.actors))


def assign(pool: Pool, ours: Callable[[list[Task]], list[Task]] = list) -> None:
    """Hand queued tasks to actors, the least busy first. One that isn't ready yet may never find its place: it gets none.

    A probe waits for an actor that has nothing else, and gets no company: if the actor dies, it is known of what. `ours`:
    of tasks that could start now, those that this run is to do.
    """
    while pool.queue and _actor_for(pool, pool.queue[0][-1]):
        for task in ours(_next_tasks(pool)):
            actor = _actor_for(pool, task)
            assert actor is not None
            actor.tasks[actor.handle.run.remote(task)] = task


def _next_tasks(pool: Pool) -> list[Task]:
    """What actors could take now of the queue, whose first task one can take: a probe, or tasks up to the next probe."""
    tasks = [pool.pop()]
    free = [
        pool.calls - len(actor.tasks) for actor in pool.actors if actor.ready is not None and not _is_probing(actor)
    ]
    places = 1 if tasks[0].span is not None else sum(max(0, calls) for calls in free)
    while len(tasks) < places and pool.queue and pool.queue[0][-1].span is None:
        tasks.append(pool.pop())
    return tasks


def _is_probing(actor: Actor) -> bool:
    return any(task.span is not None for task in actor.tasks.values())


def _actor_for(pool: Pool, task: Task) -> Actor | None:
    most = pool.calls if task.span is None else 1
    free = [
        actor for actor in pool.actors if actor.ready is not None and len(actor.tasks) < most and not _is_probing(actor)
    ]
    return min(free, key=lambda actor: len(actor.tasks), default=None)


def end_actor(pool: Pool, actor: Actor) -> None:
    pool.remove(actor)
    ray.kill(actor.handle)
