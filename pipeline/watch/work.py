"""What a run's work comes to: what was done at each stage, how long the actors of each engine were there, the cost.

These are plain figures in the run's manifest and in its heartbeat. Later runs use them for estimates.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voxsmith.pipeline.recipe.nodes import Graph
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.watch.meter import Figures, add
from voxsmith.schemas.recipe import EngineRate

NO_ENGINE = "stages"  # the name under which stages without an engine are counted


@dataclass
class Tally:
    """What this run did at one stage. `figures`: see `voxsmith.pipeline.watch.meter.Account`, and `remembered`, `retries`."""

    tasks: int = 0
    rows: int = 0
    made: int = 0
    rejected: int = 0
    figures: Figures = field(default_factory=dict)


@dataclass
class Life:
    """Seconds of an engine's actors: `loading`, and then `loaded` until they ended. `most`: actors at the same time."""

    loading: float = 0.0
    loaded: float = 0.0
    most: int = 0


class Work:
    """The figures of one run, which the executor updates as it goes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.start = time.monotonic()
        self.tallies = {name: Tally() for name in graph.nodes}
        self.lives: dict[str, Life] = {}
        self.capacity: dict[str, float] = {}  # the CPUs and GPUs that the cluster has
        self.metrics: list[str] = []  # addresses of its nodes' metrics

    def engines(self) -> dict[str, Figures]:
        """The figures of each engine that had work, with the share of its actors' time in which it was busy."""
        engines: dict[str, Figures] = {}
        for name, tally in self.tallies.items():
            if tally.tasks or tally.figures:
                engine = engines.setdefault(self.graph.nodes[name].engine or NO_ENGINE, {})
                add(engine, {"tasks": tally.tasks, "rows": tally.rows, **tally.figures})
        for name, figures in engines.items():
            life = self.lives.get(name, Life())
            figures |= {"actors": life.most, "loading": life.loading, "loaded": life.loaded}
            figures["busy_share"] = min(1.0, figures.get("busy", 0.0) / life.loaded) if life.loaded else 0.0
        return engines

    def as_json(self) -> dict[str, Any]:
        """All figures as plain JSON. `identity` names the model that a stage asked."""
        rates = self.graph.recipe.rates
        engines: dict[str, Any] = {}
        for name, figures in self.engines().items():
            cost = cost_of(rates[name], figures["loading"] + figures["loaded"], figures) if name in rates else None
            engines[name] = _rounded(figures) | ({} if cost is None else {"cost": round(cost, 4)})
        return {
            "wall": round(time.monotonic() - self.start, 1),
            "capacity": self.capacity,
            "metrics": self.metrics,
            "engines": engines,
            "stages": {
                name: {"engine": self.graph.nodes[name].engine, "identity": identity_of(self.graph, name)}
                | {"tasks": tally.tasks, "rows": tally.rows, "made": tally.made, "rejected": tally.rejected}
                | _rounded(tally.figures)
                for name, tally in self.tallies.items()
                if tally.tasks or tally.figures
            },
        }


def identity_of(graph: Graph, stage: str) -> str | None:
    """A digest that names the model which the stage asks; None if it asks none."""
    engine = graph.engines.get(graph.nodes[stage].engine or "")
    return digest(engine.identity) if engine else None


def cost_of(rate: EngineRate, seconds: float, figures: Mapping[str, float]) -> float:
    """The cost of so many seconds of actors and of these figures, in the currency of the rates."""
    used = sum(price * figures.get(name, 0) / 1e6 for name, price in rate.per_million.items())
    return rate.per_hour * seconds / 3600 + used


def _rounded(figures: Figures) -> Figures:
    return {name: round(value, 3) for name, value in figures.items()}
