"""A record's fields as an utterance: which of them is what, by the recipe's `columns` or by the names that are usual."""

from collections.abc import Mapping
from typing import Any

from voxsmith.pipeline.sources.record.files import kind
from voxsmith.pipeline.sources.record.values import Unfit, identifier, ordinal, value_of
from voxsmith.pipeline.sources.speech.folder import File
from voxsmith.pipeline.sources.speech.usual import USUAL
from voxsmith.pipeline.sources.speech.utterance import Utterance
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source
from voxsmith.schemas.speech import PLACES

_NUMBERS = ("offset", "duration", "channel")
_IDS = ("conversation_id", "turn")


class Fields:
    """Names of fields by column or place: those of the recipe, else the layout's usual ones."""

    def __init__(self, source: Source, columns: Mapping[str, Column]) -> None:
        self._names = {**USUAL[source.layout], **{name: (field,) for name, field in source.columns.items()}}
        self._source, self._columns = source, columns

    def utterance(
        self,
        record: dict[str, Any],
        place: str,
        path: str,
        *,
        member: str = "",
        name: str | None = None,
        located: File | None = None,
    ) -> Utterance:
        """`name`: the utterance's id where the recipe names no field for it; the rest as an Utterance has it. Raises Unfit."""
        values: dict[str, Any] = dict.fromkeys(("source_transcript", "speaker", "language"))
        for column in (*values, *self._source.columns):
            if column not in (*PLACES, *_IDS) and (one := self._field(column, record)):
                values[column] = self._value(record, one, column)
        values["language"] = values["language"] or self._source.language
        offset, duration, channel = (self._number(record, one) for one in _NUMBERS)
        length = None
        if offset is None:  # NeMo's convention: a range has an offset, if only 0; a duration alone is all of the file's
            length, duration = duration, None
        named, talk, turn = (self._field(one, record) for one in ("id", *_IDS))
        return Utterance(
            place,
            path,
            values,
            identifier(record, named) if named else name,
            offset=offset,
            duration=duration,
            channel=channel,
            conversation=identifier(record, talk) if talk else None,
            turn=ordinal(record, turn) if turn else None,
            member=member,
            located=located,
            length=length,
        )

    def of(self, name: str, record: dict[str, Any]) -> str:
        """The field that holds what every record must have; where none does, the first that could."""
        return self._field(name, record) or self._names[name][0]

    def _field(self, name: str, record: dict[str, Any]) -> str | None:
        """The field that holds it; one that the recipe names is there, or the record is no row."""
        if name in self._source.columns:
            return self._names[name][0]
        there = [one for one in self._names.get(name, ()) if one in record and _may_be(name, record[one])]
        return next((one for one in there if record[one] not in (None, "")), there[0] if there else None)

    def _value(self, record: dict[str, Any], field: str, column: str) -> Any:
        """Speakers are numbers in many sets, and names of ours."""
        value = record.get(field)
        if column == "speaker" and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value_of(record, field, self._columns[column].type)

    def _number(self, record: dict[str, Any], name: str) -> Any:
        field = self._field(name, record)
        value = record.get(field) if field else None
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Unfit("bad_segment", f"'{field}' is not a number but {kind(value)}")
        return value


def _may_be(name: str, value: Any) -> bool:
    """Whether a field that nobody named may be it: a `language` of numbers, a label's, is another thing, and no row's fault."""
    if name not in ("speaker", "language"):
        return True
    wanted: tuple[type, ...] = (str, int) if name == "speaker" else (str,)
    return value is None or (isinstance(value, wanted) and not isinstance(value, bool))
