"""One task: a stage over a shard. Drives each row's generator and carries requests to the engine and back."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.recipe.nodes import Node
from pipeline.store.memo import Memo
from pipeline.store.objects import build_table, column_field
from pipeline.watch.meter import Account
from schemas.columns import SIDES
from schemas.text import clean
from stages.context import Context, Reject, Row
from stages.engines.base import EngineLost, Refused, Unavailable
from stages.requests.base import Request

_AT_ONCE = 64  # conversations whose generators are alive, if the engine doesn't say: bounds the clips held in memory
_PART_SECONDS = 30.0
_GRACE = 10.0  # seconds that a stopped task waits for replies under way: spot instances give 30 in all
_STOPPED = "the run was stopped"
_AHEAD = 16  # rows that are made plain values together
# An actor works on two tasks at once. Who writes a stage needn't think of threads: in a process one runs at a time.
_STAGE_CODE = threading.Lock()
log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of a task's rows. `pending`: why, for each row that the world (not its content) held up."""

    table: pa.Table
    made: int  # rows that got columns
    rejects: dict[str, int]
    pending: dict[str, str]
    asked: int
    remembered: int
    seconds: float


@dataclass(eq=False)
class _Talk:
    """A row (or conversation) that is being worked on."""

    places: list[int]  # of its rows in the shard
    generator: Any
    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes | None] = field(default_factory=list)
    request: Request | None = None
    tries: int = 0


def run_task(
    node: Node,
    context: Context,
    rows: pa.Table,
    engine: Account | None,
    identity: str,
    memo: Memo | None,
    keep_part: Callable[[pa.Table], None],
    killers: dict[str, str] | None = None,
    stop: Callable[[], bool] = lambda: False,
    progressed: Callable[[int], None] = lambda rows: None,
    probe: bool = False,
    at_once: int | None = None,
) -> Outcome:
    """Run the node's stage over the rows of a shard.

    `identity` is the digest of the engine's identity, `keep_part` is given the replies so far now and then,
    `killers` are rows (by id) that kill the engine: they become rejects unasked. When `stop` turns true no more is
    asked, what is under way is waited for a while, and what is unfinished is pending. `progressed` is told of each reply
    (0) and of how many rows are finished.
    A `probe` leaves all its replies as a part, because it will not be committed. `at_once`: conversations that are
    worked on at a time. Never raises for what a row or the engine does, but EngineLost, with the replies so far left.
    """
    task = _Task(
        node, context, rows, engine, identity, memo, keep_part, killers or {}, stop, progressed, at_once or _AT_ONCE
    )
    outcome = task.run()
    if probe or outcome.pending:
        task.leave_part()
    return outcome


class _Task:
    def __init__(
        self,
        node: Node,
        context: Context,
        rows: pa.Table,
        engine: Account | None,
        identity: str,
        memo: Memo | None,
        keep_part: Callable[[pa.Table], None],
        killers: dict[str, str],
        stop: Callable[[], bool],
        progressed: Callable[[int], None],
        at_once: int,
    ) -> None:
        self.node, self.context, self.rows, self.engine, self.identity = node, context, rows, engine, identity
        self.memo, self.keep_part, self.killers, self.stop = memo, keep_part, killers, stop
        self.progressed, self.at_once = progressed, at_once
        count = len(rows)
        self.results: list[Row] = [{} for _ in range(count)]
        self.rejects: list[dict[str, str] | None] = [None] * count
        self.requests: list[list[bytes]] = [[] for _ in range(count)]
        self.replies: list[list[bytes | None]] = [[] for _ in range(count)]
        self.pending: dict[str, str] = {}
        self.fresh: list[tuple[bytes, bytes]] = []  # asked in this task, not yet left as a part
        self.asked = self.remembered = 0
        self.waiting: dict[Future[Any], list[_Talk]] = {}
        self.in_flight: dict[bytes, Future[Any]] = {}
        self._first, self._ahead = -1, list[Row]()  # rows as plain values, some at a time: one by one is slow

    def run(self) -> Outcome:
        start = left = time.monotonic()
        talks = self._talks()
        exhausted, stopped = False, 0.0
        while True:
            while not exhausted and len(self.waiting) < self.at_once and not self.stop():
                talk = next(talks, None)
                exhausted = talk is None
                if talk is not None:
                    self._go_on(talk, None)
            if not self.waiting:
                break
            done, _ = wait(self.waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(future)
            if self.stop():
                stopped = stopped or time.monotonic()
                if time.monotonic() - stopped > _GRACE:
                    self._abandon()
            if time.monotonic() - left > _PART_SECONDS:
                self.leave_part()
                left = time.monotonic()
        if not exhausted:
            for talk in talks:
                self._hold(talk, _STOPPED)
        return self._outcome(time.monotonic() - start)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _talks(self) -> Iterator[_Talk]:
        """A talk for each row, or conversation, that is alive; the others keep their nulls."""
        stage = self.node.stage
        for places in self._groups():
            rows = [self._row(place) for place in places]
            killed = [self.killers[row["id"]] for row in rows if row["id"] in self.killers]
            if killed:
                for place in places:
                    self._reject(place, Reject("engine_killed", killed[0]))
                continue
            if stage.each == "row":
                self._keep_given(places[0], rows[0])
                if all(rows[0].get(name) is not None for name in self.node.reads) and not self.results[places[0]]:
                    yield _Talk(places, stage.run(rows[0], self.context))
                continue
            alive = [place for place, row in zip(places, rows, strict=True) if self._is_alive(row)]
            if alive:
                yield _Talk(alive, stage.run([self._row(place) for place in alive], self.context))

    def _is_alive(self, row: Row) -> bool:
        return all(row.get(name) is not None for name in self.node.reads)

    def _groups(self) -> Iterator[list[int]]:
        if self.node.stage.each == "row":
            yield from ([place] for place in range(len(self.rows)))
            return
        group: list[int] = []
        previous = None
        for place, conversation in enumerate(self.rows["conversation_id"].to_pylist()):
            if group and conversation != previous:
                yield group
                group = []
            group.append(place)
            previous = conversation
        if group:
            yield group

    def _row(self, place: int) -> Row:
        first = place - place % _AHEAD
        if self._first != first:
            self._first, self._ahead = first, self.rows.slice(first, _AHEAD).to_pylist()
        return dict.fromkeys(self.node.optional) | self._ahead[place - first]

    def _keep_given(self, place: int, row: Row) -> None:
        """A column that the source supplies is kept, and the stage has nothing to do for that row."""
        given = {name: row[name] for name in self.node.given if row.get(name) is not None}
        if not given:
            return
        method = [f"{side}_method" for side in SIDES if f"{side}_text" in given]
        self.results[place] = {name: "given" for name in method if name in self.node.writes} | given

    # -- talking ------------------------------------------------------------------------------------------------------

    def _go_on(self, talk: _Talk, reply: Any, error: Exception | None = None) -> None:
        """Send the reply in, and go on until the talk asks something that must be waited for, or ends."""
        while True:
            try:
                with _STAGE_CODE:
                    request = talk.generator.throw(error) if error is not None else talk.generator.send(reply)
                name = request.digest(self.identity)
            except StopIteration as end:
                self._finish(talk, end.value)
                return
            except Reject as reject:
                self._finish(talk, reject)
                return
            except Refused as refused:
                self._finish(talk, Reject(refused.reason, refused.message))
                return
            except Exception as fault:
                log.exception("stage %s failed on row %s", self.node.name, self._id(talk))
                place = traceback.extract_tb(fault.__traceback__)[-1]
                where = f"{Path(place.filename).name}, line {place.lineno}"
                self._finish(talk, Reject("stage_error", f"{type(fault).__name__}: {fault} ({where})"))
                return
            error = None
            talk.request, talk.tries = request, 0
            talk.requests.append(name)
            kept = self.memo.get(name) if self.memo is not None and request.kept else None
            if kept is None:
                talk.replies.append(None)
                self._ask(talk, name)
                return
            self.remembered += 1
            talk.replies.append(kept)
            reply = request.reply.unpack(kept)

    def _ask(self, talk: _Talk, name: bytes) -> None:
        if self.engine is None or talk.request is None:
            self._finish(talk, Reject("stage_error", "the stage asks an engine, but it has none"))
            return
        if self.stop():
            self._hold(talk, _STOPPED)
            return
        future = self.in_flight.get(name)
        if future is None:
            future = self.in_flight[name] = self.engine.submit(talk.request)
            self.asked += 1
        self.waiting.setdefault(future, []).append(talk)

    def _settle(self, future: "Future[Any]") -> None:
        self.progressed(0)
        talks = self.waiting.pop(future)
        name = talks[0].requests[-1]
        self.in_flight.pop(name, None)
        error = future.exception()
        if error is None:
            reply = future.result()
            packed = reply.pack() if talks[0].request is not None and talks[0].request.kept else None
            if packed is not None:
                self.fresh.append((name, packed))
            for talk in talks:
                talk.replies[-1] = packed
                self._go_on(talk, reply)
            return
        for talk in talks:
            self._failed(talk, name, error)

    def _failed(self, talk: _Talk, name: bytes, error: BaseException) -> None:
        if isinstance(error, EngineLost):
            self.leave_part()  # the actor goes with it
            raise error
        if isinstance(error, Unavailable | MemoryError):
            self._hold(talk, str(error) or type(error).__name__)
        elif isinstance(error, Refused):
            talk.requests.pop()
            talk.replies.pop()
            self._go_on(talk, None, error)
        elif talk.tries < 1:  # once more: the fault may have been its neighbours'
            talk.tries += 1
            self._ask(talk, name)
        else:
            message = f"the engine failed on this row twice: {type(error).__name__}: {error}"
            talk.requests.pop()
            talk.replies.pop()
            self._finish(talk, Reject("engine_error", message))

    def _abandon(self) -> None:
        for talks in self.waiting.values():
            for talk in talks:
                self._hold(talk, _STOPPED)
        self.waiting.clear()

    def _hold(self, talk: _Talk, why: str) -> None:
        talk.generator.close()
        for place in talk.places:
            self.pending[self.rows["id"][place].as_py()] = clean(why)

    def _finish(self, talk: _Talk, result: Row | Sequence[Row | Reject] | Reject) -> None:
        self.progressed(len(talk.places))
        if isinstance(result, Reject):
            results: Sequence[Row | Reject] = [result] * len(talk.places)
        else:
            results = [result] if isinstance(result, dict) else result
        for place, found in zip(talk.places, results, strict=True):
            if isinstance(found, Reject):
                self._reject(place, found)
            else:
                self.results[place] = found
        first = talk.places[0]
        self.requests[first], self.replies[first] = talk.requests, talk.replies

    def _reject(self, place: int, reject: Reject) -> None:
        self.rejects[place] = {"reason": reject.reason, "message": reject.message, "sample": reject.sample}

    def _id(self, talk: _Talk) -> Any:
        return self.rows["id"][talk.places[0]].as_py()

    # -- results ------------------------------------------------------------------------------------------------------

    def leave_part(self) -> None:
        if self.fresh:
            table = build_table(
                [], [{}], [None], [[name for name, _ in self.fresh]], [[kept for _, kept in self.fresh]]
            )
            self.keep_part(table)
            self.fresh.clear()

    def _outcome(self, seconds: float) -> Outcome:
        stage, config = self.node.stage, self.node.config
        choices = stage.choices(config)
        fields = [column_field(name, self.node.column(name), choices.get(name)) for name in self.node.writes]
        kept_as = stage.kept_as(config)
        if kept_as is not None:  # the clip is the reply: it is stored once, as the column
            for place, result in enumerate(self.results):
                if result.get(kept_as) is None:
                    self.requests[place], self.replies[place] = [], []
                else:
                    self.replies[place] = [None] * len(self.requests[place])
        made = sum(1 for result in self.results if any(value is not None for value in result.values()))
        table = build_table(fields, self.results, self.rejects, self.requests, self.replies)
        counts: dict[str, int] = {}
        for reject in self.rejects:
            if reject is not None:
                counts[reject["reason"]] = counts.get(reject["reason"], 0) + 1
        return Outcome(table, made, counts, self.pending, self.asked, self.remembered, seconds)


def context_of(node: Node, seed: int, artifacts: dict[str, bytes], retries: dict[str, int]) -> Context:
    """What the node's function is given besides rows."""
    return Context(node.config, node.checks, seed, node.stage_name, artifacts, retries)
