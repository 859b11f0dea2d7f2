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

from voxsmith.pipeline.sources.dialogue import FIELDS, user_texts
from voxsmith.pipeline.sources.record.files import Bad, Placed
from voxsmith.pipeline.sources.record.row import Row, grouped
from voxsmith.pipeline.sources.record.values import (
    OPTIONAL,
    Unfit,
    dump,
    identifier,
    ordinal,
    reject,
    text_of,
    value_of,
)
from voxsmith.schemas.columns import COLUMNS, Column
from voxsmith.schemas.hashing import hashed_share
from voxsmith.schemas.source import DIALOGUES, TASKS, DrawnTurns, Source

_TURNS = 100_000  # of a dialogue, which is in memory as a whole

_ALPACA = {"instruction": "instruction", "context": OPTIONAL}

# What Alpaca writes where there is no input: "<noinput>", "No input required.", "(N/A)", "None", …
_NOTHING = re.compile(
    r"\W*(no\s?inputs?(\s(is\s)?(required|needed|necessary|provided|given))?|none|nil|n/?a)\W*", re.IGNORECASE
)


def conversations(
    source: Source, records: Iterable[Placed], columns: Mapping[str, Column] = COLUMNS
) -> Iterator[list[Row]]:
    """The conversations of a source, not named yet (see identify), in order; a bad record is one of a single row."""
    if source.layout in DIALOGUES:
        for place, record in records:
            turns = [_bad(record)] if isinstance(record, Bad) else _dialogue(record, source.turns)
            yield [{**row, "place": place} for row in turns]
        return
    names = source.columns or _ALPACA
    rows = (
        {**(_bad(record) if isinstance(record, Bad) else _columns(record, names, columns)), "place": place}
        for place, record in records
    )
    yield from grouped(rows)


def fields(source: Source) -> tuple[str, ...]:
    """The fields that the source's records must, or may, have; the first stands for all where none is there."""
    if source.layout in DIALOGUES:
        return FIELDS
    return tuple((source.columns or _ALPACA).values())


def join(task: str, context: str) -> str:
    """Task and material as one request: the material below the task, unless the task quotes it already."""
    return task if not context or _quotes(_flat(task), _flat(context)) else f"{task}\n{context}"


def _quotes(task: str, context: str) -> bool:
    """Whether the context stands in the task as whole words. (A pattern is costly to make, so look first.)"""
    return context in task and re.search(rf"(?<!\w){re.escape(context)}(?!\w)", task) is not None


def _columns(record: dict[str, Any], names: dict[str, str], columns: Mapping[str, Column]) -> Row:
    row: Row = {}
    try:
        if "conversation_id" in names:
            row["conversation_id"] = identifier(record, names["conversation_id"])
        if "turn" in names:
            row["turn"] = ordinal(record, names["turn"])
        given = {
            name: value_of(record, field, columns[name].type)
            for name, field in names.items()
            if columns[name].role != "id"
        }
    except Unfit as unfit:
        return row | reject(unfit.reason, unfit.message, dump(record))
    task = given.pop("instruction", None) or given.get("query_text")
    context = given.pop("context", None) or ""
    if _NOTHING.fullmatch(context):
        context = ""
    if any(name in names for name in TASKS):
        if not task:
            return row | reject("empty_instruction", "there is no request", dump(record))
        task = join(task, context)
    elif not given.get("transcript"):
        return row | reject("empty_transcript", "there is no transcript", dump(record))
    return row | {"instruction": task, "context": context or None, **given, "reject": None}


def _dialogue(record: dict[str, Any], turns: int | str | DrawnTurns) -> list[Row]:
    try:
        asked = user_texts(record)
        if not asked:
            raise Unfit("empty_instruction", "there is no message")
        if (count := _count(turns, asked)) > _TURNS:
            raise Unfit("bad_dialogue", f"it has {len(asked)} turns; {_TURNS} are the most that are taken")
    except Unfit as unfit:
        return [reject(unfit.reason, unfit.message, dump(record))]
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
        text = text_of({"message": text}, "message")
    except Unfit as unfit:
        return reject(unfit.reason, unfit.message, dump(text))
    if not text:
        return reject("empty_instruction", "there is no request", "")
    return {"instruction": text, "context": None, "reject": None}


def _bad(record: Bad) -> Row:
    return reject("bad_line", record.message, record.raw)


def _flat(text: str) -> str:
    return " ".join(text.lower().split())
