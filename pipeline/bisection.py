"""Finding the row that kills its engine: probes of half a shard, then of a half of that."""

from dataclasses import replace

from pipeline.objects import read_columns
from pipeline.state import Unit
from pipeline.store import Store

Span = tuple[int, int]


class Bisection:
    """Which rows of a unit kill the actor that runs them. Probes keep their replies, so no good row is asked twice."""

    def __init__(self, unit: Unit) -> None:
        self.unit = replace(unit, span=None)
        middle = max(1, unit.rows // 2)
        self.waiting: list[Span] = [span for span in ((0, middle), (middle, unit.rows)) if span[0] < span[1]]
        self.deadly: list[int] = []

    def next_probe(self) -> Unit | None:
        return replace(self.unit, span=self.waiting.pop(0)) if self.waiting else None

    def record(self, probe: Unit, crashed: bool) -> None:
        if not crashed or probe.span is None:
            return
        start, end = probe.span
        if end - start == 1:
            self.deadly.append(start)
            return
        middle = (start + end) // 2
        self.waiting[:0] = [(start, middle), (middle, end)]

    def killers(self, store: Store) -> dict[str, str]:
        """Ids of the rows that kill, with what to tell of them."""
        if not self.deadly:
            return {}
        ids = read_columns(store, {"id": self.unit.places[0]["id"]})["id"]
        return {ids[row].as_py(): "the engine died each time it was given this row" for row in self.deadly}
