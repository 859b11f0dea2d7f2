"""From records to conversations: what a user of Alpaca, of UltraChat or of named columns asked, turn by turn.

Rows here have `instruction`, `context`, the columns that the source gives, `place`, and `reject`: None, or (reason,
message, sample). A rejected row has nulls, and `raw`, the whole of what was read, for its name. A row whose source names
no task is an utterance: it has a transcript, and no instruction. Only what can't be taken for a request or an utterance
is rejected here; whether a text can be spoken is for the stages to say.

Reasons: bad_line (no record), missing_field (not there, or of another type), bad_text (not Unicode), empty_instruction,
empty_transcript, bad_dialogue (doesn't start with the user, or doesn't end), long_id; and, when rows get their names,
split_conversation.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.sources.identify import Row, weight
from voxsmith.pipeline.sources.records import Bad, Placed, kind
from voxsmith.schemas.columns import COLUMNS, Column
from voxsmith.schemas.hashing import hashed_share
from voxsmith.schemas.lines import shortened
from voxsmith.schemas.source import TASKS, DrawnTurns, Source
from voxsmith.schemas.text import clean

SAMPLE = 200  # characters of what was read that a reject shows
_MESSAGE = 1000  # characters: names of fields, of which a record may have any, stand in messages
_NAME = 1000  # characters of a conversation's id

_PATIENCE = 1 << 22  # characters of broken records, kept in memory, after which a conversation is over
_ROW = 1000  # that a row takes besides, about
_CONVERSATION = 1 << 28  # characters of a conversation, which is in memory as a whole, wherever it is
_TURNS = 100_000  # of a dialogue, for the same reason

_ALPACA = {"instruction": "instruction", "context": "input"}

# What Alpaca writes where there is no input: "<noinput>", "No input required.", "(N/A)", "None", …
_NOTHING = re.compile(
    r"\W*(no\s?inputs?(\s(is\s)?(required|needed|necessary|provided|given))?|none|nil|n/?a)\W*", re.IGNORECASE
)


def conversations(
    source: Source, records: Iterable[Placed], columns: Mapping[str, Column] = COLUMNS
) -> Iterator[list[Row]]:
    """The conversations of a source, not named yet (see identify), in order; a bad record is one of a single row."""
    if source.layout == "ultrachat":
        for place, record in records:
            turns = [_bad(record)] if isinstance(record, Bad) else _dialogue(record, source.turns)
            yield [{**row, "place": place} for row in turns]
        return
    names = source.columns or _ALPACA
    rows = (
        {**(_bad(record) if isinstance(record, Bad) else _columns(record, names, columns)), "place": place}
        for place, record in records
    )
    yield from _grouped(rows)


def fields(source: Source) -> tuple[str, ...]:
    """The fields that the source's records must, or may, have; the first stands for all where none is there."""
    if source.layout == "ultrachat":
        return ("messages", "data")
    return tuple((source.columns or _ALPACA).values())


def join(task: str, context: str) -> str:
    """Task and material as one request: the material below the task, unless the task quotes it already."""
    return task if not context or _quotes(_flat(task), _flat(context)) else f"{task}\n{context}"


def _quotes(task: str, context: str) -> bool:
    """Whether the context stands in the task as whole words. (A pattern is costly to make, so look first.)"""
    return context in task and re.search(rf"(?<!\w){re.escape(context)}(?!\w)", task) is not None


class _Unfit(Exception):
    """A record that is no row."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def _columns(record: dict[str, Any], names: dict[str, str], columns: Mapping[str, Column]) -> Row:
    row: Row = {}
    try:
        if "conversation_id" in names:
            row["conversation_id"] = _identifier(record, names["conversation_id"])
        if "turn" in names:
            row["turn"] = _ordinal(record, names["turn"])
        given = {
            name: _value(record, field, columns[name].type)
            for name, field in names.items()
            if columns[name].role != "id"
        }
    except _Unfit as unfit:
        return row | _reject(unfit.reason, unfit.message, _dump(record))
    task = given.pop("instruction", None) or given.get("query_text")
    context = given.pop("context", None) or ""
    if _NOTHING.fullmatch(context):
        context = ""
    if any(name in names for name in TASKS):
        if not task:
            return row | _reject("empty_instruction", "there is no request", _dump(record))
        task = join(task, context)
    elif not given.get("transcript"):
        return row | _reject("empty_transcript", "there is no transcript", _dump(record))
    return row | {"instruction": task, "context": context or None, **given, "reject": None}


def _dialogue(record: dict[str, Any], turns: int | str | DrawnTurns) -> list[Row]:
    try:
        asked = _asked(record)
        if not asked:
            raise _Unfit("empty_instruction", "there is no message")
        if (count := _count(turns, asked)) > _TURNS:
            raise _Unfit("bad_dialogue", f"it has {len(asked)} turns; {_TURNS} are the most that are taken")
    except _Unfit as unfit:
        return [_reject(unfit.reason, unfit.message, _dump(record))]
    return [_turn_row(text) for text in asked[:count]]


def _count(turns: int | str | DrawnTurns, asked: list[Any]) -> int:
    """Turns to take of a dialogue. A draw depends on what is asked alone, so that it is the same in any place of a file."""
    if not isinstance(turns, DrawnTurns):
        return len(asked) if turns == "all" else int(turns)
    left, count = hashed_share(json.dumps(asked)), 0
    probable = math.exp(-turns.mean)  # of `count`
    while left >= probable and count < turns.most:
        left -= probable
        count += 1
        probable *= turns.mean / count
    return max(1, count)


def _turn_row(text: Any) -> Row:
    try:
        text = _text({"message": text}, "message")
    except _Unfit as unfit:
        return _reject(unfit.reason, unfit.message, _dump(text))
    if not text:
        return _reject("empty_instruction", "there is no request", "")
    return {"instruction": text, "context": None, "reject": None}


def _asked(record: dict[str, Any]) -> list[Any]:
    """What the user said, turn by turn, in either layout of UltraChat."""
    if isinstance(messages := record.get("messages"), list):
        if not all(isinstance(message, dict) for message in messages):
            raise _Unfit("missing_field", "'messages' is not a list of {role, content}")
        said = [message for message in messages if message.get("role") != "system"]
        if said and said[0].get("role") != "user":
            raise _Unfit("bad_dialogue", f"the first message is not the user's but of the role {said[0].get('role')!r}")
        return [message.get("content") for message in said if message.get("role") == "user"]
    if isinstance(data := record.get("data"), list):
        return data[::2]
    there = ", ".join(map(str, record)) or "no field"
    raise _Unfit("missing_field", f"neither a list 'messages' nor a list 'data' is there, but {there}")


def _text(record: dict[str, Any], field: str) -> str:
    """The field's text, stripped; "" where it is null. Only an `input` may be left out."""
    value = record.get(field)
    if value is None:
        if field in record or field == _ALPACA["context"]:
            return ""
        raise _Unfit("missing_field", f"there is no field '{field}', but {', '.join(map(str, record)) or 'none'}")
    if not isinstance(value, str):
        raise _Unfit("missing_field", f"'{field}' is not a text but {kind(value)}")
    if "\0" in value or clean(value) != value:
        raise _Unfit("bad_text", f"'{field}' is not Unicode text (bytes that aren't UTF-8, half a pair, or NUL)")
    return value.strip()


def _value(record: dict[str, Any], field: str, kind_wanted: pa.DataType) -> Any:
    """The field as the column's type has it; None where it is null or an empty text."""
    if kind_wanted == pa.string():
        return _text(record, field) or None
    value = record.get(field)
    if field not in record:
        raise _Unfit("missing_field", f"there is no field '{field}', but {', '.join(map(str, record)) or 'none'}")
    wanted: tuple[type, ...] = (int, float) if pa.types.is_floating(kind_wanted) else (int,)
    if value is not None and (isinstance(value, bool) or not isinstance(value, wanted)):
        raise _Unfit("missing_field", f"'{field}' is not a number of the type {kind_wanted} but {kind(value)}")
    try:
        return pa.scalar(value, kind_wanted).as_py()
    except (pa.ArrowInvalid, OverflowError):
        raise _Unfit("missing_field", f"'{field}' is {value}, which {kind_wanted} can't hold") from None


def _identifier(record: dict[str, Any], field: str) -> str | None:
    value = record.get(field)
    name = str(value) if isinstance(value, int) else _text({field: value}, field) or None
    if name and len(name) > _NAME:
        raise _Unfit("long_id", f"'{field}' has {len(name)} characters, and a conversation's id {_NAME} at most")
    return name


def _ordinal(record: dict[str, Any], field: str) -> int:
    if not isinstance(value := record.get(field), int):
        raise _Unfit("missing_field", f"'{field}' is not a whole number but {kind(value)}")
    return value


def _grouped(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Conversations, in the order of their turns. Rows without a conversation's id are alone; where such a row is a
    reject, it doesn't end the conversation that it stands in: it comes behind it. What is beyond a conversation's largest
    size is another of the same name, which is for `identify` to reject.
    """
    group: list[Row] = []
    broken: list[list[Row]] = []
    size = waiting = 0
    for row in rows:
        name = row.get("conversation_id")
        if group and name is None and row["reject"] and waiting < _PATIENCE:
            broken.append([row])
            waiting += weight(row) + _ROW
            continue
        if group and (name != group[0]["conversation_id"] or size > _CONVERSATION):
            yield sorted(group, key=_turn)
            yield from broken
            group, broken, size, waiting = [], [], 0, 0
        if name is None:
            yield [row]
        else:
            group.append(row)
            size += weight(row) + _ROW
    if group:
        yield sorted(group, key=_turn)
        yield from broken


def _turn(row: Row) -> float:
    turn = row.get("turn")
    return float("inf") if turn is None else turn


def _bad(record: Bad) -> Row:
    return _reject("bad_line", record.message, record.raw)


def _reject(reason: str, message: str, raw: str) -> Row:
    sample, message = clean(raw[:SAMPLE]), clean(message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]} …")
    return {"instruction": None, "context": None, "reject": (reason, message, sample), "raw": shortened(raw)}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _flat(text: str) -> str:
    return " ".join(text.lower().split())
