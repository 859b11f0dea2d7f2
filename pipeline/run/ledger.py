"""What the tasks of a run come to: counted into the run's work and into Ray's metrics, also while they are under way."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from voxsmith.pipeline.plan.state import Task
from voxsmith.pipeline.run.pools import Pool
from voxsmith.pipeline.watch.meter import Figures, add
from voxsmith.pipeline.watch.ray_metrics import RayMetrics
from voxsmith.pipeline.watch.work import Tally, Work


class Ledger:
    """Of one run. A task's figures are totals since it began; what is counted is how much they have grown."""

    def __init__(self, work: Work) -> None:
        self.work, self._metrics = work, RayMetrics(work)
        # By key and span: the task, the rows that it has finished, and its figures, as of its latest pulse.
        self._under_way: dict[tuple[str, Any], tuple[Task, int, Figures]] = {}

    def update(self, task: Task, rows: int, figures: Figures) -> None:
        """The task is under way, and has come so far."""
        _, _, before = self._under_way.get((task.key, task.span), (task, 0, {}))
        self._under_way[task.key, task.span] = task, rows, figures
        self._count(task, {name: value - before.get(name, 0) for name, value in figures.items()})

    def end(self, task: Task, meta: dict[str, Any]) -> None:
        """The task has ended, with an object or without one."""
        self.update(task, 0, {name: value for name, value in meta.get("metrics", {}).items() if name != "seconds"})
        del self._under_way[task.key, task.span]

    def commit(self, task: Task, meta: dict[str, Any]) -> Tally:
        """The task has written its object; what this run has done at the stage."""
        tally = self.work.tallies[task.node]
        tally.tasks += 1
        tally.rows += meta["rows"]
        tally.made += meta.get("made", 0)
        tally.rejected += meta.get("rejected", 0)
        self._metrics.count(task.node, {"tasks": 1, "rows": meta["rows"], "rejects": meta.get("rejected", 0)})
        return tally

    def retry(self, task: Task) -> None:
        """The task came to nothing and is tried again; what it used until its latest pulse stays counted."""
        self._under_way.pop((task.key, task.span), None)
        self._count(task, {"retries": 1})

    def look(self, pools: Collection[Pool]) -> tuple[Counter[str], Counter[str], dict[str, int]]:
        """Tasks in flight and rows that these have finished, by stage, and actors by engine."""
        tasks, rows = Counter[str](), Counter[str]()
        for pool in pools:
            tasks.update(task.node for actor in pool.actors for task in actor.tasks.values())
        for task, count, _ in self._under_way.values():
            rows[task.node] += count if task.span is None else 0
        actors = {pool.name: len(pool.actors) for pool in pools if pool.actors}
        self.work.lives = {pool.name: pool.life() for pool in pools}
        self._metrics.look(actors)
        return tasks, rows, actors

    def _count(self, task: Task, more: Figures) -> None:
        add(self.work.tallies[task.node].figures, more)
        self._metrics.count(task.node, more)
