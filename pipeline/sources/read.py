"""A source as shards of rows, lazily: records -> conversations -> names -> shards; and as Arrow tables."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

import pyarrow as pa

from voxsmith.pipeline.sources.identify import identify
from voxsmith.pipeline.sources.layouts import conversations, fields
from voxsmith.pipeline.sources.record.row import Row
from voxsmith.pipeline.sources.records import records
from voxsmith.pipeline.sources.shards import cut
from voxsmith.pipeline.sources.speech.rows import OF_A_CLIP, given_as, speech
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.pipeline.store.objects import REJECT
from voxsmith.schemas.columns import COLUMNS, ROW_COLUMNS, Column
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import PLACES

_NEVER_LACKING = set(ROW_COLUMNS) - {"instruction"}  # made by the reader, or a row can do without it


def read_source(
    name: str, source: Source, columns: Mapping[str, Column] = COLUMNS, watch: Watch | None = None
) -> Iterator[list[Row]]:
    """The shards of the source that the recipe calls `name`, in order; one pass, one shard in memory.

    A row has the columns of ROW_COLUMNS and those of `given_columns`, `place` (where it was read, for people) and
    `reject`: None or (reason, message, sample). `columns`: those that the recipe has. `watch`: notes what recorded speech is
    listed from.
    Raises RecipeError where a file or dataset can't be read, RunFailed where a connection failed.
    """
    if source.is_speech:
        talks = speech(name, source, watch or Watch(), columns)
    else:
        talks = conversations(source, records(name, source, fields(source)), columns)
    for shard in cut(identify(name, islice(talks, source.limit)), *source.shard.bounds):
        for row in shard:
            row.update(source=name, licence=source.licence)
        yield shard


def given_columns(source: Source) -> tuple[str, ...]:
    """The columns beyond ROW_COLUMNS that the source's records bring with them."""
    columns = [name for name in source.columns if name not in (*ROW_COLUMNS, *(PLACES if source.is_speech else ()))]
    own = (*(given_as(source.of, name) for name in OF_A_CLIP), "speaker", "language") if source.is_speech else ()
    return tuple(dict.fromkeys([*own, *columns]))


def rows_to_table(rows: list[Row], given: tuple[str, ...], columns: Mapping[str, Column] = COLUMNS) -> pa.Table:
    """ROW_COLUMNS, `given` columns and `_reject` (struct of reason, message, sample; null for a row that is fine)."""
    names = (*ROW_COLUMNS, *given)
    arrays = [pa.array([row.get(name) for row in rows], columns[name].type) for name in names]
    rejects = [dict(zip(REJECT.names, row["reject"], strict=True)) if row["reject"] else None for row in rows]
    return pa.table([*arrays, pa.array(rejects, REJECT)], names=[*names, "_reject"])


def lacking(table: pa.Table, columns: Mapping[str, Column] = COLUMNS) -> dict[str, int]:
    """How many rows lack which of the columns that a source may give ("query_text answer_text": both); rejects apart."""
    given = [name for name, one in columns.items() if one.given and name not in _NEVER_LACKING]
    there = {name: table[name].is_valid().to_pylist() for name in table.column_names}
    counts: Counter[str] = Counter()
    for row in range(len(table)):
        if not any(there[name][row] for name in ("_reject", "_blocked") if name in there):
            counts[" ".join(name for name in given if name not in there or not there[name][row])] += 1
    return {names: rows for names, rows in counts.items() if names}
