"""Values of a record, as columns take them; and rows that are rejected for them."""

import html
import json
import re
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.sources.record.files import kind
from voxsmith.pipeline.sources.record.row import Row
from voxsmith.schemas.lines import shortened
from voxsmith.schemas.text import clean

SAMPLE = 200  # characters of what was read that a reject shows
OPTIONAL = "input"  # the one field of a text that may be left out: Alpaca's context
_MESSAGE = 1000  # characters: names of fields, of which a record may have any, stand in messages
_NAME = 1000  # characters of a conversation's id

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,31});")
_ABOUT_HTML = re.compile(r"\b(?:html|xml|entity|entities|escap\w+)\b", re.I)


class Unfit(Exception):
    """A record that is no row."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def text_of(record: dict[str, Any], field: str) -> str:
    """The field's text, stripped; "" where it is null. Only an `input` may be left out."""
    value = record.get(field)
    if value is None:
        if field in record or field == OPTIONAL:
            return ""
        raise Unfit("missing_field", f"there is no field '{field}', but {', '.join(map(str, record)) or 'none'}")
    if not isinstance(value, str):
        raise Unfit("missing_field", f"'{field}' is not a text but {kind(value)}")
    if "\0" in value or clean(value) != value:
        raise Unfit("bad_text", f"'{field}' is not Unicode text (bytes that aren't UTF-8, half a pair, or NUL)")
    return without_entities(value).strip()


def without_entities(text: str) -> str:
    """The text with HTML's entities as the characters that they stand for ("Tom &amp; Jerry", "it&amp;#39;s"); as it is
    where it speaks of HTML.
    """
    if "&" not in text or _ABOUT_HTML.search(text):
        return text
    once = _ENTITY.sub(_character, text)
    return _ENTITY.sub(_character, once) if once != text else text


def _character(match: re.Match[str]) -> str:
    char = html.unescape(match[0])
    if char == "\xa0":
        return " "
    return char if (char.isprintable() or char in "\n\t") and char != "\ufffd" else match[0]


def value_of(record: dict[str, Any], field: str, kind_wanted: pa.DataType) -> Any:
    """The field as the column's type has it; None where it is null or an empty text."""
    if kind_wanted == pa.string():
        return text_of(record, field) or None
    value = record.get(field)
    if field not in record:
        raise Unfit("missing_field", f"there is no field '{field}', but {', '.join(map(str, record)) or 'none'}")
    wanted: tuple[type, ...] = (int, float) if pa.types.is_floating(kind_wanted) else (int,)
    if value is not None and (isinstance(value, bool) or not isinstance(value, wanted)):
        raise Unfit("missing_field", f"'{field}' is not a number of the type {kind_wanted} but {kind(value)}")
    try:
        return pa.scalar(value, kind_wanted).as_py()
    except (pa.ArrowInvalid, OverflowError):
        raise Unfit("missing_field", f"'{field}' is {value}, which {kind_wanted} can't hold") from None


def identifier(record: dict[str, Any], field: str) -> str | None:
    value = record.get(field)
    name = str(value) if isinstance(value, int) else text_of({field: value}, field) or None
    if name and len(name) > _NAME:
        raise Unfit("long_id", f"'{field}' has {len(name)} characters, and a conversation's id {_NAME} at most")
    return name


def ordinal(record: dict[str, Any], field: str) -> int:
    value = record.get(field)
    if isinstance(value, str) and value.strip().isdecimal():  # a table of texts has no numbers
        return int(value[:20])
    if not isinstance(value, int):
        raise Unfit("missing_field", f"'{field}' is not a whole number but {kind(value)}")
    return value


def reject(reason: str, message: str, raw: str) -> Row:
    sample, message = clean(raw[:SAMPLE]), clean(message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]} …")
    return {"instruction": None, "context": None, "reject": (reason, message, sample), "raw": shortened(raw)}


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
