"""Fields that a source of recorded speech needs and that none of its records has: the recipe names others, or none.

That is no verdict on the records. It is said before rows are made of them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.speech.usual import USUAL
from voxsmith.schemas.columns import COLUMNS
from voxsmith.schemas.names import nearest
from voxsmith.schemas.source import Source

_LOOKED_AT = 1000  # records, before it is sure that none has the field
_SHOWN = 20  # names of fields in a message
_SOUNDS = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".m4a")

T = TypeVar("T")


def some_have(
    name: str,
    source: Source,
    read: Iterable[T],
    record_of: Callable[[T], dict[str, Any] | None],
    instead: str = "",
) -> Iterator[T]:
    """What was read, as it is. `record_of`: the record of what was read, None where it is none; `instead`: what else a
    transcript could be, for the message.

    Raises RecipeError where a field that the recipe names, the clip's or the transcript's is in none of the first records.
    """
    lacking, example, first = _needed(source), None, list[T]()
    read = iter(read)
    while lacking and len(first) < _LOOKED_AT and (one := next(read, None)) is not None:
        first.append(one)
        if (record := record_of(one)) is not None:
            example = example or record
            lacking = {
                column: names for column, names in lacking.items() if not any(field in record for field in names)
            }
    if lacking and example is not None:
        column, names = next(iter(lacking.items()))
        raise RecipeError(f"sources.{name}: {_message(source, column, names, example, instead)}")
    yield from first
    yield from read


def _needed(source: Source) -> dict[str, tuple[str, ...]]:
    """Names of fields of which one has to be there, by column or place."""
    usual = USUAL[source.layout]
    needed: dict[str, tuple[str, ...]] = {
        column: (field,) for column, field in source.columns.items() if column != "clip" or column in usual
    }
    has_text = any(column in COLUMNS and COLUMNS[column].role == "text" for column in needed)
    for column in ("clip", *(("source_transcript",) if source.transcripts and not has_text else ())):
        if column in usual:
            needed.setdefault(column, usual[column])
    return needed


def _message(source: Source, column: str, names: tuple[str, ...], record: dict[str, Any], instead: str) -> str:
    there = list(map(str, record))
    shown = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "") or "none"
    if column in source.columns:
        return f"'columns' says {column}: {names[0]}, and no record has a field '{names[0]}'; {nearest(names[0], there[:_SHOWN])}"
    what = "the clip's file" if column == "clip" else "the transcript"
    says = f"no record has a field {', '.join(map(repr, names))} with {what}, but {shown}"
    likely = _likely(column, record)
    advice = f"name the field: columns: {{{column}: {likely}}}"
    if column == "clip":
        return f"{says}; {advice}"
    return f"{says}; {advice}{instead}; where nobody wrote down what is said, write transcripts: false"


def _likely(column: str, record: dict[str, Any]) -> str:
    """The field that may hold it, by its value; "…" where none does."""
    texts = {str(field): value for field, value in record.items() if isinstance(value, str)}
    sounds = [field for field, value in texts.items() if value.lower().endswith(_SOUNDS)]
    if column == "clip":
        return next(iter(sounds), "…")
    words = [field for field, value in texts.items() if field not in sounds and " " in value]
    return max(words, key=lambda field: len(texts[field]), default="…")
