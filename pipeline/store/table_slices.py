"""Tables in slices of so many bytes: one Arrow array of clips holds at most 2 GB (its offsets are int32)."""

from collections.abc import Iterator
from typing import TypeVar

import pyarrow as pa

SLICE_BYTES = 256 * 2**20
BATCH_BYTES = (
    16 * 2**20
)  # of a file of the dataset: what its writer, and who reads it row by row, has in memory at once
Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def slices(rows: Rows, limit: int = SLICE_BYTES) -> Iterator[Rows]:
    """Slices of at most `limit` bytes, in order; a row that is larger is a slice of its own. Nothing is copied."""
    if rows.num_rows <= 1 or rows.nbytes <= limit:
        yield rows
        return
    middle = rows.num_rows // 2
    yield from slices(rows.slice(0, middle), limit)
    yield from slices(rows.slice(middle), limit)
