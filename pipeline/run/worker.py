"""What an actor does: it has one engine, runs tasks, and reads and writes objects itself. No Ray in here."""

import logging
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from voxsmith.models import references
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan.keys import code_part
from voxsmith.pipeline.plan.state import WHOLE, Task, commit_of
from voxsmith.pipeline.recipe.by_name import ByName
from voxsmith.pipeline.recipe.nodes import Graph, Node
from voxsmith.pipeline.run.results import artifact_of
from voxsmith.pipeline.run.task import Desk, TaskOutcome, TaskRun, Watchers, context_of
from voxsmith.pipeline.store.digests import column_digest, digest
from voxsmith.pipeline.store.memo import Memo
from voxsmith.pipeline.store.objects import Damaged, Place, read_columns
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.table_cache import TableCache
from voxsmith.pipeline.store.without_pandas import without_pandas
from voxsmith.pipeline.terminal import make_streams_plain
from voxsmith.pipeline.watch.meter import Account, Figures, Meter
from voxsmith.stages.context import Reject, Row
from voxsmith.stages.engines.backend import loaded
from voxsmith.stages.engines.base import Engine, Unavailable
from voxsmith.stages.registry import PartError

# Of an identity: what each node has fetched for itself.
_MODELS = ("model", "adapter", "codebook")
log = logging.getLogger(__name__)


class Pulse(NamedTuple):
    """The progress of an actor. `stuck`: seconds since the last reply or row of the task that has waited longest for one,
    0 where none runs; `tasks`: of each under way, by key and span, its rows so far and its account's figures.
    """

    stuck: float
    tasks: dict[tuple[str, tuple[int, int] | None], tuple[int, Figures]]


class Worker:
    """One engine (or none), and the tasks that ask it. `load` comes first.

    `graph` is pickled where it comes from another process: reading it imports the modules of stages and backends, and a
    node that lacks one says so from `load`.
    """

    graph: Graph

    def __init__(self, store: str, graph: Graph | bytes, engine: str | None) -> None:
        without_pandas()
        self.store, self._given_graph = Store(store), graph
        self.engine_name = engine
        self.engine: Engine | None = None
        self.identity = ""
        self.stopping = threading.Event()
        self._under_way: dict[tuple[str, tuple[int, int] | None], Account] = {}
        self._memos: dict[str, Memo] = {}
        self._tables = TableCache()
        # As parts of a key: the engine's models, and the code of each stage, on this node.
        self._models: dict[str, Any] = {}
        self._code: dict[str, str] = {}
        self._engine_code: str | None = None
        self._memo_lock = threading.Lock()
        self._clips: dict[str, ByName] = {}
        self.at_once: int | None = None
        self.meter = Meter(None)

    def load(self) -> float:
        """Load the engine; the seconds that this took. Raises RunFailed where this node lacks code that the recipe needs."""
        start = time.monotonic()
        self._read_graph()
        if self.engine_name is not None:
            engine = self.graph.engines[self.engine_name]
            identity = engine.identity
            self.identity = digest(identity)
            self._models = {f"engine.{name}": identity[name] for name in _MODELS if name in identity}
            self._engine_code = identity.get("code")
            self.engine = loaded(engine.backend, engine.config)
            self.at_once = engine.config.resources.at_once
            self.meter = Meter(self.engine)
        return time.monotonic() - start

    def _read_graph(self) -> None:
        """Import all that this worker runs, and note its code now: the files may change while it works."""
        try:
            graph = self._given_graph
            self.graph = pickle.loads(graph) if isinstance(graph, bytes) else graph
            if self.engine_name is not None:
                _ = self.graph.engines[self.engine_name].backend
            for node in self.graph.nodes.values():
                if node.engine == self.engine_name:
                    _ = node.stage
                    self._code[node.name] = code_part(node)
        except Exception as error:  # whatever a module raises while it is imported
            why = str(error) if isinstance(error, PartError) else f"{type(error).__name__}: {error}"
            raise RunFailed(
                f"node {socket.gethostname()} can't import what the recipe names: {why}. All nodes need the packages of "
                "the one where the run was started (docs/cluster.md)"
            ) from error

    def run(self, task: Task) -> dict[str, Any]:
        """Run the task and commit its object. Returns the object's meta, with `pending` where rows are held up, and `reused`
        where another run has committed it already.

        A task with pending rows is not committed: its replies so far stay as a partial object for the next run. Where an
        object that it reads is damaged, only `damaged` is returned: that object's place. Raises EngineLost; StageFault
        where the stage's code breaks its declaration; ModelMissing or RunFailed where models or code of this node are not
        those that the task's key names.
        """
        self._check_models(task)
        self._check_code(task)
        node = self.graph.nodes[task.node]
        if task.span is None and not task.anew and (there := commit_of(self.store, node, task.key)):
            return {**there, "metrics": {}, "reused": True}
        account = self._under_way[task.key, task.span] = self.meter.open()
        try:
            return self._fit(task, account) if task.shard == WHOLE else self._run(task, account)
        except Damaged as error:
            log.warning("%s", error)
            return {"damaged": error.place}
        finally:
            del self._under_way[task.key, task.span]
            account.close()
            pa.default_memory_pool().release_unused()  # Arrow keeps what clips took; the next task allocates again

    def _run(self, task: Task, account: Account) -> dict[str, Any]:
        node = self.graph.nodes[task.node]
        artifacts = {
            name: self._artifact(place, task.parts[f"artifact:{name}"]) for name, place in task.artifacts.items()
        }
        partial: list[str] = []  # paths of the partial objects that this task leaves
        rows = read_columns(self.store, task.places[0], task.digests[0]).select(self._visible(node, task))
        if task.span is not None:
            rows = rows.slice(task.span[0], task.span[1] - task.span[0])
        outcome = TaskRun(
            node,
            context_of(node, self.graph.recipe.seed, artifacts, task.retries),
            rows,
            Desk(account if self.engine else None, self.identity, self._memo(node, task), self.at_once),
            Watchers(
                self.stopping.is_set,
                account.progressed,
                lambda replies: partial.append(self.store.write_partial(task.node, task.key, replies)),
            ),
            task.killers,
            self._by_name(node),
        ).run(probe=task.span is not None)
        meta = _meta(node, task, outcome, account)
        if task.span is not None or outcome.pending:
            return meta | {"pending": outcome.pending}
        meta["columns"] = {name: column_digest(outcome.table[name]) for name in node.writes}
        meta["replies"] = column_digest(outcome.table["_replies"])
        there = commit_of(self.store, node, task.key)
        if there is None:
            self.store.commit(task.node, task.key, outcome.table, meta)
        else:
            # Another run was quicker, and has gone on with what it wrote: an object never changes.
            meta = {**there, "metrics": meta["metrics"]}
        for path in partial:
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

    def _check_code(self, task: Task) -> None:
        """Raises RunFailed where the code of the stage or of the engine on this node is not the one that the task's key names:
        its result would be kept under a wrong key.
        """
        other = [f"stage '{task.node}'"] if self._code.get(task.node) != task.parts["code"] else []
        if self._engine_code != task.parts.get("engine.code"):
            other.append(f"engine '{self.engine_name}'")
        if other:
            raise RunFailed(
                f"{' and '.join(other)}: the code on {socket.gethostname()} is not the code that the run was started with; "
                "install the same version there, or, if it was edited since, run the same command again"
            )

    def stop(self) -> None:
        """Ask no more; tasks in flight keep the replies that they have."""
        self.stopping.set()

    def pulse(self) -> "Pulse":
        now, tasks = time.monotonic(), dict(self._under_way)
        stuck = max((now - account.moved for account in tasks.values()), default=0.0)
        return Pulse(stuck, {name: (account.rows, account.totals()) for name, account in tasks.items()})

    def _visible(self, node: Node, task: Task) -> list[str]:
        names = (*self.graph.inputs(node), *node.given)
        return [name for name in dict.fromkeys(names) if name in task.places[0]]

    def _by_name(self, node: Node) -> ByName:
        with self._memo_lock:
            if node.name not in self._clips:
                self._clips[node.name] = ByName(self.graph, self.graph.inputs(node))
            return self._clips[node.name]

    def _memo(self, node: Node, task: Task) -> Memo | None:
        if node.engine is None:
            return None
        with self._memo_lock:
            if node.name not in self._memos:
                self._memos[node.name] = Memo(self.store, node.name, node.stage.kept_as(node.config), self._tables)
            elif task.begun:
                self._memos[node.name].add_partials(task.key)
            return self._memos[node.name]

    def _artifact(self, place: Place, wanted: str) -> bytes:
        data = self.store.read_bytes(f"objects/{place[0]}/{place[1]}.npy")
        if data is None or digest(data.hex()) != wanted:
            raise Damaged(*place, "its file is not the one that was written")
        return data

    def _fit(self, task: Task, account: Account) -> dict[str, Any]:
        """Run a fit stage: its generator sees every row of the sample, in order, and returns the artifact."""
        start, node = time.monotonic(), self.graph.nodes[task.node]
        names, by_name = self.graph.inputs(node), self._by_name(node)
        generator = node.stage.run(
            self._sample_rows(node, task, names, by_name), context_of(node, self.graph.recipe.seed, {}, {})
        )
        try:
            request = next(generator)
            while True:
                reply = account.submit(request).result()
                account.progressed(0)
                request = generator.send(reply)
        except StopIteration as end:
            artifact = artifact_of(node, end.value)
        except (Unavailable, Reject, ValueError) as error:
            return {"pending": {node.name: str(error)}, "columns": {}, "rejects": {}}
        self.store.write_bytes(f"objects/{task.node}/{task.key}.npy", artifact)
        meta = {
            "key": task.key,
            "rows": task.rows,
            "columns": {str(node.stage.fits): digest(artifact.hex())},
            "rejects": {},
            "parts": task.parts,
            "metrics": {"remembered": 0, "seconds": round(time.monotonic() - start, 3), **account.totals()},
        }
        self.store.write_json(f"objects/{task.node}/{task.key}.json", meta)
        return meta

    def _sample_rows(self, node: Node, task: Task, names: tuple[str, ...], by_name: ByName) -> Iterator[Row]:
        for places, digests in zip(task.places, task.digests, strict=True):
            table: pa.Table = read_columns(self.store, places, digests)
            table = table.select([name for name in names if name in places])
            for place in range(len(table)):
                row = {name: table[name][place].as_py() for name in table.column_names}
                if node.takes(row):
                    by_name.fill(row)
                    yield row


class LoggedWorker(Worker):
    """A worker in a process of its own, whose log people read in a terminal."""

    def __init__(self, store: str, graph: Graph | bytes, engine: str | None) -> None:
        make_streams_plain()
        super().__init__(store, graph, engine)


def _meta(node: Node, task: Task, outcome: TaskOutcome, account: Account) -> dict[str, Any]:
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
            **account.totals(),
        },
    }
