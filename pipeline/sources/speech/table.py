"""Tables of Common Voice: tab-separated, a head, no quotes that mean anything."""

from collections.abc import Iterator
from pathlib import Path

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.files import Bad, Placed
from voxsmith.pipeline.sources.record.texts import opened
from voxsmith.schemas.lines import LARGEST, TooLarge, lines
from voxsmith.schemas.names import nearest


def rows_of_table(name: str, file: Path | str, needed: list[str]) -> Iterator[Placed]:
    """The rows as records of texts; an empty field is null. Raises RecipeError where a needed column isn't there."""
    with opened(file) as stream:
        head: list[str] = []
        for number, line in enumerate(lines(stream), 1):
            place = f"{file}, line {number}"
            if isinstance(line, TooLarge):
                yield place, Bad(f"a line has {LARGEST} bytes at most, and this one {line.size}", line.name)
                continue
            parts = line.rstrip("\r\n").split("\t")
            if not head:
                head = parts
                for column in needed:
                    if column not in head:
                        advice = nearest(column, head)
                        raise RecipeError(f"sources.{name}: {file}: its first line has no '{column}'; {advice}")
            elif len(parts) != len(head):
                if line.strip():
                    yield place, Bad(f"{len(parts)} fields, and the first line has {len(head)}", line)
            else:
                yield place, {column: part or None for column, part in zip(head, parts, strict=True)}
