"""The table at the end of a run: what each engine did."""

from typing import Any

from rich.table import Table

from voxsmith.pipeline.terminal import console
from voxsmith.pipeline.watch.durations import clock

_ALWAYS = ("tasks", "rows")
# Figures that are shown if any engine has them, with their headings.
_SOME = (
    ("asked", "asked"),
    ("remembered", "remembered"),
    ("prompt_tokens", "tokens in"),
    ("completion_tokens", "tokens out"),
    ("spoken_seconds", "spoken"),
    ("heard_seconds", "heard"),
    ("retries", "retries"),
    ("cost", "cost"),
)


def print_table(work: dict[str, Any]) -> None:
    """`work`: see `voxsmith.pipeline.watch.work.Work.as_json`."""
    engines: dict[str, dict[str, float]] = work["engines"]
    some = [(name, heading) for name, heading in _SOME if any(figures.get(name) for figures in engines.values())]
    table = Table(box=None, pad_edge=False)
    table.add_column("engine")
    for heading in ("actors", "busy", *_ALWAYS, *(heading for _, heading in some)):
        table.add_column(heading, justify="right")
    for engine, figures in engines.items():
        cells = [f"{figures['actors']:.0f}", f"{figures['busy_share']:.0%}"]
        table.add_row(engine, *cells, *(_cell(name, figures.get(name)) for name in (*_ALWAYS, *(n for n, _ in some))))
    screen = console() if console().is_terminal else console(width=200)
    screen.print(table)
    costs = [figures["cost"] for figures in engines.values() if "cost" in figures]
    screen.print(f"{clock(work['wall'])} in all" + (f", cost {sum(costs):.2f}" if costs else ""))


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name == "cost":
        return f"{value:.2f}"
    return clock(value) if name.endswith("_seconds") else f"{value:.0f}"
