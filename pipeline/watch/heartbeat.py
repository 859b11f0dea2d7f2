"""What a run leaves now and then about itself, for `status` in another terminal and for later estimates.

That is runs/<run>/progress.json: how far the run is, and what its work comes to so far. A single put of a few kB.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.plan import manifests
from pipeline.store.liveness import is_gone, marks
from pipeline.store.store import Store
from pipeline.watch.clock import clock

_LOOKED_AT = 8  # runs: a pilot may have come and gone beside the one that is on
_EVERY, _EVERY_PUT = 10.0, 30.0  # seconds, on a disk and on an object store


class Heartbeat:
    """Writes in a thread of its own, so that a slow store holds up no work."""

    def __init__(self, store: Store, run: str) -> None:
        self._store, self._run = store, run
        self._every = _EVERY_PUT if "://" in store.url and not store.url.startswith("file:") else _EVERY
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def beat(self, told: Callable[[], dict[str, Any]]) -> None:
        """Leave what `told` says, where it is time to."""
        now = time.monotonic()
        if now >= self._due and not (self._thread and self._thread.is_alive()):
            self._due = now + self._every
            self._thread = threading.Thread(target=self._write, args=(told() | {"every": self._every},), daemon=True)
            self._thread.start()

    def last(self, told: dict[str, Any]) -> None:
        """The last one, at the end of the run."""
        if self._thread:
            self._thread.join()
        self._write(told)

    def _write(self, told: dict[str, Any]) -> None:
        try:
            self._store.write_json(_path(self._run), told | {"run": self._run, "written": manifests.now()})
        except OSError:  # a full disk or a bad minute is for the work itself to tell
            return


def read_heartbeat(store: Store, run: str) -> dict[str, Any] | None:
    return store.read_json(_path(run))


def live_run(store: Store, recipe: str) -> dict[str, Any] | None:
    """The heartbeat of the recipe's run that is on, `age` being its seconds; None where none is."""
    at_work = [mark for mark in marks(store) if mark.what == f"run {recipe}"]
    if not any(not is_gone(store, mark, mark.written or datetime.now(UTC)) for mark in at_work):
        return None
    latest = (read_heartbeat(store, name) for name in reversed(manifests.run_names(store, recipe)[-_LOOKED_AT:]))
    told = next((told for told in latest if told and told["status"] == "running"), None)
    if told is None:
        return None
    age = (datetime.now(UTC) - datetime.fromisoformat(told["written"])).total_seconds()
    return told | {"age": max(0.0, round(age, 1))}


def tell_live(live: dict[str, Any]) -> str:
    """The heartbeat of a run that is on, in lines for people."""
    left = live["eta_seconds"]
    told = (
        f"a run is on: {live['run']}, {clock(live['seconds'])} so far, {live['tasks']} of {live['of_tasks']} tasks, "
        f"ETA {'estimating' if left is None else clock(left)} (as of {live['age']:.0f} s ago)"
    )
    for name in live["running"]:
        line = live["stages"][name]
        told += f"\n  now {name}: {line['rows']} of {line['of']} rows, {line['rate']:.1f} rows/s"
    return told


def _path(run: str) -> str:
    return f"runs/{run}/progress.json"
