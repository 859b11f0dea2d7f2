"""Arrow files of the dataset as Parquet that the Hub's viewer shows, one row group in memory at a time.

The viewer reads a page of 100 rows at a time, and refuses to scan more than 300 MB for it. A group of at most 50 MB
keeps that page in two or three groups: 150 MB, whatever the clips' length. The page index lets readers skip within a
group; content-defined chunks let an edited row change few bytes of the file, which the Hub's storage then keeps once.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from voxsmith.pipeline.store.files import appearing
from voxsmith.pipeline.store.table_slices import slices

ROW_GROUP_BYTES = 50_000_000


def rows_in(source: Path) -> int:
    """Rows of an Arrow stream file; no clip is read."""
    with pa.memory_map(str(source)) as data, pa.ipc.open_stream(data) as stream:
        return sum(batch.num_rows for batch in stream)


def to_parquet(source: Path, target: Path) -> None:
    """Write the rows of an Arrow stream file as Parquet, with the schema and its metadata (the features of `datasets`).

    The same rows give the same bytes. The target appears when it is whole.
    """
    with pa.OSFile(str(source)) as data, pa.ipc.open_stream(data) as stream:
        write_parquet(stream, stream.schema, target)


def write_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, target: Path) -> None:
    """Write the batches, all of this schema; the same rows give the same bytes. The target appears when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    clips = {f"{field.name}.bytes" for field in schema if pa.types.is_struct(field.type)}  # FLAC: packed already
    others = [leaf for leaf in leaves if leaf not in clips]
    with (
        appearing(target) as fresh,
        pq.ParquetWriter(
            fresh,
            schema,
            compression={leaf: "none" if leaf in clips else "zstd" for leaf in leaves},
            use_dictionary=others,
            write_statistics=others,
            write_page_index=True,
            use_content_defined_chunking=True,
        ) as writer,
    ):
        for group in row_groups(batches):
            writer.write_table(group, row_group_size=max(1, len(group)))


def row_groups(batches: Iterable[pa.RecordBatch], size: int = ROW_GROUP_BYTES) -> Iterator[pa.Table]:
    """The rows, in order, in tables of at most `size` bytes in memory; a row that is larger has a table of its own."""
    waiting: list[pa.RecordBatch] = []
    weight = 0
    for batch in batches:
        for some in slices(batch, size) if batch.num_rows else ():
            if waiting and weight + some.nbytes > size:
                yield pa.Table.from_batches(waiting)
                waiting, weight = [], 0
            waiting.append(some)
            weight += some.nbytes
    if waiting:
        yield pa.Table.from_batches(waiting)


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    """Names of the Parquet columns that a field becomes."""
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return [leaf for field in fields for leaf in _leaves(f"{path}.{field.name}", field.type)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    return [path]
