"""A source as shards of rows, lazily: records -> conversations -> names -> shards; and as Arrow tables."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pyarrow as pa

from pipeline.sources.identify import Row, identify
from pipeline.sources.layouts import conversations, fields
from pipeline.sources.records import records
from pipeline.sources.shards import cut
from pipeline.store.objects import REJECT
from schemas.columns import ROW_COLUMNS, column
from schemas.source import TARGETS, Source

_GIVEN = tuple(name for name in TARGETS if name not in ROW_COLUMNS)


def read_source(name: str, source: Source) -> Iterator[list[Row]]:
    """The shards of the source that the recipe calls `name`, in order; one pass, one shard in memory.

    A row has the columns of ROW_COLUMNS and those of `given_columns`, `place` (where it was read, for people) and
    `reject`: None or (reason, message, sample).
    Raises RecipeError where a file or dataset can't be read, RunFailed where a connection failed.
    """
    talks = islice(conversations(source, records(name, source, fields(source))), source.limit)
    for shard in cut(identify(name, talks), *source.shard.bounds):
        for row in shard:
            row.update(source=name, licence=source.licence)
        yield shard


def given_columns(source: Source) -> tuple[str, ...]:
    """The columns beyond ROW_COLUMNS that the source's records bring with them."""
    return tuple(name for name in source.columns if name not in ROW_COLUMNS)


def rows_to_table(rows: list[Row], given: tuple[str, ...]) -> pa.Table:
    """ROW_COLUMNS, `given` columns and `_reject` (struct of reason, message, sample; null for a row that is fine)."""
    names = (*ROW_COLUMNS, *given)
    found = {name: column(name) for name in names}
    arrays = [pa.array([row.get(name) for row in rows], found[name].type) for name in names]  # type: ignore[union-attr]
    rejects = [dict(zip(REJECT.names, row["reject"], strict=True)) if row["reject"] else None for row in rows]
    return pa.table([*arrays, pa.array(rejects, REJECT)], names=[*names, "_reject"])


def lacking(table: pa.Table) -> dict[str, int]:
    """How many rows lack which of the columns that a source may give ("query_text answer_text": both); rejects apart."""
    names = [name for name in ("_reject", "_blocked", *_GIVEN) if name in table.column_names]
    there = {name: table[name].is_valid().to_pylist() for name in names}
    found: Counter[str] = Counter()
    for row in range(len(table)):
        if not any(there[name][row] for name in ("_reject", "_blocked") if name in there):
            found[" ".join(name for name in _GIVEN if name not in there or not there[name][row])] += 1
    return {names: rows for names, rows in found.items() if names}
