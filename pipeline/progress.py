"""What a person sees while a run goes on: one live table, or plain lines where there is no terminal."""

import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pipeline.state import WHOLE, State

if TYPE_CHECKING:
    from pipeline.executor import Tally

_LINE_SECONDS = 10.0


class Progress:
    """Shows a state now and then. Use as a context manager."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.live = Live(console=self.console, refresh_per_second=4) if self.console.is_terminal else None
        self.start = self.shown = time.monotonic()

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.live:
            self.live.stop()

    def say(self, message: str) -> None:
        """A line of its own, above the table."""
        (self.live.console if self.live else self.console).print(message, highlight=False)

    def show(self, state: State, tallies: dict[str, "Tally"], pools: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - self.shown < (0.25 if self.live else _LINE_SECONDS):
            return
        self.shown = now
        rows = [_line(name, state, tallies.get(name), now - self.start) for name in state.graph.nodes]
        if self.live:
            self.live.update(_table(rows, pools))
            return
        running = {unit.node for pool in pools.values() for actor in pool.actors for unit in actor.units.values()}
        busy = [f"{row[0]} {row[1]} ({row[3]} rejects, ETA {row[4]})" for row in rows if row[0] in running]
        units = len(state.done)
        total = sum(1 if node.stage.each == "recipe" else len(state.shards) for node in state.graph.nodes.values())
        print(f"[{_clock(now - self.start)}] {units} of {total} units; running: {', '.join(busy)}", file=sys.stderr)


def _line(name: str, state: State, tally: "Tally | None", seconds: float) -> tuple[str, str, str, str, str, bool]:
    """(stage, rows done of all, rows a second, rejects, ETA, whether it is under way)."""
    whole = state.graph.nodes[name].stage.each == "recipe"
    shards = [WHOLE] if whole else range(len(state.shards))
    sizes = [1 if whole else state.shards[n].rows for n in shards]
    done = [(name, n) in state.done for n in shards]
    rows, total = sum(size for size, ok in zip(sizes, done, strict=True) if ok), sum(sizes)
    rejects = sum(sum(state.done[name, n].rejects.values()) for n in shards if (name, n) in state.done)
    rate = tally.rows / seconds if tally and tally.rows and seconds > 0 else 0.0
    eta = "done" if rows == total else _clock((total - rows) / rate) if rate else "-"
    under_way = rows < total and bool(tally and (tally.rows or tally.units))
    return name, f"{rows}/{total}", f"{rate:.1f}" if rate else "-", str(rejects), eta, under_way


def _table(rows: list[tuple[str, str, str, str, str, bool]], pools: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("rows", "rows/s", "rejects", "ETA"):
        table.add_column(name, justify="right")
    for name, done, rate, rejects, eta, under_way in rows:
        style = "bold" if under_way else "dim" if eta == "done" else None
        table.add_row(name, done, rate, rejects, eta, style=style)
    actors = ", ".join(f"{pool.name} {len(pool.actors)}" for pool in pools.values() if pool.actors)
    table.caption = f"actors: {actors or 'none'}"
    return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
