"""Clips inside of other files: members of a tar, cells of Parquet and Arrow files. Only what is asked for is read."""

import tarfile
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from voxsmith.models.tar_members import BrokenTar, members
from voxsmith.schemas.clip_reference import is_url
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.recordings.files import OpenFile, Part, buffered

_LARGEST_GROUP = 1 << 31  # bytes of a column in a row group, unpacked
_FAR_AHEAD = 1 << 22  # bytes of a tar far away that are read at once: a request for each header takes longer
TABLES = (".parquet", ".arrow", ".feather", ".ipc")


class Span(NamedTuple):
    """Bytes of a file."""

    start: int
    size: int


@dataclass(frozen=True)
class TarIndex:
    """Where each member's bytes are. `broken`: why there may be more of them, or ""."""

    spans: dict[str, Span]
    broken: str

    def __getitem__(self, name: str) -> Span:
        """Raises Refused where there is no such member, or the archive breaks off before its end."""
        if (span := self.spans.get(name.removeprefix("./"))) is not None:
            return span
        if self.broken:
            raise Refused("cut_audio", f"{name} is not in the part of the archive that can be read: it {self.broken}")
        raise Refused("missing_file", f"the archive has no member {name}")


def tar_index(file: OpenFile) -> TarIndex:
    """It goes from header to header and reads no member. Of members with one name the first is taken.

    Raises Refused `bad_archive` where the file is no tar that can be read in parts, Unavailable.
    """
    part = Part(file.read_at, 0, file.size)
    spans: dict[str, Span] = {}
    broken = ""
    try:
        for member in members(buffered(part, _FAR_AHEAD if is_url(file.place.address) else tarfile.RECORDSIZE)):
            spans.setdefault(member.name, Span(member.start, member.size))
    except BrokenTar as error:
        broken = str(error)
    if part.failed:  # what looks like an end may be the network's
        raise part.failed
    if broken and not spans:
        raise Refused("bad_archive", f"no tar file that can be read in parts: it {broken}")
    return TarIndex(spans, broken)


class Cells:
    """Cells of a Parquet file, or of an Arrow file in either form. Neighbours are read together, once.

    Raises Refused `bad_archive`, Unavailable. One thread at a time.
    """

    def __init__(self, file: OpenFile) -> None:
        self._part = Part(file.read_at, 0, file.size)
        self._table: Any = None
        self._groups: list[int] = []  # the first row of each row group, and the number of rows
        self._read: tuple[int, str, pa.ChunkedArray] | None = None
        try:
            self._file = pa.PythonFile(buffered(self._part, file.ahead), mode="r")
            if file.read_at(0, 4) == b"PAR1":
                self._parquet = pq.ParquetFile(self._file)
                metadata = self._parquet.metadata
                self._groups = [0]
                for group in range(metadata.num_row_groups):
                    self._groups.append(self._groups[-1] + metadata.row_group(group).num_rows)
            else:
                self._table = self._arrow(file)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._why(error) from None

    def __getitem__(self, cell: tuple[str, int]) -> bytes:
        """The bytes of the row's clip in the column: of bytes, or of a struct that has `bytes`."""
        column, row = cell
        try:
            value = self._value(column, row)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._why(error) from None
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise Refused("missing_file", f"there are no bytes in row {row} of the column {column}")
        return data

    def _value(self, column: str, row: int) -> Any:
        if self._table is not None:
            self._check(column, self._table.column_names, row, len(self._table))
            return self._table[column][row].as_py()
        self._check(column, self._parquet.schema_arrow.names, row, self._groups[-1])
        group = next(n for n, first in enumerate(self._groups[1:]) if row < first)
        if self._read is None or self._read[:2] != (group, column):
            self._read = None  # two at a time would take twice the memory
            self._read = (group, column, self._group(group, column))
        return self._read[2][row - self._groups[group]].as_py()

    def _group(self, group: int, column: str) -> pa.ChunkedArray:
        metadata = self._parquet.metadata.row_group(group)
        parts = [metadata.column(n) for n in range(metadata.num_columns)]
        size = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.partition(".")[0] == column)
        if size > _LARGEST_GROUP:
            raise Unavailable(f"a row group has {size >> 20} MiB; write the file again with smaller row groups")
        return self._parquet.read_row_group(group, columns=[column])[column]

    def _check(self, column: str, columns: list[str], row: int, rows: int) -> None:
        if column not in columns:
            raise Refused("missing_file", f"there is no column {column}, but {', '.join(columns)[:200]}")
        if not 0 <= row < rows:
            raise Refused("missing_file", f"row {row} is asked for, and there are {rows}")

    def _arrow(self, file: OpenFile) -> pa.Table:
        source = self._file
        if not is_url(file.place.address):
            source = pa.memory_map(file.place.address)  # of which only the pages that are asked for are read
        elif file.size > _LARGEST_GROUP:
            raise Unavailable(f"an Arrow file of {file.size >> 20} MiB is read whole; write smaller ones, or Parquet")
        magic = file.read_at(0, 6) == b"ARROW1"
        return (pa.ipc.open_file(source) if magic else pa.ipc.open_stream(source)).read_all()

    def _why(self, error: Exception) -> Exception:
        line = " ".join(str(error).split())[:300]
        if isinstance(error, OSError) and error.errno:  # of the system's: what is wrong with the file has no number
            return Unavailable(f"the table can't be read now: {line}")
        return self._part.failed or Refused("bad_archive", f"the table can't be read: {line}")


def cell_of(member: str) -> tuple[str, int]:
    """(column, row) of `column:row`. Raises Refused."""
    column, _, row = member.rpartition(":")
    if not column or not row.isdecimal():
        raise Refused("bad_reference", f"'{member[:80]}' is no cell of a table; one is written column:row")
    return column, int(row)
