"""Divides an actor's time, and what its engine used, among the tasks that it works on at once.

The time since the last event on the actor (a reply, a finished row, the end of a task) goes to the task whose event it
is. So the parts add up to the whole, and a request that took long counts for its own task.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from voxsmith.stages.engines.base import Engine, Unavailable
from voxsmith.stages.engines.replies import misfit
from voxsmith.stages.engines.usage import usage_of
from voxsmith.stages.requests.base import Request

Figures = dict[str, float]


def add(figures: Figures, more: Mapping[str, float]) -> None:
    """Add each of `more` to the figure of its name."""
    for name, value in more.items():
        figures[name] = figures.get(name, 0) + value


class Meter:
    """The meter of one actor. `engine`: None for stages that ask none; then the process counts as busy all the time."""

    def __init__(self, engine: Engine | None) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._tasks = self._waiting = 0  # tasks under way; requests that the engine has
        self._last = 0.0  # when the last event was (time.monotonic)
        self._since = self._unshared = 0.0  # when the engine's time was counted last; what of it is nobody's yet
        self._used: Figures = {}

    def open(self) -> "Account":
        """Begin the account of a task."""
        with self._lock:
            self._tasks += 1
            if self._tasks == 1:  # what went by before was nobody's
                self._last = time.monotonic()
        return Account(self)

    def close(self, account: "Account") -> None:
        """End the account of a task."""
        with self._lock:
            # Its figures have been given: what has gone by since is for the next event of a task that goes on.
            self._tasks -= 1

    def asked(self, account: "Account") -> None:
        with self._lock:
            self._count_busy()
            self._waiting += 1
            add(account.figures, {"asked": 1})

    def answered(self, account: "Account", used: Figures) -> None:
        """The engine has replied, or failed; `used`: what the reply shows of what it took."""
        with self._lock:
            self._count_busy()
            self._waiting -= 1
            add(account.figures, used)
            self._share(account)

    def finished(self, account: "Account", rows: int) -> None:
        with self._lock:
            account.rows += rows
            self._share(account)

    def totals(self, account: "Account") -> Figures:
        """The account's figures up to now, seconds rounded."""
        with self._lock:
            self._share(account)
            return {name: round(value, 4) for name, value in account.figures.items()}

    def _share(self, account: "Account") -> None:
        now = time.monotonic()
        worked, self._last = now - self._last, now
        self._count_busy()
        busy, self._unshared = worked if self.engine is None else self._unshared, 0.0
        used = dict(getattr(self.engine, "usage", {}))
        more = {name: value - self._used.get(name, 0) for name, value in used.items()}
        self._used = used
        add(account.figures, {"worked": worked, "busy": busy} | more)

    def _count_busy(self) -> None:
        now = time.monotonic()
        self._unshared += now - self._since if self._waiting else 0.0
        self._since = now


class Account:
    """What one task's work comes to. A task sends its requests through its account, which passes them to the engine.

    `figures`: `asked` (requests), `worked` (seconds of the actor), `busy` (seconds of its engine), and what the engine used.
    `rows`: finished so far; `moved`: when the task last made progress (time.monotonic).
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.figures: Figures = {}
        self.rows = 0
        self.moved = time.monotonic()

    def submit(self, request: Request) -> "Future[Any]":
        """The engine's `submit`. A reply is looked at and counted before the task sees it: one that isn't what the request
        declares is Unavailable, because no row is at fault for it.
        """
        engine, counted = self._meter.engine, Future[Any]()
        if engine is None:
            raise TypeError("a stage that names no engine asks one")
        self._meter.asked(self)

        def count(done: "Future[Any]") -> None:
            error = Unavailable("the engine has dropped the request") if done.cancelled() else done.exception()
            if error is None and (wrong := misfit(request, done.result())):
                error = Unavailable(f"the backend is at fault: {type(engine).__name__} gave {wrong}")
            try:
                self._meter.answered(self, {} if error else usage_of(request, done.result()))
            finally:  # a backend's `usage` may be anything, and the task waits
                if error:
                    counted.set_exception(error)
                else:
                    counted.set_result(done.result())

        engine.submit(request).add_done_callback(count)
        return counted

    def progressed(self, rows: int) -> None:
        """Note that a reply has come, or that so many rows are finished."""
        self.moved = time.monotonic()
        if rows:
            self._meter.finished(self, rows)

    def totals(self) -> Figures:
        """The figures up to now, seconds rounded."""
        return self._meter.totals(self)

    def close(self) -> None:
        self._meter.close(self)
