"""What is in an object, and how columns are read back from the objects that have them.

Besides the columns of its stage an object has `_reject` (why the row can't go on, or null), `_requests` (digests of what
was asked for the row) and `_replies` (the raw replies, in the same order).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.store.digests import column_digest
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.table_slices import BATCH_BYTES, slices
from voxsmith.schemas.columns import Column

REJECT = pa.struct([pa.field(name, pa.string()) for name in ("reason", "message", "sample")])
VERDICTS = frozenset(("_reject", "_blocked"))  # columns of REJECT
REQUESTS = pa.list_(pa.binary())
REPLIES = pa.list_(pa.binary())

# Where a column is: (stage instance or source folder, key).
Place = tuple[str, str]


def column_field(name: str, column: Column, choices: tuple[str, ...] | None) -> pa.Field:
    """The field of a column in an object. A column that chooses, row by row, between others is int8: the number of the
    chosen one in the list of `choices`, which is in the field's metadata.
    """
    if choices is not None:
        return pa.field(name, pa.int8(), metadata={b"choices": ",".join(choices).encode()})
    return pa.field(name, column.type)


class Damaged(RunFailed):
    """An object isn't what its commit says: it is cut, its bytes have changed, or it is gone. It must be recomputed."""

    def __init__(self, stage: str, key: str, why: str) -> None:
        super().__init__(stage, key, why)
        self.place: Place = (stage, key)

    def __str__(self) -> str:
        damage = "objects/{}/{} is damaged: {}".format(*self.args)
        return f"{damage}; `voxsmith export` takes it out, and `voxsmith run` makes it again"


def read_columns(store: Store, places: Mapping[str, Place], digests: Mapping[str, str] | None = None) -> pa.Table:
    """The columns, each from its place. A column of choices becomes the values chosen, if `places` has the others too.

    Values are compared with the `digests` of their columns, where it has them. Raises Damaged.
    """
    by_place: dict[Place, list[str]] = {}
    for name, place in places.items():
        by_place.setdefault(place, []).append(name)
    columns: dict[str, pa.ChunkedArray] = {}
    choices: dict[str, list[str]] = {}
    for (stage, key), names in by_place.items():
        table = _read(store, stage, key, names)
        for name in names:
            if digests and name in digests and column_digest(table[name]) != digests[name]:
                raise Damaged(stage, key, f"the values of {name} are not those that were written")
            columns[name] = table[name]
            metadata = table.schema.field(name).metadata or {}
            if b"choices" in metadata:
                choices[name] = metadata[b"choices"].decode().split(",")
    for name, others in choices.items():
        columns[name] = _choose(columns[name], [columns[other] for other in others])
    return pa.table(columns)


def read_rows(store: Store, place: Place, digests: Mapping[str, str], keep: bool) -> pa.Table:
    """Columns of a source's shard, as they were read from it. Raises RunFailed where they are damaged; `keep`: the store may
    be written, and then the object is taken out, so that the source is read again.
    """
    try:
        return read_columns(store, dict.fromkeys(digests, place), digests)
    except Damaged as error:
        if not keep:
            raise
        store.drop(*place)
        damage = "objects/{}/{} is damaged: {}".format(*error.args)
        raise RunFailed(f"{damage}; it has been taken out, and the same command makes it again") from None


def _read(store: Store, stage: str, key: str, names: list[str]) -> pa.Table:
    try:
        table = store.read(stage, key, names)
    except (pa.ArrowException, OSError, ValueError) as error:
        # An object store's bad minute looks like a broken file; but then its bytes can't be read either.
        if isinstance(error, FileNotFoundError) or store.read_bytes(f"objects/{stage}/{key}.arrow") is not None:
            raise Damaged(stage, key, " ".join(str(error).split())[:200]) from error
        raise
    if missing := set(names) - set(table.column_names):
        raise Damaged(stage, key, f"it lacks {', '.join(sorted(missing))}")
    for name in VERDICTS.intersection(names):
        if table.schema.field(name).type != REJECT:
            raise Damaged(stage, key, f"its {name} is {table.schema.field(name).type}: another version wrote it?")
    return table


def _choose(index: pa.ChunkedArray, columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """For each row the value of the column whose number it names; null where it names none."""
    chosen = []
    for some in slices(pa.Table.from_arrays([index, *columns], [str(number) for number in range(len(columns) + 1)])):
        where, *others = some.columns
        stacked = pa.chunked_array([chunk for other in others for chunk in other.chunks], type=columns[0].type)
        rows = pa.array(range(len(some)), pa.int64())
        chosen += stacked.take(pc.add(pc.multiply(where.cast(pa.int64()), len(some)), rows)).chunks
    return pa.chunked_array(chosen, columns[0].type)


def build_table(
    fields: list[pa.Field],
    rows: list[dict[str, Any]],
    rejects: list[dict[str, str] | None],
    requests: list[list[bytes]],
    replies: list[list[bytes | None]],
) -> pa.Table:
    """The table of an object, from what a stage returned for each row. Its chunks are bounded in bytes.

    `rows` and `replies` are emptied as they go into the table, so that at most one chunk of clips is in memory twice.
    """
    schema = pa.schema([*fields, ("_reject", REJECT), ("_requests", REQUESTS), ("_replies", REPLIES)])
    batches = []
    for start, end in list(_runs([_weight(row) + _weight(kept) for row, kept in zip(rows, replies, strict=True)])):
        run = slice(start, end)
        columns: list[Sequence[Any]] = [[row.get(field.name) for row in rows[run]] for field in fields]
        columns += [rejects[run], requests[run], replies[run]]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        batches.append(pa.record_batch(arrays, schema=schema))
        rows[run], replies[run] = [{}] * (end - start), [[]] * (end - start)
    return pa.Table.from_batches(batches, schema)


def _runs(weights: list[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of runs of rows that weigh BATCH_BYTES at most, each at least a row."""
    start = weight = 0
    for row, own in enumerate(weights):
        if weight + own > BATCH_BYTES and row > start:
            yield start, row
            start, weight = row, 0
        weight += own
    yield start, len(weights)


def _weight(value: Any) -> int:
    """Bytes of the clips and replies in the value: the rest is small."""
    if isinstance(value, dict | list):
        return sum(_weight(part) for part in (value.values() if isinstance(value, dict) else value))
    return len(value) if isinstance(value, bytes) else 0
