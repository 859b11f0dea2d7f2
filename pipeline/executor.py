"""The event loop that runs what is ready: a small driver on Ray Core that never touches a row."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from pipeline.bisection import Bisection
from pipeline.errors import RunFailed
from pipeline.pools import NO_ENGINE, Actor, Pool, assign, check_placeable, connect, end_actor, make_pools, start_actor
from pipeline.progress import Progress
from pipeline.state import WHOLE, State, Unit
from pipeline.store import NO_ROOM

_DRAIN_SECONDS = 25.0
_DEATHS = 20  # of one pool's actors, beyond which the engine rather than a row is at fault
_DAMAGES = 3  # of one object, beyond which it is the disk that needs care
_PULSE = 10.0  # seconds between two looks at whether an actor makes progress
_TRIES = 3  # at a unit that a disk or an object store failed
_FIRST_ROWS = 32  # rows of a stage after which its share of rejects is judged
log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What this run did at one stage."""

    units: int = 0
    rows: int = 0
    made: int = 0
    rejected: int = 0
    asked: int = 0
    remembered: int = 0
    seconds: float = 0.0


@dataclass
class Result:
    tallies: dict[str, Tally] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)  # row id (or stage) -> why it is held up
    interrupted: bool = False


def execute(state: State, selected: set[str], progress: Progress) -> Result:
    """Run the units of the selected stages until nothing more can be done. Raises RunFailed."""
    if not any(unit.node in selected for unit in state.ready.values()):
        return Result()
    connect()
    return _Run(state, selected, progress).run()


class _Run:
    def __init__(self, state: State, selected: set[str], progress: Progress) -> None:
        self.state, self.selected, self.progress = state, selected, progress
        self.result = Result({name: Tally() for name in selected})
        self.pools = make_pools(state.graph)
        self.depth = {name: number for number, name in enumerate(state.graph.nodes)}
        self.held: set[tuple[str, int]] = set()
        self.crashes: dict[str, int] = {}
        self.faults: dict[str, int] = {}
        self.bisections: dict[str, Bisection] = {}
        self.deaths: dict[str, int] = {}
        self.starved_since: dict[str, float] = {}
        self.stopping: float | None = None
        check_placeable(self.pools)
        self.graph = ray.put(state.graph)

    def run(self) -> Result:
        for unit in self.state.ready.values():
            self._enqueue(unit)
        try:
            with _signals(self._stop):
                while self._busy():
                    self._step()
        finally:
            for pool in self.pools.values():
                for actor in list(pool.actors):
                    end_actor(pool, actor)
        self.result.interrupted = self.stopping is not None
        return self.result

    def _busy(self) -> bool:
        if self.stopping is not None:
            drained = all(pool.in_flight == 0 for pool in self.pools.values())
            return not drained and time.monotonic() - self.stopping < _DRAIN_SECONDS
        return any(pool.queue or pool.in_flight for pool in self.pools.values())

    def _step(self) -> None:
        if self.stopping is None:
            for pool in self.pools.values():
                while len(pool.actors) < min(pool.replicas, len(pool.queue) + pool.in_flight):
                    start_actor(pool, self.state.store.url, self.graph)
                assign(pool)
                self._feel(pool)
            self._release()
        calls = {ref: (pool, actor) for pool in self.pools.values() for actor in pool.actors for ref in actor.units}
        loads = {a.loaded: (pool, a) for pool in self.pools.values() for a in pool.actors if a.loaded is not None}
        done, _ = ray.wait([*calls, *loads], num_returns=1, timeout=0.5) if calls or loads else ([], [])
        for ref in done:
            pool, actor = calls.get(ref) or loads[ref]
            if actor in pool.actors:
                self._settle_load(pool, actor) if ref in loads else self._settle(pool, actor, ref)
        self.progress.show(self.state, self.result.tallies, self.pools)

    def _enqueue(self, unit: Unit) -> None:
        if unit.node in self.selected:
            engine = self.state.graph.nodes[unit.node].engine or NO_ENGINE
            self.pools[engine].put(self.depth[unit.node], unit)

    # -- replies ------------------------------------------------------------------------------------------------------

    def _settle_load(self, pool: Pool, actor: Actor) -> None:
        loaded, actor.loaded = actor.loaded, None
        try:
            ray.get(loaded)
        except RayTaskError as error:
            raise RunFailed(f"engine '{pool.name}' could not be loaded: {_cause(error)}") from None
        except RayActorError as error:
            if "creation task" in str(error) or not actor.units:
                raise RunFailed(f"engine '{pool.name}' could not be loaded: {_cause(error)}") from None
            self._died(pool, actor, error)

    def _settle(self, pool: Pool, actor: Actor, ref: Any) -> None:
        try:
            meta = ray.get(ref)
        except RayActorError as error:
            self._died(pool, actor, error)
            return
        except (RayTaskError, RayError) as error:
            unit, cause = actor.units.pop(ref), getattr(error, "cause", None)
            times = self.faults[unit.key] = self.faults.get(unit.key, 0) + 1
            if isinstance(cause, OSError) and cause.errno in NO_ROOM:
                raise RunFailed(f"{cause.strerror}: {cause.filename}") from None
            if isinstance(cause, OSError) and times < _TRIES:
                self.progress.say(f"{unit.node}, shard {unit.shard}: {_cause(error)}; it is tried again")
                self._enqueue(unit)
                return
            raise RunFailed(f"stage '{unit.node}', shard {unit.shard}: {_cause(error)}") from None
        self._finished(actor.units.pop(ref), meta)

    def _finished(self, unit: Unit, meta: dict[str, Any]) -> None:
        if meta.get("damaged"):
            self._make_anew(unit, *meta["damaged"])
            return
        if unit.span is not None:
            self._probed(unit, crashed=False)
            return
        tally = self.result.tallies[unit.node]
        metrics = meta.get("metrics", {})
        tally.asked += metrics.get("asked", 0)
        tally.remembered += metrics.get("remembered", 0)
        tally.seconds += metrics.get("seconds", 0.0)
        if meta.get("pending"):
            self.result.pending |= meta["pending"]
            self.held.add((unit.node, unit.shard))
            self.state.ready.pop((unit.node, unit.shard), None)
            return
        tally.units += 1
        tally.rows += meta["rows"]
        tally.made += meta.get("made", 0)
        tally.rejected += meta.get("rejected", 0)
        self.state.settle(unit, meta)
        found = self.state.resolve_all() if unit.shard == WHOLE else self.state.resolve(unit.shard)
        for ready in found:
            if (ready.node, ready.shard) not in self.held:
                self._enqueue(ready)
        self._judge(unit.node, tally)

    def _make_anew(self, unit: Unit, stage: str, key: str) -> None:
        """The unit found an object damaged: its stage runs again for that shard, and then the unit."""
        self.state.store.drop(stage, key)
        self.state.ready.pop((unit.node, unit.shard), None)
        times = self.crashes[key] = self.crashes.get(key, 0) + 1
        shard = next((n for (name, n), done in self.state.done.items() if name == stage and done.key == key), None)
        if shard is None and stage in self.state.graph.nodes:
            return  # another unit has told already
        if stage not in self.selected or times > _DAMAGES:
            raise RunFailed(
                f"objects/{stage}/{key}.arrow in {self.state.store.url} was damaged, and has been taken out; "
                "the same command, for all stages, makes it anew"
            )
        self.progress.say(f"objects/{stage}/{key} was damaged: it is made anew")
        self.state.forget(stage, shard if shard is not None else unit.shard)
        for ready in self.state.resolve_all() if shard == WHOLE else self.state.resolve(shard or 0):
            self._enqueue(ready)

    def _judge(self, node: str, tally: Tally) -> None:
        """A wrong prompt must not burn a night: stop where a stage's first rows nearly all fail."""
        limit = self.state.graph.recipe.checks.max_reject_ratio
        tried = tally.made + tally.rejected
        if tried >= _FIRST_ROWS and tally.rejected > limit * tried:
            raise RunFailed(
                f"stage '{node}' rejected {tally.rejected} of its first {tried} rows, more than "
                f"checks.max_reject_ratio ({limit:g}) allows. See the reasons with: voxsmith rejects; what is finished is kept"
            )

    # -- deaths -------------------------------------------------------------------------------------------------------

    def _died(self, pool: Pool, actor: Actor, error: Exception) -> None:
        """An actor is gone with its units: they are tried again, and bisected where they kill one twice."""
        pool.actors.remove(actor)
        self.deaths[pool.name] = self.deaths.get(pool.name, 0) + 1
        if self.deaths[pool.name] > _DEATHS:
            raise RunFailed(f"engine '{pool.name}' died {_DEATHS} times in this run; the last time: {_cause(error)}")
        log.warning("an actor of '%s' died (%s); its units are tried again", pool.name, _cause(error))
        for unit in actor.units.values():
            self.crashes[unit.key] = self.crashes.get(unit.key, 0) + 1
            if unit.span is not None:
                self._probed(unit, crashed=True)
            elif self.crashes[unit.key] >= 2 and unit.shard != WHOLE:
                self.bisections[unit.key] = Bisection(unit)
                self._next_probe(unit.key)
            else:
                self._enqueue(unit)

    def _feel(self, pool: Pool) -> None:
        """Kill an actor that makes no progress: its units are tried again as if it had died."""
        now = time.monotonic()
        for actor in [one for one in pool.actors if one.units and one.loaded is None]:
            if actor.pulse is None and now - actor.felt > min(_PULSE, pool.patience / 2):
                actor.pulse, actor.felt = actor.handle.pulse.remote(), now
            if actor.pulse is None:
                continue
            ready, _ = ray.wait([actor.pulse], timeout=0)
            try:
                stuck = ray.get(actor.pulse).stuck if ready else now - actor.felt
            except RayError:  # it died, as its units will tell
                continue
            if ready:
                actor.pulse = None
            if stuck > pool.patience:
                told = ", ".join(f"{unit.node}, shard {unit.shard}" for unit in actor.units.values())
                self.progress.say(f"no progress for {stuck:.0f} s: {told}; its actor is killed, the unit tried again")
                ray.kill(actor.handle)
                self._died(pool, actor, TimeoutError(f"no progress for {stuck:.0f} s"))

    def _probed(self, unit: Unit, crashed: bool) -> None:
        self.bisections[unit.key].record(unit, crashed)
        self._next_probe(unit.key)

    def _next_probe(self, key: str) -> None:
        bisection = self.bisections[key]
        probe = bisection.next_probe()
        if probe is not None:
            self._enqueue(probe)
            return
        del self.bisections[key]
        self.crashes[key] = 0
        self._enqueue(replace(bisection.unit, killers=bisection.killers(self.state.store)))

    # -- pools --------------------------------------------------------------------------------------------------------

    def _release(self) -> None:
        """End actors that have nothing more to do, and idle ones whose place another pool waits for."""
        starved = [p for p in self.pools.values() if p.queue and all(a.loaded is not None for a in p.actors)]
        for pool in self.pools.values():
            if pool.queue or pool.in_flight or not pool.actors:
                continue
            wanted = any(self._waits_long(other) for other in starved if other is not pool)
            if wanted or not self._may_have_work(pool.name):
                for actor in list(pool.actors):
                    end_actor(pool, actor)

    def _waits_long(self, pool: Pool) -> bool:
        since = self.starved_since.setdefault(pool.name, time.monotonic())
        if pool.in_flight and any(actor.loaded is None for actor in pool.actors):
            self.starved_since.pop(pool.name, None)
            return False
        return time.monotonic() - since > 10.0

    def _may_have_work(self, pool: str) -> bool:
        for node in self.state.graph.nodes.values():
            if (node.engine or NO_ENGINE) != pool or node.name not in self.selected:
                continue
            shards = [WHOLE] if node.stage.each == "recipe" else range(len(self.state.shards))
            if any((node.name, n) not in self.state.done and (node.name, n) not in self.held for n in shards):
                return True
        return False

    def _stop(self) -> None:
        if self.stopping is None:
            self.stopping = time.monotonic()
            self.progress.say("stopping: units in flight leave what they have; the same command goes on from there")
            for pool in self.pools.values():
                pool.queue.clear()
                for actor in pool.actors:
                    actor.handle.stop.remote()


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT drain the run instead of ending the process."""
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cause(error: Exception) -> str:
    """The last line of a Ray error: what really happened."""
    cause = getattr(error, "cause", None)
    if cause is not None and str(cause):
        return f"{type(cause).__name__}: {cause}".splitlines()[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
