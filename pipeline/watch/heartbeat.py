"""The heartbeat of a run: runs/<run>/progress.json, for `status` in another terminal and for later estimates.

It says how far the run is and what its work comes to so far. Writing it is a single put of a few kB.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NotRequired

from pydantic import FiniteFloat
from typing_extensions import TypedDict

from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.store.forms import Form, Moment
from voxsmith.pipeline.store.liveness import is_gone, marks
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.terminal import one_line
from voxsmith.pipeline.watch.durations import clock

_LOOKED_AT = 8  # runs: a pilot may have started and ended after the run that is still going
_EVERY, _EVERY_PUT = 10.0, 30.0  # seconds, on a disk and on an object store


class StageProgress(TypedDict):
    rows: int
    of: int
    rate: FiniteFloat
    rejects: int


class Work(TypedDict, total=False):
    """What a run's work has come to, by stage and by engine: figures, and what names them; see `pipeline.watch.work`."""

    stages: dict[str, dict[str, FiniteFloat | str | None]]
    engines: dict[str, dict[str, FiniteFloat]]
    capacity: dict[str, FiniteFloat]
    metrics: list[str]
    wall: FiniteFloat


class _Worked(TypedDict):
    work: NotRequired[Work]


class Beat(TypedDict):
    """How far a run is, as `Snapshot.as_json` has it. `age`: seconds since it was written, where a run is going on."""

    run: str
    status: str
    written: Moment
    seconds: FiniteFloat
    tasks: int
    of_tasks: int
    rejects: int
    source_rejects: int
    eta_seconds: int | None
    eta_at_least: int
    actors: dict[str, int]
    running: list[str]
    stages: dict[str, StageProgress]
    elsewhere: NotRequired[dict[str, int]]
    work: NotRequired[Work]
    every: NotRequired[FiniteFloat]
    age: NotRequired[float]


_BEAT, _WORKED = Form("a run's progress", Beat), Form("the figures of a run's work", _Worked)


class Heartbeat:
    """Writes in a thread of its own, so that a slow store delays no work."""

    def __init__(self, store: Store, run: str) -> None:
        self._store, self._run = store, run
        self._every = _EVERY_PUT if "://" in store.url and not store.url.startswith("file:") else _EVERY
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def beat(self, facts: Callable[[], dict[str, Any]]) -> None:
        """Write what `facts` returns, if it is time to."""
        now = time.monotonic()
        if now >= self._due and not (self._thread and self._thread.is_alive()):
            self._due = now + self._every
            self._thread = threading.Thread(target=self._write, args=(facts() | {"every": self._every},), daemon=True)
            self._thread.start()

    def last(self, facts: dict[str, Any]) -> None:
        """Write the last one, at the end of the run."""
        if self._thread:
            self._thread.join()
        self._write(facts)

    def _write(self, facts: dict[str, Any]) -> None:
        try:
            self._store.write_json(_path(self._run), facts | {"run": self._run, "written": manifests.now()})
        except OSError:  # a full disk or a bad minute is reported by the work itself
            return


def read_heartbeat(store: Store, run: str) -> Beat | None:
    """The run's latest heartbeat; None where it left none that can be read."""
    return store.read_json(_path(run), _BEAT)


def read_work(store: Store, run: str) -> Work:
    """What the run's work came to, as far as its latest heartbeat says so."""
    return (store.read_json(_path(run), _WORKED) or {}).get("work", {})


def is_on(store: Store, recipe: str) -> bool:
    """Whether a run of the recipe is going on, or may be: its mark is there, and its process isn't gone."""
    named = [mark for mark in marks(store) if mark.name.startswith(f"{recipe}-")]
    running = [mark for mark in named if mark.what in (None, f"run {recipe}")]
    return any(not is_gone(store, mark, mark.written or datetime.now(UTC)) for mark in running)


def live_run(store: Store, recipe: str) -> Beat | None:
    """The heartbeat of the recipe's run that is going on, with its `age` in seconds; None if there is no such run, or it
    has left none yet that can be read.
    """
    if not is_on(store, recipe):
        return None
    latest = (read_heartbeat(store, name) for name in reversed(manifests.run_names(store, recipe)[-_LOOKED_AT:]))
    heartbeat = next((one for one in latest if one and one["status"] == "running"), None)
    if heartbeat is None:
        return None
    age = (datetime.now(UTC) - datetime.fromisoformat(heartbeat["written"])).total_seconds()
    return {**heartbeat, "age": max(0.0, round(age, 1))}


def tell_live(live: Beat) -> str:
    """The heartbeat of a run that is going on, in lines for people."""
    left = live["eta_seconds"]
    lines = [
        f"a run is on: {live['run']}, {clock(live['seconds'])} so far, {live['tasks']} of {live['of_tasks']} tasks, "
        f"ETA {'estimating' if left is None else clock(left)} (as of {live['age']:.0f} s ago)"
        f"{tell_elsewhere(live.get('elsewhere', {}))}"
    ]
    for name in live["running"]:
        stage = live["stages"].get(name)
        if stage is not None:
            lines.append(f"  now {name}: {stage['rows']} of {stage['of']} rows, {stage['rate']:.1f} rows/s")
    return "\n".join(map(one_line, lines))


def tell_elsewhere(tasks: Mapping[str, int]) -> str:
    """What goes on in other runs, for people: the end of a line. `tasks`: by process."""
    return "".join(
        f"; {count} {'task is' if count == 1 else 'tasks are'} under way in another run ({process})"
        for process, count in tasks.items()
    )


def _path(run: str) -> str:
    return f"runs/{run}/progress.json"
