"""Two runs side by side: what changed, and the rows that show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxsmith.pipeline.look_back.diff import Difference, compare_runs
from voxsmith.pipeline.look_back.past import open_run
from voxsmith.pipeline.look_back.rows import Rows, as_json
from voxsmith.pipeline.look_back.show import show
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import COLUMNS, Column


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
        from voxsmith.pipeline.look_back.page import write_page

        write_page(path, self.recipe, self.difference, self.rows)


def compare(
    store: Store, recipe: str, before: str, after: str, rows: int, columns: Mapping[str, Column] = COLUMNS
) -> Comparison:
    """Compare two runs of the store; see `voxsmith.pipeline.api.diff`. `columns`: those that the recipe has."""
    old, new = open_run(store, recipe, before, columns), open_run(store, recipe, after, columns)
    return Comparison(recipe, compare_runs(store, old, new, rows), Rows(store, old, new))
