"""Two runs side by side: what changed, and the rows that show it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.look_back.diff import Difference, compare_runs
from pipeline.look_back.past import open_run
from pipeline.look_back.rows import Rows, as_json
from pipeline.look_back.show import show
from pipeline.store.store import Store


@dataclass(frozen=True)
class Comparison:
    """`difference`: counts, reasons and a sample of rows; `rows` reads what those rows were and are from the store."""

    recipe: str
    difference: Difference
    rows: Rows

    def as_json(self) -> dict[str, Any]:
        """What `diff --json` prints."""
        return as_json(self.difference, self.rows)

    def as_text(self) -> str:
        """The same in lines for people."""
        return "\n".join(show(self.difference, self.rows))

    def write_page(self, path: Path) -> None:
        """Write a page that plays both versions of each row; it opens offline. Raises OSError."""
        from pipeline.look_back.page import write_page

        write_page(path, self.recipe, self.difference, self.rows)


def compare(store: Store, recipe: str, before: str, after: str, rows: int) -> Comparison:
    """Compare two runs of the store; see `pipeline.api.diff`."""
    old, new = open_run(store, recipe, before), open_run(store, recipe, after)
    return Comparison(recipe, compare_runs(store, old, new, rows), Rows(store, old, new))
