"""What a person sees while a run goes on: one live table, or plain lines where there is no terminal."""

import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pipeline.state import State

if TYPE_CHECKING:
    from pipeline.executor import Tally

_LINE_SECONDS = 10.0


class Progress:
    """Shows a state now and then. Use as a context manager."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.live = Live(console=self.console, refresh_per_second=4) if self.console.is_terminal else None
        self.start = self.shown = time.monotonic()
        self.began: dict[str, float] = {}  # when a stage's first unit of this run was handed out

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
        running = {unit.node for pool in pools.values() for actor in pool.actors for unit in actor.units.values()}
        for name in running:
            self.began.setdefault(name, now)
        if now - self.shown < (0.25 if self.live else _LINE_SECONDS):
            return
        self.shown = now
        total = sum(shard.rows for shard in state.shards)
        lines = [self._line(name, state, tallies.get(name), total, now) for name in state.graph.nodes]
        left = max((line.left for line in lines if line.left is not None), default=None)
        if self.live:
            self.live.update(_table(lines, pools, left))
            return
        busy = [f"{line.stage} {line.rows}/{line.total}" for line in lines if line.stage in running]
        stages = [line for line in lines if line.rows < line.total]
        rejects = sum(state.rejected.values())
        print(
            f"[{_clock(now - self.start)}] {len(lines) - len(stages)} of {len(lines)} stages done, {rejects} rejects, "
            f"ETA {_eta(left)}; running: {', '.join(busy)}",
            file=sys.stderr,
        )

    def _line(self, name: str, state: State, tally: "Tally | None", total: int, now: float) -> "_Line":
        whole = state.graph.nodes[name].stage.each == "recipe"
        rows, wanted = state.rows_done[name], 1 if whole else total
        seconds = now - self.began.get(name, now)
        rate = tally.rows / seconds if tally and tally.rows and seconds > 0 else 0.0
        left = 0.0 if rows >= wanted else (wanted - rows) / rate if rate else None
        return _Line(name, rows, wanted, rate, state.rejected[name], left)


class _Line(NamedTuple):
    """`rate`: rows a second since the stage's first unit of this run; `left`: seconds, where they can be told."""

    stage: str
    rows: int
    total: int
    rate: float
    rejects: int
    left: float | None


def _table(lines: list[_Line], pools: dict[str, Any], left: float | None) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("rows", "rows/s", "rejects", "ETA"):
        table.add_column(name, justify="right")
    for line in lines:
        style = "dim" if line.rows >= line.total else "bold" if line.rate else None
        rate, eta = f"{line.rate:.1f}" if line.rate else "-", "done" if line.left == 0 else _eta(line.left)
        table.add_row(line.stage, f"{line.rows}/{line.total}", rate, str(line.rejects), eta, style=style)
    actors = ", ".join(f"{pool.name} {len(pool.actors)}" for pool in pools.values() if pool.actors)
    table.caption = f"ETA {_eta(left)}; actors: {actors or 'none'}"
    return table


def _eta(left: float | None) -> str:
    return "-" if left is None else _clock(left)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
