"""What an actor does: hold one engine, run units, read and write objects itself. No Ray in here."""

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from pipeline.digests import column_digest, digest
from pipeline.graph import Graph, Node
from pipeline.memo import Memo
from pipeline.objects import Damaged, Place, read_columns
from pipeline.state import WHOLE, Unit
from pipeline.store import Store
from pipeline.unit import Outcome, context_of, run_unit
from stages.engines.base import Engine, Unavailable
from stages.stage import Reject, Row

log = logging.getLogger(__name__)


class Worker:
    """One engine (or none), loaded once, and the units that ask it."""

    def __init__(self, store: str, graph: Graph, engine: str | None) -> None:
        self.store, self.graph = Store(store), graph
        self.engine: Engine | None = None
        self.identity = ""
        self.stopping = threading.Event()
        self._progress: dict[tuple[str, tuple[int, int] | None], float] = {}  # when each unit under way last got on
        self._memos: dict[str, Memo] = {}
        self._memo_lock = threading.Lock()
        if engine is not None:
            found = graph.engines[engine]
            self.identity = digest(found.module.identity(found.config))
            self.engine = found.module.load(found.config)

    def run(self, unit: Unit) -> dict[str, Any]:
        """Run the unit and commit its object. Returns the object's meta, with `pending` where rows are held up.

        A unit with pending rows is not committed: its replies so far stay as a part for the next try. Where an object
        that it reads is damaged, only `damaged` is returned: that object's place.
        """
        self._progress[unit.key, unit.span] = time.monotonic()
        try:
            return self._run(unit)
        except Damaged as error:
            log.warning("%s", error)
            return {"damaged": error.place}
        finally:
            del self._progress[unit.key, unit.span]

    def _run(self, unit: Unit) -> dict[str, Any]:
        node = self.graph.nodes[unit.node]
        artifacts = {
            name: self._artifact(place, unit.parts[f"artifact:{name}"]) for name, place in unit.artifacts.items()
        }
        if unit.shard == WHOLE:
            return self._fit(node, unit)
        own_parts: list[str] = []
        rows = read_columns(self.store, unit.places[0], unit.digests[0]).select(self._visible(node, unit))
        if unit.span is not None:
            rows = rows.slice(unit.span[0], unit.span[1] - unit.span[0])
        outcome = run_unit(
            node,
            context_of(node, self.graph.recipe.seed, artifacts, unit.retries),
            rows,
            self.engine,
            self.identity,
            self._memo(node),
            lambda part: own_parts.append(self.store.write_part(unit.node, unit.key, part)),
            unit.killers,
            self.stopping.is_set,
            lambda: self._progress.update({(unit.key, unit.span): time.monotonic()}),
            probe=unit.span is not None,
        )
        meta = _meta(node, unit, outcome)
        if unit.span is not None or outcome.pending:
            return meta | {"pending": outcome.pending}
        meta["columns"] = {name: column_digest(outcome.table[name]) for name in node.writes}
        meta["replies"] = column_digest(outcome.table["_replies"])
        self.store.commit(unit.node, unit.key, outcome.table, meta)
        for path in own_parts:
            self.store.delete(path)
        return meta

    def stop(self) -> None:
        """Ask no more; units in flight leave what they have."""
        self.stopping.set()

    def pulse(self) -> float:
        """Seconds since the last reply or row of the unit that has waited longest for one; 0 where none runs."""
        now = time.monotonic()
        return max((now - last for last in list(self._progress.values())), default=0.0)

    def ping(self) -> bool:
        """True once the engine is loaded."""
        return True

    def _visible(self, node: Node, unit: Unit) -> list[str]:
        names = (*self.graph.inputs(node), *node.given)
        return [name for name in dict.fromkeys(names) if name in unit.places[0]]

    def _memo(self, node: Node) -> Memo | None:
        if node.engine is None:
            return None
        with self._memo_lock:
            if node.name not in self._memos:
                self._memos[node.name] = Memo(self.store, node.name, node.stage.kept_as(node.config))
            return self._memos[node.name]

    def _artifact(self, place: Place, wanted: str) -> bytes:
        data = self.store.read_bytes(f"objects/{place[0]}/{place[1]}.npy")
        if data is None or digest(data.hex()) != wanted:
            raise Damaged(*place, "its file is not the one that was written")
        return data

    def _fit(self, node: Node, unit: Unit) -> dict[str, Any]:
        """Run a fit stage: its generator sees every row of the sample, in order, and returns the artifact."""
        start = time.monotonic()
        names = self.graph.inputs(node)
        generator = node.stage.run(
            self._sample_rows(node, unit, names), context_of(node, self.graph.recipe.seed, {}, {})
        )
        asked = 0
        try:
            request = next(generator)
            while True:
                if self.engine is None:
                    raise TypeError(f"the stage {node.name} asks an engine, but it has none")
                asked += 1
                self._progress[unit.key, unit.span] = time.monotonic()
                request = generator.send(self.engine.submit(request).result())
        except StopIteration as end:
            artifact: bytes = end.value[node.stage.fits]
        except (Unavailable, Reject, ValueError) as error:
            return {"pending": {node.name: str(error)}, "columns": {}, "rejects": {}}
        self.store.write_bytes(f"objects/{unit.node}/{unit.key}.npy", artifact)
        meta = {
            "key": unit.key,
            "rows": unit.rows,
            "columns": {node.stage.fits: digest(artifact.hex())},
            "rejects": {},
            "parts": unit.parts,
            "metrics": {"asked": asked, "remembered": 0, "seconds": round(time.monotonic() - start, 3)},
        }
        self.store.write_json(f"objects/{unit.node}/{unit.key}.json", meta)
        return meta

    def _sample_rows(self, node: Node, unit: Unit, names: tuple[str, ...]) -> Iterator[Row]:
        for places, digests in zip(unit.places, unit.digests, strict=True):
            table: pa.Table = read_columns(self.store, places, digests)
            table = table.select([name for name in names if name in places])
            for place in range(len(table)):
                row = {name: table[name][place].as_py() for name in table.column_names}
                if all(row.get(name) is not None for name in node.reads):
                    yield row


def _meta(node: Node, unit: Unit, outcome: Outcome) -> dict[str, Any]:
    return {
        "key": unit.key,
        "rows": unit.rows,
        "made": outcome.made,
        "rejected": sum(outcome.rejects.values()),
        "rejects": outcome.rejects,
        "columns": {},
        "parts": unit.parts,
        "metrics": {
            "asked": outcome.asked,
            "remembered": outcome.remembered,
            "seconds": round(outcome.seconds, 3),
        },
    }
