"""One task: a stage over a shard. Drives each row's generator and carries requests to the engine and back."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.recipe.by_name import ByName
from voxsmith.pipeline.recipe.nodes import Node
from voxsmith.pipeline.run.remembered import unpacked
from voxsmith.pipeline.run.results import Results, StageFault
from voxsmith.pipeline.run.rows import Rows
from voxsmith.pipeline.store.memo import Memo
from voxsmith.pipeline.store.objects import build_table
from voxsmith.pipeline.watch.meter import Account
from voxsmith.schemas.template import PromptFault
from voxsmith.schemas.text import clean
from voxsmith.stages.context import Context, Reject, Row
from voxsmith.stages.engines.base import EngineLost, Refused, Unavailable
from voxsmith.stages.requests.base import Request

_AT_ONCE = 64  # conversations with an open generator, if the engine doesn't say: bounds the clips in memory
_PARTIAL_SECONDS = 30.0  # between two partial objects
_GRACE = 10.0  # seconds that a stopped task waits for replies under way: spot instances give 30 in all
_STOPPED = "the run was stopped"
# An actor works on two tasks at once. Who writes a stage needn't think of threads: in a process one runs at a time.
_STAGE_CODE = threading.Lock()
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    """Where a task's requests go: to the memo first, then to the engine (None where the stage asks none).

    `identity` is the digest of the engine's identity. `at_once`: conversations that are worked on at a time.
    """

    engine: Account | None = None
    identity: str = ""
    memo: Memo | None = None
    at_once: int | None = None


@dataclass(frozen=True)
class Watchers:
    """Who is called while a task runs. `stop` says whether to end early; `progressed` is called with 0 for each reply and
    with the number of rows that were finished; `keep_partial` is called now and then with a table of the replies since.
    """

    stop: Callable[[], bool] = lambda: False
    progressed: Callable[[int], None] = lambda rows: None
    keep_partial: Callable[[pa.Table], None] = lambda table: None


@dataclass
class TaskOutcome:
    """What became of a task's rows. `pending`: why, for each row that the environment (not its content) holds up."""

    table: pa.Table
    made: int  # rows that got columns
    rejects: dict[str, int]
    pending: dict[str, str]
    asked: int
    remembered: int
    seconds: float


@dataclass(eq=False)
class _Call:
    """A call of the stage's function, for a row or a conversation, that is under way."""

    places: list[int]  # of its rows in the shard
    generator: Any
    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes | None] = field(default_factory=list)
    request: Request | None = None
    tries: int = 0


class TaskRun:
    """Runs the node's stage over the rows of a shard, once.

    `killers` are rows (by id) that kill the engine: they are rejected without being asked.
    """

    def __init__(
        self,
        node: Node,
        context: Context,
        table: pa.Table,
        desk: Desk,
        watchers: Watchers | None = None,
        killers: dict[str, str] | None = None,
        by_name: ByName | None = None,
    ) -> None:
        self.node, self.context, self.rows = node, context, Rows(node, table)
        self.desk, self.watchers, self.killers = desk, watchers or Watchers(), killers or {}
        self.by_name = by_name
        self.results = Results(node, self.rows)
        self.pending: dict[str, str] = {}
        self.fresh: list[tuple[bytes, bytes]] = []  # replies that are in no partial object yet, by request
        self.asked = self.remembered = 0
        self.waiting: dict[Future[Any], list[_Call]] = {}
        self.in_flight: dict[bytes, Future[Any]] = {}

    def run(self, probe: bool = False) -> TaskOutcome:
        """Go through all rows. When `stop` turns true, nothing more is asked, replies under way are waited for a while, and
        unfinished rows are pending.

        A `probe` leaves all its replies as a partial object, because it will not be committed. Whatever a row or the
        engine does, nothing is raised but EngineLost, and StageFault where the stage's code breaks its declaration;
        replies so far are in a partial object then.
        """
        start = time.monotonic()
        try:
            self._work_through()
            made, rejects, table = self.results.made(), self.results.rejects(), self.results.table()
        except StageFault:
            self._keep_replies_under_way()
            raise
        if probe or self.pending:
            self._leave_partial()
        seconds = time.monotonic() - start
        return TaskOutcome(table, made, rejects, self.pending, self.asked, self.remembered, seconds)

    def _work_through(self) -> None:
        left = time.monotonic()
        calls, exhausted, stopped = self._calls(), False, 0.0
        while True:
            while not exhausted and len(self.waiting) < (self.desk.at_once or _AT_ONCE) and not self.watchers.stop():
                call = next(calls, None)
                exhausted = call is None
                if call is not None:
                    self._go_on(call, None)
            if not self.waiting:
                break
            done, _ = wait(self.waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(future)
            if self.watchers.stop():
                stopped = stopped or time.monotonic()
                if time.monotonic() - stopped > _GRACE:
                    self._abandon()
            if time.monotonic() - left > _PARTIAL_SECONDS:
                self._leave_partial()
                left = time.monotonic()
        if not exhausted:
            for call in calls:
                self._suspend(call, _STOPPED)

    def _calls(self) -> Iterator[_Call]:
        """A call for each row, or conversation, that has something to do; the others keep their nulls."""
        for places in self.rows.groups():
            rows = [self.rows[place] for place in places]
            if killed := [self.killers[row["id"]] for row in rows if row["id"] in self.killers]:
                for place in places:
                    self.results.reject(place, Reject("engine_killed", killed[0]))
            elif self.node.stage.each == "row":
                if supplied := self.rows.supplied(rows[0]):
                    self.results.put(places[0], supplied)
                elif self.node.takes(rows[0]) and self._has_clips(places, rows):
                    yield _Call(places, self.node.stage.run(rows[0], self.context))
            else:
                complete = {place: row for place, row in zip(places, rows, strict=True) if self.node.takes(row)}
                if complete and self._has_clips(list(complete), list(complete.values())):
                    yield _Call(list(complete), self.node.stage.run(list(complete.values()), self.context))

    def _has_clips(self, places: list[int], rows: list[Row]) -> bool:
        """Put the clips into rows that have their names alone. Where one can't be had, the call isn't made."""
        if self.by_name is None:
            return True
        try:
            for row in rows:
                self.by_name.fill(row)
        except (Reject, Unavailable) as error:
            for place in places:
                if isinstance(error, Reject):
                    self.results.reject(place, error)
                else:
                    self.pending[self.rows.id(place)] = clean(str(error))
            self.watchers.progressed(len(places))
            return False
        return True

    def _go_on(self, call: _Call, reply: Any, error: Exception | None = None) -> None:
        """Send the reply in, and go on until the call asks something that must be waited for, or ends."""
        while True:
            # A row's own failure must not end the task: its shard has other rows. So whatever the stage's code raises is a
            # verdict on this row, and only what it returns at its end may be a fault that ends the run (see Results).
            try:
                with _STAGE_CODE:
                    request = call.generator.throw(error) if error is not None else call.generator.send(reply)
                if not isinstance(request, Request):
                    raise self._no_request(request)
                name = request.digest(self.desk.identity)
            except StopIteration as end:
                self._finish(call, end.value)
                return
            except Reject as reject:
                self._finish(call, reject)
                return
            except Refused as refused:  # thrown in above, and the stage has let it pass
                self._finish(call, Reject(refused.reason, refused.message))
                return
            except StageFault:
                raise
            except PromptFault as fault:
                row = self.rows.id(call.places[0])
                raise StageFault(
                    f"stage '{self.node.name}' can't ask about row {row}: {fault}; mend the prompt"
                ) from None
            except Exception as fault:
                log.exception("stage %s failed on row %s", self.node.name, self.rows.id(call.places[0]))
                place = traceback.extract_tb(fault.__traceback__)[-1]
                where = f"{Path(place.filename).name}, line {place.lineno}"
                self._finish(call, Reject("stage_error", f"{type(fault).__name__}: {fault} ({where})"))
                return
            error = None
            call.request, call.tries = request, 0
            call.requests.append(name)
            kept = self._remembered(request, name)
            if kept is None:
                call.replies.append(None)
                self._ask(call, name)
                return
            # Remembered: the same call goes on at once. It is a loop and no recursion, because a conversation of which
            # all is remembered would nest as deep as it has requests.
            self.remembered += 1
            packed, reply = kept
            call.replies.append(packed)

    def _remembered(self, request: Request, name: bytes) -> tuple[bytes, Any] | None:
        """The kept reply, packed and as it is; None where there is none that can be read: it is asked for again."""
        packed = self.desk.memo.get(name) if self.desk.memo is not None and request.kept else None
        try:
            return None if packed is None else (packed, unpacked(request.reply, packed))
        except Exception as fault:  # whatever the class of a reply raises
            log.warning("stage %s: a kept reply can't be read (%s): it is asked for again", self.node.name, fault)
            return None

    def _no_request(self, yielded: Any) -> StageFault:
        return StageFault(
            f"stage '{self.node.name}' yielded a value of type {type(yielded).__name__}; it yields requests, of classes "
            "derived from voxsmith.stages.requests.base.Request"
        )

    def _ask(self, call: _Call, name: bytes) -> None:
        if self.desk.engine is None or call.request is None:
            raise StageFault(
                f"stage '{self.node.name}' asks an engine, and declares none: Stage(engine=…) names its kind"
            )
        if self.watchers.stop():
            self._suspend(call, _STOPPED)
            return
        future = self.in_flight.get(name)
        if future is None:
            future = self.in_flight[name] = self.desk.engine.submit(call.request)
            self.asked += 1
        self.waiting.setdefault(future, []).append(call)

    def _settle(self, future: "Future[Any]") -> None:
        self.watchers.progressed(0)
        calls = self.waiting.pop(future)
        name = calls[0].requests[-1]
        self.in_flight.pop(name, None)
        error = future.exception()
        if error is not None:
            for call in calls:
                self._failed(call, name, error)
            return
        packed = self._keep_fresh(calls[0], future.result())
        for call in calls:
            call.replies[-1] = packed
            self._go_on(call, future.result())

    def _keep_fresh(self, call: _Call, reply: Any) -> bytes | None:
        """The reply to the call's latest request as bytes; None where such replies are not kept."""
        if call.request is None or not call.request.kept:
            return None
        packed: bytes = reply.pack()
        self.fresh.append((call.requests[-1], packed))
        return packed

    def _failed(self, call: _Call, name: bytes, error: BaseException) -> None:
        if isinstance(error, EngineLost):
            self._leave_partial()  # the actor goes with it
            raise error
        if isinstance(error, Unavailable | MemoryError):
            self._suspend(call, str(error) or type(error).__name__)
        elif isinstance(error, Refused):
            call.requests.pop()
            call.replies.pop()
            self._go_on(call, None, error)
        elif call.tries < 1:  # once more: the fault may have been its neighbours'
            call.tries += 1
            self._ask(call, name)
        else:
            message = f"the engine failed on this row twice: {type(error).__name__}: {error}"
            call.requests.pop()
            call.replies.pop()
            self._finish(call, Reject("engine_error", message))

    def _abandon(self) -> None:
        for calls in self.waiting.values():
            for call in calls:
                self._suspend(call, _STOPPED)
        self.waiting.clear()

    def _suspend(self, call: _Call, why: str) -> None:
        """Leave the call's rows pending."""
        call.generator.close()
        for place in call.places:
            self.pending[self.rows.id(place)] = clean(why)

    def _finish(self, call: _Call, returned: Any) -> None:
        self.watchers.progressed(len(call.places))
        self.results.take(call.places, returned)
        if self.node.stage.each == "conversation" and self.node.given:
            for place in call.places:
                self.results.keep_given(place, self.rows.supplied(self.rows[place]))
        self.results.keep(call.places[0], call.requests, call.replies)

    def _keep_replies_under_way(self) -> None:
        """What was asked has been paid for: once the stage is mended, it is not asked again."""
        done, _ = wait(self.waiting, timeout=_GRACE)
        for future in done:
            if future.exception() is None:
                self._keep_fresh(self.waiting[future][0], future.result())
        self._leave_partial()

    def _leave_partial(self) -> None:
        if self.fresh:
            requests, replies = zip(*self.fresh, strict=True)
            self.watchers.keep_partial(build_table([], [{}], [None], [list(requests)], [list(replies)]))
            self.fresh.clear()


def context_of(node: Node, seed: int, artifacts: dict[str, bytes], retries: dict[str, int]) -> Context:
    """What the node's function is given besides rows."""
    return Context(node.config, node.checks, seed, node.stage_name, artifacts, retries)
