"""Clips of which the store has the names alone go into the dataset from where they were recorded."""

from typing import Any

import pyarrow as pa

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.recipe.by_name import ByName
from voxsmith.schemas.columns import AUDIO
from voxsmith.stages.context import Reject
from voxsmith.stages.engines.base import Unavailable


def read_again(by_name: ByName, table: pa.Table) -> pa.Table:
    """The rows with their clips. Raises RunFailed where a recording has changed, or can't be read now."""
    names = [name for name in dict.fromkeys((*by_name.columns, *by_name.needed, "id")) if name in table.column_names]
    rows = table.select(names).to_pylist()
    for row in rows:
        try:
            by_name.fill(row)
        except (Reject, Unavailable) as error:
            again = "the same command tries again" if isinstance(error, Unavailable) else "put the recording back"
            raise RunFailed(f"row {row['id']} has no clip to export: {error}; {again}") from None
    for name in set(by_name.columns) & set(names):
        table = table.set_column(table.column_names.index(name), name, pa.array([row[name] for row in rows], AUDIO))
    return table


def clip_again(by_name: ByName, column: str, clip: Any, table: pa.Table, row: int) -> Any:
    """The clip of a rejected row, for a person to hear; None where it can't be read any more: the verdict stands."""
    values = {name: table[name][row].as_py() for name in (*by_name.needed, "id") if name in table.column_names}
    try:
        by_name.fill(values := values | {column: clip})
    except (Reject, Unavailable):
        return None
    return values[column]
