"""The time and cost that a plan would take, estimated by earlier runs of the recipe with the same models."""

from collections.abc import Iterable
from dataclasses import dataclass

from voxsmith.pipeline.plan.planner import StagePlan
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.watch.durations import clock
from voxsmith.pipeline.watch.meter import Figures, add
from voxsmith.pipeline.watch.pace import EarlierRuns, earlier_runs, full_price, seconds_by_engine, time_left, unknown
from voxsmith.pipeline.watch.work import cost_of


@dataclass(frozen=True)
class Estimate:
    """`seconds` of the whole run and its `cost`, None where earlier runs give no basis; the `runs` that were the basis;
    the stages `without_basis`; `stages`: seconds of actors for each.
    """

    seconds: float | None
    cost: float | None
    runs: list[str]
    without_basis: list[str]
    stages: dict[str, float | None]


def estimate(state: State, plan: Iterable[StagePlan]) -> Estimate:
    """Counted as if no reply were in the memo, so it is an upper bound rather than a lower one."""
    plan = list(plan)
    past, graph = earlier_runs(state.store, state.graph), state.graph
    rows = {stage.name: float(stage.rows_to_run) for stage in plan}
    pace = {name: past.seconds_a_row(name) for name in rows}
    worked = {name: count * (pace[name] or 0.0) for name, count in rows.items()}
    return Estimate(
        seconds=_rounded(time_left(graph, rows, {stage.name: stage.at_most for stage in plan}, pace, past.capacity)),
        cost=_rounded(_cost(state, past, rows, worked)),
        runs=past.runs,
        without_basis=list(unknown(rows, pace)),
        stages={name: _rounded(seconds) if pace[name] is not None else None for name, seconds in worked.items()},
    )


def _cost(state: State, past: EarlierRuns, rows: Figures, worked: Figures) -> float | None:
    """The cost of the engines that the recipe gives rates for; None if it gives none, or no run has done a stage of one."""
    graph, total = state.graph, 0.0
    for engine, rate in graph.recipe.rates.items():
        asking = [name for name in rows if graph.nodes[name].engine == engine and rows[name]]
        if any(past.seconds_a_row(name) is None for name in asking):
            return None
        used: Figures = {}
        for name in asking:
            figures = past.stages[name]
            add(used, {figure: (full_price(figures, figure) or 0.0) * rows[name] for figure in rate.per_million})
        before = past.engines.get(engine, {})
        paid = before.get("loading", 0.0) + before.get("loaded", 0.0)
        idle = max(1.0, paid / before["worked"]) if before.get("worked") else 1.0  # actors also load, and wait
        total += cost_of(rate, idle * seconds_by_engine(graph, worked).get(engine, 0.0), used)
    return total if graph.recipe.rates else None


def in_words(estimated: Estimate) -> str:
    """The estimate in a line, for people."""
    if missing := estimated.without_basis:
        names = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        have = "has" if len(missing) == 1 else "have"
        return f"No time estimate yet: {names} {have} never run here with these models. `run --limit 64` measures them."
    cost = f" and {estimated.cost:.2f}" if estimated.cost is not None else ""
    return f"about {clock(estimated.seconds or 0.0)}{cost} at most, by the pace of {', '.join(estimated.runs)}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
