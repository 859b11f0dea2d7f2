"""Watches a run: a view for the person who started it, a heartbeat in the store for others, the figures of its work."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.watch.heartbeat import Heartbeat
from voxsmith.pipeline.watch.pace import earlier_runs
from voxsmith.pipeline.watch.snapshot import Observer, Snapshot
from voxsmith.pipeline.watch.views import View, make_view
from voxsmith.pipeline.watch.work import Work

_SECOND = 1.0


class Progress:
    """Watches a run, as a context manager. Set `status` to how the run ended before the block ends."""

    def __init__(self, state: State, run: str, selected: set[str], form: str = "auto") -> None:
        self.work = Work(state.graph)
        self.status = "failed"
        self._observer = Observer(state, self.work, earlier_runs(state.store, state.graph), selected)
        self._heartbeat = Heartbeat(state.store, run)
        self._form, self._run = form, run
        self._view: View | None = None
        self._looked = self._shown = time.monotonic()
        self._finished: set[str] = set()

    def __enter__(self) -> "Progress":
        self._view = make_view(self._form, self._run)
        first = self._observer.look({}, {}, {})
        self._finished = {line.stage for line in first.lines if line.tasks >= line.of_tasks}
        self.say("", "start", rows=self._observer.total, of_tasks=first.of_tasks, source_rejects=first.source_rejects)
        self._view.show(first)
        self._beat(first)
        return self

    def __exit__(self, *_: Any) -> None:
        snapshot = self._observer.look({}, {}, {})
        self._tell_finished(snapshot)
        facts = snapshot.as_json() | {"status": self.status, "work": self.work.as_json()}
        self._heartbeat.last(facts)
        self.say("", "end", **facts)
        if self._view:
            self._view.close()

    def say(self, message: str, event: str = "note", **facts: Any) -> None:
        """Report that something happened: to people by a line, to programs by an event with its facts."""
        if self._view:
            self._view.tell(event, message, facts)

    def show(
        self, where: Callable[[], tuple[Mapping[str, int], Mapping[str, int], dict[str, int], Mapping[str, int]]]
    ) -> None:
        """Called often. `where` gives tasks in flight and rows under way by stage, actors by engine, and tasks that are under
        way in other runs by process.
        """
        now = time.monotonic()
        every = self._view.every if self._view else _SECOND
        if now - self._looked < min(_SECOND, every):
            return
        self._looked = now
        snapshot = self._observer.look(*where())
        self._tell_finished(snapshot)
        self._beat(snapshot)
        if self._view and now - self._shown >= every:
            self._shown = now
            self._view.show(snapshot)

    def _beat(self, snapshot: Snapshot) -> None:
        self._heartbeat.beat(lambda: snapshot.as_json() | {"status": "running", "work": self.work.as_json()})

    def _tell_finished(self, snapshot: Snapshot) -> None:
        for line in snapshot.lines:
            if line.tasks >= line.of_tasks and line.stage not in self._finished:
                self._finished.add(line.stage)
                facts = {"stage": line.stage, "rows": line.total, "rejects": line.rejects}
                self.say(f"{line.stage} is finished", "stage_finished", seconds=round(snapshot.seconds, 1), **facts)
