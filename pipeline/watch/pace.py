"""How long stages take, as measured in this run or in earlier ones, and the time left at that pace.

All of this is approximate: another text takes another time, and a reply that is in the memo takes none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voxsmith.pipeline.plan import manifests as runs
from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.watch.heartbeat import read_work
from voxsmith.pipeline.watch.meter import Figures, add
from voxsmith.pipeline.watch.work import NO_ENGINE, Tally, identity_of

_RUNS = 8  # earlier runs that are read at most
_WEIGHT = 8  # rows of this run that weigh as much as the pace of earlier runs


@dataclass
class EarlierRuns:
    """What earlier runs took. `stages` and `engines`: their figures by name; `capacity`: CPUs and GPUs of the cluster;
    `runs`: the names of the runs that these figures are from.
    """

    stages: dict[str, Figures] = field(default_factory=dict)
    engines: dict[str, Figures] = field(default_factory=dict)
    capacity: dict[str, float] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def seconds_a_row(self, stage: str) -> float | None:
        """Seconds of an actor for a row of which nothing is in the memo; None if no run has done the stage."""
        return full_price(self.stages.get(stage, {}), "worked")


def earlier_runs(store: Store, graph: Graph) -> EarlierRuns:
    """What the latest runs of the recipe took at each stage with the model that it has now. Reads a few small files."""
    past = EarlierRuns()
    identities = {name: identity_of(graph, name) for name in graph.nodes}
    for run in reversed(runs.run_names(store, graph.recipe.name)[-_RUNS:]):
        if set(past.stages) == set(identities):
            break
        work, known = read_work(store, run), set(past.stages)
        for name, facts in work.get("stages", {}).items():
            figures = {key: value for key, value in facts.items() if isinstance(value, int | float)}
            if name in known or facts.get("identity", "") != identities.get(name, ""):
                continue
            if full_price(figures, "worked") is not None:
                past.stages[name] = figures
        if set(past.stages) - known:
            past.runs.append(run)
            past.capacity = past.capacity or work.get("capacity", {})
            for name, figures in work.get("engines", {}).items():
                past.engines.setdefault(name, figures)
    return past


def full_price(figures: Mapping[str, float], name: str) -> float | None:
    """The figure for one row, as if no reply had been in the memo; None if the figures can't say."""
    rows, asked, remembered = (figures.get(key, 0) for key in ("rows", "asked", "remembered"))
    if not rows or (remembered and not asked):
        return None
    return figures.get(name, 0.0) / rows * ((asked + remembered) / asked if asked else 1)


def pace_now(tally: Tally, under_way: int, before: float | None) -> float | None:
    """Seconds of an actor for a row: a mean of what this run measured and of `before`, the pace of earlier runs, which
    weighs less the more rows this run has done.

    `under_way`: finished rows of tasks that aren't finished.
    """
    rows, worked = tally.rows + under_way, tally.figures.get("worked", 0.0)
    if before is None:
        return worked / rows if rows else None
    return ((worked if rows else 0.0) + before * _WEIGHT) / (rows + _WEIGHT)


def time_left(
    graph: Graph,
    rows: Mapping[str, float],
    tasks: Mapping[str, int],
    pace: Mapping[str, float | None],
    capacity: Figures,
) -> float | None:
    """Seconds until so many rows (in so many tasks) of each stage are done; None if the pace of one isn't known.

    Engines work in parallel, so the slowest one counts. If they don't all fit into `capacity` (the CPUs and GPUs of the
    cluster, as far as known), all their work together, divided by that, may count instead.
    """
    if any(rows[name] and pace[name] is None for name in rows):
        return None
    work = seconds_by_engine(graph, {name: count * (pace[name] or 0.0) for name, count in rows.items()})
    alone, filled = [0.0], dict.fromkeys(capacity, 0.0)
    for engine, seconds in work.items():
        resources = graph.engines[engine].config.resources if engine in graph.engines else None
        waiting = sum(tasks[name] for name in rows if (graph.nodes[name].engine or NO_ENGINE) == engine)
        alone.append(seconds / max(1, min(resources.replicas if resources else 1, waiting)))
        share = {"CPU": resources.num_cpus, "GPU": resources.num_gpus} if resources else {}
        add(filled, {kind: seconds * share.get(kind, 0.0) for kind in filled})
    return max(*alone, *(filled[kind] / capacity[kind] for kind in capacity if capacity[kind]), 0.0)


def seconds_by_engine(graph: Graph, seconds: Mapping[str, float]) -> Figures:
    """Seconds of each engine, from the seconds of each stage."""
    engines: Figures = {}
    for name, took in seconds.items():
        add(engines, {graph.nodes[name].engine or NO_ENGINE: took})
    return engines


def unknown(rows: Mapping[str, Any], pace: Mapping[str, float | None]) -> Iterable[str]:
    """Stages that have rows to do and no known pace."""
    return [name for name, count in rows.items() if count and pace[name] is None]
