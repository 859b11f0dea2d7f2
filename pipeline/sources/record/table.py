"""Tables of texts, CSV or TSV, as records: the first line names the fields."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.texts import opened
from voxsmith.schemas.lines import LARGEST

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_SIGNS = ",;|\t"  # that may stand between fields
_START = 1 << 16  # characters, that tell which


def rows_of_table(file: Path | str) -> Iterator[tuple[int, dict[str, Any] | list[str]]]:
    """(number of the row's first line, its fields); a list where it has more or fewer values than the table has fields.

    Raises RecipeError where the first line names no fields or one of them twice, or a quote is never closed.
    """
    with opened(file) as stream:
        head = stream.readline(_START)
    delimiter = "\t" if ".tsv" in Path(str(file)).name else max(_SIGNS, key=head.count)
    csv.field_size_limit(LARGEST)
    with opened(file) as stream:
        rows = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            names = [name.strip() for name in next(rows, [])]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise RecipeError(f"{file}, line 1: two fields are called '{twice}'")
            line = rows.line_num + 1
            for row in rows:
                if row:
                    yield line, dict(zip(names, row, strict=True)) if len(row) == len(names) else row
                line = rows.line_num + 1
        except csv.Error as error:
            raise RecipeError(f"{file}, line {rows.line_num}: no table that can be read: {error}") from None
