"""The forms in which a run shows how far it is: a live table, plain lines, JSON lines, nothing."""

import sys
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from voxsmith.pipeline.terminal import console, json_text, one_line, sturdy
from voxsmith.pipeline.watch.durations import clock
from voxsmith.pipeline.watch.heartbeat import tell_elsewhere
from voxsmith.pipeline.watch.snapshot import Line, Snapshot

_SHOWN = (
    "start",
    "cluster",
    "stage_finished",
    "end",
)  # events without a line of their own: the table, or the next line, shows them


class View(Protocol):
    """`every`: seconds between two snapshots."""

    every: float

    def show(self, snapshot: Snapshot) -> None: ...

    def tell(self, event: str, message: str, facts: dict[str, Any]) -> None:
        """Report that something happened. `facts` are for programs."""
        ...

    def close(self) -> None: ...


def make_view(form: str, run: str) -> View:
    """The view of that form; `auto` is a live table on a terminal, and plain lines elsewhere."""
    if form == "json":
        return JsonLines(run)
    if form == "off":
        return Nothing()
    screen = console(stderr=True)
    return LiveTable(screen) if form == "auto" and screen.is_terminal else PlainLines(screen)


class LiveTable:
    every = 0.5

    def __init__(self, console: Console) -> None:
        self.live = Live(console=console, refresh_per_second=4)
        self.live.start()

    def show(self, snapshot: Snapshot) -> None:
        self.live.update(_table(snapshot))

    def tell(self, event: str, message: str, facts: dict[str, Any]) -> None:
        if event not in _SHOWN:
            self.live.console.print(one_line(message))

    def close(self) -> None:
        self.live.stop()


class PlainLines:
    every = 10.0

    def __init__(self, console: Console) -> None:
        self.console = console

    def show(self, snapshot: Snapshot) -> None:
        lines = {line.stage: line for line in snapshot.lines}
        running = ", ".join(_going(lines[name]) for name in snapshot.running)
        nothing = "nothing" if snapshot.elsewhere else "nothing yet"
        self._print(f"[{clock(snapshot.seconds)}] {_summary(snapshot)}; running: {running or nothing}")

    def tell(self, event: str, message: str, facts: dict[str, Any]) -> None:
        if event not in _SHOWN:
            self._print(one_line(message))

    def _print(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    def close(self) -> None:
        return


class JsonLines:
    """One JSON object a line, for log collectors: `time` (UTC), `run`, `event`, and the facts of that event."""

    every = 5.0

    def __init__(self, run: str) -> None:
        self.run, self.stream = run, sturdy(sys.stderr)

    def show(self, snapshot: Snapshot) -> None:
        self.tell("progress", "", snapshot.as_json())

    def tell(self, event: str, message: str, facts: dict[str, Any]) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "run": self.run, "event": event}
        line |= ({"message": message} if message else {}) | facts
        print(json_text(line), file=self.stream, flush=True)

    def close(self) -> None:
        return


class Nothing:
    every = 60.0

    def show(self, snapshot: Snapshot) -> None:
        return

    def tell(self, event: str, message: str, facts: dict[str, Any]) -> None:
        return

    def close(self) -> None:
        return


def _table(snapshot: Snapshot) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("rows", "rows/s", "rejects"):
        table.add_column(name, justify="right")
    for line in snapshot.lines:
        style = "dim" if line.tasks >= line.of_tasks else "bold" if line.stage in snapshot.running else None
        rate = f"{line.rate:.1f}" if line.rate else "-"
        table.add_row(line.stage, f"{line.rows}/{line.total}", rate, str(line.rejects), style=style)
    actors = ", ".join(f"{name} {count}" for name, count in snapshot.actors.items())
    table.caption = f"{_summary(snapshot)}; actors: {actors or 'none'}"
    return table


def _summary(snapshot: Snapshot) -> str:
    done = sum(line.tasks >= line.of_tasks for line in snapshot.lines)
    sources = f" and {snapshot.source_rejects} of the sources" if snapshot.source_rejects else ""
    return (
        f"{snapshot.tasks} of {snapshot.of_tasks} tasks, {done} of {len(snapshot.lines)} stages done, "
        f"{snapshot.rejects} rejects{sources}, ETA {eta(snapshot)}{tell_elsewhere(snapshot.elsewhere)}"
    )


def _going(line: Line) -> str:
    return f"{line.stage} {line.rows}/{line.total}" + (f" ({line.rate:.1f} rows/s)" if line.rate else "")


def eta(snapshot: Snapshot) -> str:
    """The time left, or that some stages have no basis for an estimate yet."""
    over = f" (over {clock(snapshot.least)})" if snapshot.least >= 60 else ""
    return f"estimating{over}" if snapshot.left is None else clock(snapshot.left)
