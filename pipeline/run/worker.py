"""What an actor does: hold one engine, run tasks, read and write objects itself. No Ray in here."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from models import references
from pipeline.plan.state import WHOLE, Task
from pipeline.recipe.nodes import Graph, Node
from pipeline.run.task import Outcome, context_of, run_task
from pipeline.store.digests import column_digest, digest
from pipeline.store.memo import Memo
from pipeline.store.objects import Damaged, Place, read_columns
from pipeline.store.store import Store
from pipeline.store.table_cache import Held
from pipeline.store.without_pandas import without_pandas
from pipeline.watch.meter import Account, Figures, Meter
from stages.context import Reject, Row
from stages.engines.backend import loaded
from stages.engines.base import Engine, Unavailable

_MODELS = ("model", "adapter", "codebook")  # of an identity: what each node has fetched for itself
log = logging.getLogger(__name__)


class Pulse(NamedTuple):
    """How an actor gets on. `stuck`: seconds since the last reply or row of the task that has waited longest for one,
    0 where none runs; `tasks`: of each under way, by key and span, its rows so far and its account's figures.
    """

    stuck: float
    tasks: dict[tuple[str, tuple[int, int] | None], tuple[int, Figures]]


class Worker:
    """One engine (or none), and the tasks that ask it. `load` comes first."""

    def __init__(self, store: str, graph: Graph, engine: str | None) -> None:
        without_pandas()
        self.store, self.graph = Store(store), graph
        self.engine_name = engine
        self.engine: Engine | None = None
        self.identity = ""
        self.stopping = threading.Event()
        self._under_way: dict[tuple[str, tuple[int, int] | None], Account] = {}
        self._memos: dict[str, Memo] = {}
        self._held = Held()
        self._models: dict[str, Any] = {}  # as parts of a key
        self._memo_lock = threading.Lock()
        self.at_once: int | None = None
        self.meter = Meter(None)

    def load(self) -> float:
        """Load the engine; the seconds that took."""
        start = time.monotonic()
        if self.engine_name is not None:
            found = self.graph.engines[self.engine_name]
            identity = found.backend.identity(found.config)
            self.identity = digest(identity)
            self._models = {f"engine.{name}": identity[name] for name in _MODELS if name in identity}
            self.engine = loaded(found.backend, found.config)
            self.at_once = found.config.resources.at_once
            self.meter = Meter(self.engine)
        return time.monotonic() - start

    def run(self, task: Task) -> dict[str, Any]:
        """Run the task and commit its object. Returns the object's meta, with `pending` where rows are held up.

        A task with pending rows is not committed: its replies so far stay as a part for the next try. Where an object
        that it reads is damaged, only `damaged` is returned: that object's place. Raises EngineLost.
        """
        self._check_models(task)
        account = self._under_way[task.key, task.span] = self.meter.open()
        try:
            return self._fit(task, account) if task.shard == WHOLE else self._run(task, account)
        except Damaged as error:
            log.warning("%s", error)
            return {"damaged": error.place}
        finally:
            del self._under_way[task.key, task.span]
            account.close()
            pa.default_memory_pool().release_unused()  # Arrow keeps what clips took; the next task takes it anew

    def _run(self, task: Task, account: Account) -> dict[str, Any]:
        node = self.graph.nodes[task.node]
        artifacts = {
            name: self._artifact(place, task.parts[f"artifact:{name}"]) for name, place in task.artifacts.items()
        }
        own_parts: list[str] = []
        rows = read_columns(self.store, task.places[0], task.digests[0]).select(self._visible(node, task))
        if task.span is not None:
            rows = rows.slice(task.span[0], task.span[1] - task.span[0])
        outcome = run_task(
            node,
            context_of(node, self.graph.recipe.seed, artifacts, task.retries),
            rows,
            account if self.engine else None,
            self.identity,
            self._memo(node),
            lambda part: own_parts.append(self.store.write_part(task.node, task.key, part)),
            task.killers,
            self.stopping.is_set,
            account.progressed,
            probe=task.span is not None,
            at_once=self.at_once,
        )
        meta = _meta(node, task, outcome, account)
        if task.span is not None or outcome.pending:
            return meta | {"pending": outcome.pending}
        meta["columns"] = {name: column_digest(outcome.table[name]) for name in node.writes}
        meta["replies"] = column_digest(outcome.table["_replies"])
        there = self.store.meta(task.node, task.key)
        if there is None:
            self.store.commit(task.node, task.key, outcome.table, meta)
        else:  # another run was quicker, and has gone on with what it wrote: an object never changes
            meta = there | {"metrics": meta["metrics"]}
        for path in own_parts:
            self.store.delete(path)
        return meta

    def _check_models(self, task: Task) -> None:
        """Raises ModelMissing where this node's models aren't those that the task's key names."""
        for name, here in self._models.items():
            if (wanted := task.parts.get(name)) != here:
                raise references.ModelMissing(
                    f"engine '{self.engine_name}': {socket.gethostname()} has {here}, and {wanted} is where the run was "
                    "started; fetch the same there, or name one for all: hub:org/name@COMMIT"
                )

    def stop(self) -> None:
        """Ask no more; tasks in flight leave what they have."""
        self.stopping.set()

    def pulse(self) -> "Pulse":
        now, tasks = time.monotonic(), dict(self._under_way)
        stuck = max((now - account.moved for account in tasks.values()), default=0.0)
        return Pulse(stuck, {name: (account.rows, account.told()) for name, account in tasks.items()})

    def ping(self) -> None:
        """Answers once there is an actor."""

    def _visible(self, node: Node, task: Task) -> list[str]:
        names = (*self.graph.inputs(node), *node.given)
        return [name for name in dict.fromkeys(names) if name in task.places[0]]

    def _memo(self, node: Node) -> Memo | None:
        if node.engine is None:
            return None
        with self._memo_lock:
            if node.name not in self._memos:
                self._memos[node.name] = Memo(self.store, node.name, node.stage.kept_as(node.config), self._held)
            return self._memos[node.name]

    def _artifact(self, place: Place, wanted: str) -> bytes:
        data = self.store.read_bytes(f"objects/{place[0]}/{place[1]}.npy")
        if data is None or digest(data.hex()) != wanted:
            raise Damaged(*place, "its file is not the one that was written")
        return data

    def _fit(self, task: Task, account: Account) -> dict[str, Any]:
        """Run a fit stage: its generator sees every row of the sample, in order, and returns the artifact."""
        start, node = time.monotonic(), self.graph.nodes[task.node]
        names = self.graph.inputs(node)
        generator = node.stage.run(
            self._sample_rows(node, task, names), context_of(node, self.graph.recipe.seed, {}, {})
        )
        try:
            request = next(generator)
            while True:
                reply = account.submit(request).result()
                account.progressed(0)
                request = generator.send(reply)
        except StopIteration as end:
            artifact: bytes = end.value[node.stage.fits]
        except (Unavailable, Reject, ValueError) as error:
            return {"pending": {node.name: str(error)}, "columns": {}, "rejects": {}}
        self.store.write_bytes(f"objects/{task.node}/{task.key}.npy", artifact)
        meta = {
            "key": task.key,
            "rows": task.rows,
            "columns": {node.stage.fits: digest(artifact.hex())},
            "rejects": {},
            "parts": task.parts,
            "metrics": {"remembered": 0, "seconds": round(time.monotonic() - start, 3), **account.told()},
        }
        self.store.write_json(f"objects/{task.node}/{task.key}.json", meta)
        return meta

    def _sample_rows(self, node: Node, task: Task, names: tuple[str, ...]) -> Iterator[Row]:
        for places, digests in zip(task.places, task.digests, strict=True):
            table: pa.Table = read_columns(self.store, places, digests)
            table = table.select([name for name in names if name in places])
            for place in range(len(table)):
                row = {name: table[name][place].as_py() for name in table.column_names}
                if all(row.get(name) is not None for name in node.reads):
                    yield row


def _meta(node: Node, task: Task, outcome: Outcome, account: Account) -> dict[str, Any]:
    return {
        "key": task.key,
        "rows": task.rows,
        "made": outcome.made,
        "rejected": sum(outcome.rejects.values()),
        "rejects": outcome.rejects,
        "columns": {},
        "parts": task.parts,
        "metrics": {
            "asked": outcome.asked,
            "remembered": outcome.remembered,
            "seconds": round(outcome.seconds, 3),
            **account.told(),
        },
    }
