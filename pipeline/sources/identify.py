"""Names of rows, made of source and content: the same wherever a record stands and whatever stands around it."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from voxsmith.schemas.hashing import hashed_number

Row = dict[str, Any]

# Where a row came from and what it is called is not its content, nor are terms.
_NOT_CONTENT = ("id", "conversation_id", "turn", "source", "licence", "reject", "raw", "place")


def identify(source: str, conversations: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """The same conversations, each row with `id`, `conversation_id` and `turn`.

    A conversation is named by 16 hex digits of its content (BLAKE2b, 64 bits), and those of equal content are numbered
    in the order of their occurrence: source-0123456789abcdef, source-0123456789abcdef-2, … One that already has an id
    keeps it behind the source's name, so that two sources may use the same ids.
    Remembers 64 bits of each conversation: some 80 bytes each as Python keeps them, 80 MB for a million.
    """
    seen: set[int] = set()
    again: dict[int, int] = {}
    for rows in conversations:
        given = rows[0].get("conversation_id")
        number = _number(given if given is not None else [_content(row) for row in rows])
        if given is not None and number in seen:
            # Two conversations of one name can't both come out; what comes later is rejected, and named by content.
            rows = [_late(row, given) for row in rows]
            given, number = None, _number([_content(row) for row in rows])
        name = f"{source}-{given if given is not None else format(number, '016x')}"
        if number in seen:
            again[number] = again.get(number, 1) + 1
            name += f"-{again[number]}"
        seen.add(number)
        for turn, row in enumerate(rows):
            row.pop("raw", None)
            row.update(id=f"{name}.{turn}", conversation_id=name, turn=turn)
        yield rows


def _content(row: Row) -> Row:
    """What names a row: what it says, or the whole of what was read where that is no row."""
    if "raw" in row:
        return {"raw": row["raw"]}
    return {name: value for name, value in row.items() if name not in _NOT_CONTENT and value is not None}


def _number(content: Any) -> int:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashed_number(text.encode("utf-8", "surrogatepass"))


def _late(row: Row, conversation: str) -> Row:
    raw = json.dumps([conversation, _content(row)], sort_keys=True, ensure_ascii=False)
    message = f"the conversation '{conversation}' goes on after other records: sort them by it"
    reject = row["reject"] or ("split_conversation", message, str(row["instruction"] or row.get("transcript"))[:200])
    return {"instruction": None, "context": None, "reject": reject, "raw": raw, "place": row.get("place")}
