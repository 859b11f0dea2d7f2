"""Where a recipe stands: for each stage and shard its key, and whether the store has it.

The planner reads it, the executor moves it on. Both see the same: a shard's stage is *done* (its object is there),
*ready* (its key is known, its object isn't there), or *unknown* (it waits for a stage above).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired

from typing_extensions import TypedDict

from voxsmith.pipeline.plan.keys import Parts, fixed_parts, shard_key
from voxsmith.pipeline.recipe.nodes import SOURCE, Graph, Node
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.forms import Commit, Form
from voxsmith.pipeline.store.objects import Place
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.hashing import hashed

WHOLE = -1  # the shard number of a fit stage: it works on the recipe, not on a shard


@dataclass(frozen=True)
class Task:
    """A stage over a shard, with all that a worker needs to run it. A fit stage has a place for each sample shard."""

    node: str
    shard: int
    key: str
    parts: Parts
    places: tuple[dict[str, Place], ...]
    digests: tuple[dict[str, str], ...]  # what the columns at those places must be
    artifacts: dict[str, Place]
    rows: int
    retries: dict[str, int] = field(default_factory=dict)
    killers: dict[str, str] = field(default_factory=dict)  # rows that kill the engine, by id
    span: tuple[int, int] | None = None  # a probe: only these rows, to find one that kills the engine
    begun: bool = False  # another run has worked on it, and may have left replies
    anew: bool = False  # a fit stage that is to be fitted again: an object that is there doesn't count


@dataclass(frozen=True)
class Done:
    key: str
    columns: dict[str, str]
    rejects: dict[str, int]
    reused: bool


class Lock(TypedDict):
    """What a fit stage is pinned to: the digest of the fixed parts of its key, and the key of what it fitted. For people: the
    shards of its sample, and the digest of what it fitted.
    """

    fixed: str
    key: str
    sample: NotRequired[list[str]]
    digests: NotRequired[dict[str, str]]


_LOCK = Form("a fit stage's lock", Lock)


class State:
    """`refit`: fit stages follow the rows that are there now; `keep`: the store may be written; `pilot`: these are the
    first rows only, and what they export stands beside the full corpus; `recipe_file`: as a person named it, for messages;
    `origin`: see `plan.origins`.
    """

    def __init__(
        self,
        graph: Graph,
        shards: list[Shard],
        store: Store,
        refit: bool = False,
        keep: bool = True,
        pilot: bool = False,
        recipe_file: str = "",
        origin: str = "",
    ) -> None:
        self.graph, self.shards, self.store, self.refit, self.keep = graph, shards, store, refit, keep
        self.recipe_file, self.origin = recipe_file, origin
        self.pilot = pilot
        self.fixed = {node.name: fixed_parts(graph, node) for node in graph.nodes.values()}
        self.done: dict[tuple[str, int], Done] = {}
        self.ready: dict[tuple[str, int], Task] = {}
        # Counted along, because they are asked for every moment while a run goes on.
        self.rows_done: Counter[str] = Counter()
        self._tasks_done: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        for node in graph.nodes.values():
            if node.stage.each == "recipe" and not refit:
                self._find_locked(node)
        self.resolve_all()

    def resolve_all(self) -> list[Task]:
        """Go down the stages as far as keys are known, stage by stage; the tasks that have become ready."""
        ready = []
        for node in self.graph.nodes.values():
            shards = [WHOLE] if node.stage.each == "recipe" else range(len(self.shards))
            ready += self._settle_or_ready(node, shards)
        return ready

    def resolve(self, shard: int) -> list[Task]:
        """The same for one shard."""
        ready = []
        for node in self.graph.nodes.values():
            ready += self._settle_or_ready(node, [WHOLE if node.stage.each == "recipe" else shard])
        return ready

    def _settle_or_ready(self, node: Node, shards: Iterable[int]) -> list[Task]:
        tasks = []
        for shard in shards:
            if (node.name, shard) not in self.done and (node.name, shard) not in self.ready:
                tasks.append(self._fit_task(node) if shard == WHOLE else self._task(node, shard))
        known = [task for task in tasks if task is not None]
        if len(known) == 1:  # no listing for one
            meta = commit_of(self.store, node, known[0].key)
            metas = {known[0].key: meta} if meta else {}
        else:
            metas = self.store.metas(node.name, [task.key for task in known]) if known else {}
            columns = _written_by(node)
            metas = {key: meta for key, meta in metas.items() if columns <= meta["columns"].keys()}
        ready = []
        for task in known:
            if task.key in metas and not task.anew:
                self.settle(task, metas[task.key], reused=True)
            else:
                self.ready[task.node, task.shard] = task
                ready.append(task)
        return ready

    def settle(self, task: Task, meta: Mapping[str, Any], reused: bool = False) -> None:
        """The task's object is there."""
        where = (task.node, task.shard)
        self.ready.pop(where, None)
        self.done[where] = Done(task.key, meta["columns"], meta.get("rejects", {}), reused)
        self._tasks_done[task.node] += 1
        self.rows_done[task.node] += 1 if task.shard == WHOLE else task.rows
        self.rejected[task.node] += sum(meta.get("rejects", {}).values())
        if self.keep and not self.pilot and task.shard == WHOLE and (self.refit or not self.lock_of(task.node)):
            self._lock(task)

    # -- columns ------------------------------------------------------------------------------------------------------

    def column_digest(self, name: str, shard: int) -> str | None:
        """What names the column's values in that shard; None while its stage isn't done."""
        owner = self.graph.owners[name]
        if owner == SOURCE:
            return self.shards[shard].columns.get(name, "none")
        done = self.done.get((owner, shard))
        if done is None:
            return None
        pointed = self._choices(owner).get(name)
        if pointed is None:
            return done.columns[name]
        others = [self.column_digest(other, shard) for other in pointed]
        return None if None in others else digest([done.columns[name], *others])

    def places(self, names: tuple[str, ...], shard: int) -> dict[str, Place]:
        """Where the columns of that shard are, with those that they point at."""
        places: dict[str, Place] = {}
        for name in names:
            owner = self.graph.owners[name]
            source = self.shards[shard]
            if owner == SOURCE:
                if name in source.columns:
                    places[name] = (source.folder, source.key)
                continue
            places[name] = (owner, self.done[owner, shard].key)
            places |= self.places(self._choices(owner).get(name, ()), shard)
        return places

    def digests(self, places: Mapping[str, Place], shard: int) -> dict[str, str]:
        """Digests of the columns as they stand in those objects."""
        source = self.shards[shard]
        return {
            name: source.columns[name] if stage == source.folder else self.done[stage, shard].columns[name]
            for name, (stage, _) in places.items()
        }

    def left(self, node: str) -> int:
        """Tasks of the stage that aren't done."""
        whole = self.graph.nodes[node].stage.each == "recipe"
        return (1 if whole else len(self.shards)) - self._tasks_done[node]

    def forget(self, node: str, shard: int) -> None:
        """The stage's object for the shard is gone; what was made of it stays."""
        done = self.done.pop((node, shard), None)
        if done is not None:
            self._tasks_done[node] -= 1
            self.rows_done[node] -= 1 if shard == WHOLE else self.shards[shard].rows
            self.rejected[node] -= sum(done.rejects.values())

    def _choices(self, owner: str) -> dict[str, tuple[str, ...]]:
        node = self.graph.nodes[owner]
        return node.stage.choices(node.config)

    # -- tasks --------------------------------------------------------------------------------------------------------

    def _task(self, node: Node, shard: int) -> Task | None:
        parts = dict(self.fixed[node.name])
        artifacts: dict[str, Place] = {}
        for name in node.artifacts:
            owner = self.graph.owners[name]
            done = self.done.get((owner, WHOLE))
            if done is None:
                return None
            parts[f"artifact:{name}"] = done.columns[name]
            artifacts[name] = (owner, done.key)
        names = self.graph.inputs(node)
        for name in names:
            named = self.column_digest(name, shard)
            if named is None:
                return None
            parts[f"column:{name}"] = named
        source = self.shards[shard]
        places = self.places(names, shard)
        for name in node.given:
            if name in source.columns:
                parts[f"column:given {name}"] = source.columns[name]
                places[name] = (source.folder, source.key)
        retries = source.retries.get(node.name, {})
        if retries:
            parts["retries"] = retries
        digests = (self.digests(places, shard),)
        return Task(node.name, shard, shard_key(parts), parts, (places,), digests, artifacts, source.rows, retries)

    def _fit_task(self, node: Node) -> Task | None:
        """The task of a fit stage: a sample of shards that depends on their names alone."""
        parts = dict(self.fixed[node.name])
        names = self.graph.inputs(node)
        sample = self.sample(node)
        for shard in sample:
            for name in names:
                named = self.column_digest(name, shard)
                if named is None:
                    return None
                parts[f"column:{name} of {self.shards[shard].anchor}"] = named
        places = tuple(self.places(names, shard) for shard in sample)
        digests = tuple(self.digests(place, shard) for place, shard in zip(places, sample, strict=True))
        rows = sum(self.shards[shard].rows for shard in sample)
        return Task(node.name, WHOLE, shard_key(parts), parts, places, digests, {}, rows, anew=self.refit)

    def sample(self, node: Node) -> list[int]:
        """Shards, by the hash of their anchor, until the stage's `sample_rows` are there."""
        wanted, rows, chosen = node.config.sample_rows, 0, []
        by_hash = sorted(range(len(self.shards)), key=lambda n: hashed(self.shards[n].anchor))
        for shard in by_hash:
            if rows >= wanted:
                break
            chosen.append(shard)
            rows += max(0, self.shards[shard].alive - self.shards[shard].without(self.graph.needed))
        return sorted(chosen)

    # -- locks: rows that come later don't move what was fitted; a pilot's few rows pin nothing -----------------------

    def lock_of(self, node: str) -> Lock | None:
        lock = self.store.read_kept(self._lock_path(node), _LOCK)
        fixed = self.fixed[node]
        codes = (fixed["code"], *self.graph.nodes[node].stage.same_code)
        return lock if lock and lock["fixed"] in {digest(fixed | {"code": code}) for code in codes} else None

    def _find_locked(self, node: Node) -> None:
        lock = self.lock_of(node.name)
        meta = commit_of(self.store, node, lock["key"]) if lock else None
        if lock and meta:
            self.done[node.name, WHOLE] = Done(lock["key"], meta["columns"], {}, reused=True)
            self._tasks_done[node.name] += 1
            self.rows_done[node.name] += 1

    def _lock(self, task: Task) -> None:
        sample = [part.rsplit(" of ", 1)[-1] for part in task.parts if part.startswith("column:")]
        lock: Lock = {
            "fixed": digest(self.fixed[task.node]),
            "key": task.key,
            "sample": sorted(set(sample)),
            "digests": self.done[task.node, WHOLE].columns,
        }
        self.store.write_json(self._lock_path(task.node), lock)

    def _lock_path(self, node: str) -> str:
        return f"locks/{self.graph.recipe.name}.{node}.json"


def commit_of(store: Store, node: Node, key: str) -> Commit | None:
    """What the commit of the stage's object says; None where there is none, or it lacks what the stage writes."""
    meta = store.meta(node.name, key)
    return meta if meta and _written_by(node) <= meta["columns"].keys() else None


def _written_by(node: Node) -> set[str]:
    """What an object of the stage has a digest of."""
    return {str(node.stage.fits)} if node.stage.each == "recipe" else set(node.writes)
