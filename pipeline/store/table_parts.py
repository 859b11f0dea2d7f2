"""Tables in parts of so many bytes: one Arrow array of clips holds at most 2 GB (its offsets are int32)."""

from collections.abc import Iterator

import pyarrow as pa

PART_BYTES = 256 * 2**20
BATCH_BYTES = 16 * 2**20  # of a file of the dataset: what its writer, and who reads it row by row, holds at once


def parts(table: pa.Table, limit: int = PART_BYTES) -> Iterator[pa.Table]:
    """The table as slices of at most `limit` bytes, in order; a row that is larger stands alone. Nothing is copied."""
    if len(table) <= 1 or table.nbytes <= limit:
        yield table
        return
    middle = len(table) // 2
    yield from parts(table.slice(0, middle), limit)
    yield from parts(table.slice(middle), limit)
