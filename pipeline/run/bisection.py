"""Finding the row that kills its engine: probes of half a shard, then of a half of that."""

from dataclasses import replace

from voxsmith.pipeline.plan.state import Task
from voxsmith.pipeline.store.objects import read_columns
from voxsmith.pipeline.store.store import Store


class Bisection:
    """Which rows of a task kill the actor that runs them. Probes keep their replies, so no good row is asked twice.

    `borders`: rows where the shard may be cut, in order, its first one and its end among them. A probe has an actor for
    itself: otherwise rows beside it would be blamed, too.
    """

    def __init__(self, task: Task, borders: list[int]) -> None:
        self.task, self.borders = replace(task, span=None), borders
        self.waiting = _halves(0, len(borders) - 1)  # as numbers of borders
        self.deadly: list[int] = []

    def next_probe(self) -> Task | None:
        if not self.waiting:
            return None
        start, end = self.waiting.pop(0)
        return replace(self.task, span=(self.borders[start], self.borders[end]))

    def record(self, probe: Task, crashed: bool) -> None:
        if not crashed or probe.span is None:
            return
        start, end = (self.borders.index(row) for row in probe.span)
        if end - start == 1:
            self.deadly += range(*probe.span)
        else:
            self.waiting[:0] = _halves(start, end)

    def killers(self, store: Store) -> dict[str, str]:
        """By id, the rows that kill the engine, each with the message of its reject."""
        if not self.deadly:
            return {}
        ids = read_columns(store, {"id": self.task.places[0]["id"]})["id"]
        return {ids[row].as_py(): "the engine died each time it was given this row" for row in self.deadly}


def borders_of(store: Store, task: Task, each: str) -> list[int]:
    """Where a stage's shard may be cut: at each row, or, as the stage's `each` says, between conversations."""
    if each == "row":
        return list(range(task.rows + 1))
    names = read_columns(store, {"conversation_id": task.places[0]["conversation_id"]})["conversation_id"].to_pylist()
    return [0, *(row for row in range(1, len(names)) if names[row] != names[row - 1]), len(names)]


def _halves(start: int, end: int) -> list[tuple[int, int]]:
    middle = (start + end) // 2
    return [span for span in ((start, middle), (middle, end)) if span[0] < span[1]]
