"""A run's figures as Ray's own metrics: each node's Prometheus endpoint shows them, as `ray_voxsmith_…`."""

from collections.abc import Mapping

from ray.util.metrics import Counter, Gauge

from voxsmith.pipeline.watch.work import NO_ENGINE, Work

_MEANING = {
    "rows": "rows that a stage has finished",
    "rejects": "rows that a stage has rejected",
    "tasks": "shards that a stage has finished",
    "requests": "requests that an engine was asked",
    "remembered": "requests whose replies were known",
    "prompt_tokens": "tokens that a language model has read",
    "completion_tokens": "tokens that a language model has written",
    "spoken_seconds": "seconds of audio that were made",
    "heard_seconds": "seconds of audio that were listened to",
    "retries": "requests and tasks that were tried again",
    "busy_seconds": "seconds in which an engine had requests",
    "worked_seconds": "seconds of actors that were spent on tasks",
    "busy_share": "share of the time of an engine's actors in which it had requests, since the run began",
    "actors": "actors of an engine",
}
_NAMES = {
    "asked": "requests",
    "busy": "busy_seconds",
    "worked": "worked_seconds",
}  # of metrics, where the figure's own name is too short


class RayMetrics:
    """Counters by recipe, stage and engine; gauges by recipe and engine."""

    def __init__(self, work: Work) -> None:
        self._work, self._recipe = work, work.graph.recipe.name
        self._counters: dict[str, Counter] = {}
        self._gauges = {name: self._gauge(name) for name in ("busy_share", "actors")}
        self._had: set[str] = set()  # engines that had actors

    def count(self, stage: str, figures: Mapping[str, float]) -> None:
        """Add what a stage has done to its counters."""
        tags = {"recipe": self._recipe, "stage": stage, "engine": self._work.graph.nodes[stage].engine or NO_ENGINE}
        for figure, value in figures.items():
            name = _NAMES.get(figure, figure)
            if name in _MEANING and value > 0:
                if name not in self._counters:
                    self._counters[name] = Counter(f"voxsmith_{name}", _MEANING[name], tuple(tags))
                self._counters[name].inc(value, tags)

    def look(self, actors: Mapping[str, int]) -> None:
        """Set the gauges: how busy each engine is, and how many actors it has."""
        for engine, figures in self._work.engines().items():
            self._gauges["busy_share"].set(figures["busy_share"], {"recipe": self._recipe, "engine": engine})
        self._had |= set(actors)
        for engine in self._had:  # a gauge keeps its value even when all actors have ended
            self._gauges["actors"].set(actors.get(engine, 0), {"recipe": self._recipe, "engine": engine})

    def _gauge(self, name: str) -> Gauge:
        return Gauge(f"voxsmith_{name}", _MEANING[name], ("recipe", "engine"))
