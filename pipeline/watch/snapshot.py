"""How far a run is at a moment: rows and tasks done, the rate, the time left. Every view of a run shows a snapshot."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.watch.pace import EarlierRuns, pace_now, time_left
from voxsmith.pipeline.watch.work import Work


@dataclass(frozen=True)
class Line:
    """How far a stage is. `rate`: rows a second since its first task of this run."""

    stage: str
    rows: int
    total: int
    tasks: int
    of_tasks: int
    rate: float
    rejects: int


@dataclass(frozen=True)
class Snapshot:
    """How far a run is. `tasks` are done of `of_tasks` that this run has to do (without those that were done before);
    `left`: seconds, None while some stage has no basis for an estimate; `least`: seconds for the stages that have one.
    `elsewhere`: tasks that are under way in other runs, by process.
    """

    seconds: float
    lines: tuple[Line, ...]
    tasks: int
    of_tasks: int
    rejects: int
    source_rejects: int
    left: float | None
    least: float
    actors: dict[str, int]
    running: tuple[str, ...]
    elsewhere: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The snapshot as plain JSON."""
        return {
            "seconds": round(self.seconds, 1),
            "tasks": self.tasks,
            "of_tasks": self.of_tasks,
            "rejects": self.rejects,
            "source_rejects": self.source_rejects,
            "eta_seconds": None if self.left is None else round(self.left),
            "eta_at_least": round(self.least),
            "actors": self.actors,
            "running": list(self.running),
            "elsewhere": dict(self.elsewhere),
            "stages": {
                line.stage: {"rows": line.rows, "of": line.total, "rate": round(line.rate, 2), "rejects": line.rejects}
                for line in self.lines
            },
        }


def source_rejects(state: State) -> int:
    """Rows that the sources reject, or that a person blocks, before any stage."""
    needed = state.graph.needed
    verdicts = sum(sum(shard.rejects.values()) + sum(shard.blocked.values()) for shard in state.shards)
    return verdicts + sum(shard.without(needed) for shard in state.shards)


class Observer:
    """Takes snapshots of a run. `selected`: the stages that it works on."""

    def __init__(self, state: State, work: Work, past: EarlierRuns, selected: set[str]) -> None:
        self.state, self.work, self.past, self.selected = state, work, past, selected
        self.start = time.monotonic()
        self.began: dict[str, float] = {}  # when a stage's first task of this run was handed out
        self.total = sum(shard.rows for shard in state.shards)
        self.source_rejects = source_rejects(state)
        self.before = {name: past.seconds_a_row(name) for name in state.graph.nodes}
        self.to_do = sum(self._missing().values())

    def look(
        self,
        running: Mapping[str, int],
        under_way: Mapping[str, int],
        actors: dict[str, int],
        elsewhere: Mapping[str, int] | None = None,
    ) -> Snapshot:
        """`running`: tasks in flight of each stage; `under_way`: rows that those have finished; `elsewhere`: tasks in flight
        in other runs, by process.
        """
        now = time.monotonic()
        for name in running:
            self.began.setdefault(name, now)
        missing = self._missing()
        lines = tuple(self._line(name, under_way.get(name, 0), now) for name in self.state.graph.nodes)
        return Snapshot(
            now - self.start,
            lines,
            self.to_do - sum(missing.values()),
            self.to_do,
            sum(self.state.rejected.values()),
            self.source_rejects,
            *self._left(missing, under_way),
            actors,
            tuple(name for name in self.state.graph.nodes if name in running),
            elsewhere or {},
        )

    def _missing(self) -> dict[str, int]:
        """Tasks that aren't done, of each stage that is selected."""
        return {name: self.state.left(name) for name in self.state.graph.nodes if name in self.selected}

    def _is_whole(self, name: str) -> bool:
        return self.state.graph.nodes[name].stage.each == "recipe"

    def _line(self, name: str, under_way: int, now: float) -> Line:
        whole, done = self._is_whole(name), self.state.rows_done[name]
        seconds = now - self.began.get(name, now)
        mine = self.work.tallies[name].rows + under_way
        tasks = 1 if whole else len(self.state.shards)
        rows, total = (done, 1) if whole else (min(self.total, done + under_way), self.total)
        rate = mine / seconds if seconds > 0 else 0.0
        return Line(name, rows, total, tasks - self.state.left(name), tasks, rate, self.state.rejected[name])

    def _left(self, missing: Mapping[str, int], under_way: Mapping[str, int]) -> tuple[float | None, float]:
        graph, rows, pace = self.state.graph, dict[str, float](), dict[str, float | None]()
        for name, tasks in missing.items():
            done = under_way.get(name, 0)
            if self._is_whole(name):
                rows[name] = max(0, tasks * min(self.total, graph.nodes[name].config.sample_rows) - done)
            else:
                rows[name] = max(0, self.total - self.state.rows_done[name] - done) if tasks else 0
            pace[name] = pace_now(self.work.tallies[name], done, self.before[name])
        known = {name: count for name, count in rows.items() if pace[name] is not None}
        capacity = self.work.capacity
        return time_left(graph, rows, missing, pace, capacity), time_left(graph, known, missing, pace, capacity) or 0.0
