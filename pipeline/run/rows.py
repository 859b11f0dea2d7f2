"""The rows of a task: as plain values, and in the groups for which the stage's function is called."""

from collections.abc import Iterator

import pyarrow as pa

from voxsmith.pipeline.recipe.nodes import Node
from voxsmith.schemas.columns import GROUPS, full_name, text_column
from voxsmith.stages.context import Row

_AHEAD = 16  # rows that are converted together: converting them one by one is slow


class Rows:
    """The rows of a table by their place in it, each with all columns that the node's stage may read."""

    def __init__(self, node: Node, table: pa.Table) -> None:
        self._node, self._table = node, table
        self._optional = dict.fromkeys(node.optional)
        self._first, self._converted = -1, list[Row]()

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, place: int) -> Row:
        first = place - place % _AHEAD
        if self._first != first:
            self._first, self._converted = first, self._table.slice(first, _AHEAD).to_pylist()
        return self._optional | self._converted[place - first]

    def id(self, place: int) -> str:
        """The row's id, without converting its other columns."""
        row_id: str = self._table["id"][place].as_py()
        return row_id

    def groups(self) -> Iterator[list[int]]:
        """Places of the rows that the stage's function gets at once: one row, or a whole conversation."""
        if self._node.stage.each == "row":
            yield from ([place] for place in range(len(self)))
            return
        group: list[int] = []
        previous = None
        for place, conversation in enumerate(self._table["conversation_id"].to_pylist()):
            if group and conversation != previous:
                yield group
                group = []
            group.append(place)
            previous = conversation
        if group:
            yield group

    def supplied(self, row: Row) -> Row:
        """Those of the columns that the stage writes which the row's source has supplied: they are kept as they are."""
        values = {name: row[name] for name in self._node.given if row.get(name) is not None}
        methods = [full_name(group, "method") for group in GROUPS if text_column(group) in values]
        return {name: "given" for name in methods if name in self._node.writes} | values
