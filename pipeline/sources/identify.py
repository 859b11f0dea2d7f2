"""Names of rows, made of source and content: the same wherever a record stands and whatever stands around it."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from voxsmith.pipeline.sources.record.row import Row
from voxsmith.schemas.hashing import hashed_number

_NAME = re.compile(r"([0-9a-f]{16})(?:-([2-9]|[1-9][0-9]{1,17}))?")  # what content may be called

# Where a row came from and what it is called is not its content, nor are terms.
_NOT_CONTENT = ("id", "conversation_id", "turn", "source", "licence", "reject", "raw", "place")


def identify(source: str, conversations: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """The same conversations, each row with `id`, `conversation_id` and `turn`.

    A conversation is named by 16 hex digits of its content (BLAKE2b, 64 bits), and those of equal content are numbered
    in the order of their occurrence: source-0123456789abcdef, source-0123456789abcdef-2, … One that already has an id
    keeps it behind the source's name, so that two sources may use the same ids: no source has a - in its name. An id that
    looks like such a name, and is that of another conversation, is numbered as well.
    Remembers 64 bits of each conversation: some 80 bytes each as Python keeps them, 80 MB for a million; and ids that
    look like names.
    """
    seen: set[int] = set()
    again: dict[int, int] = {}
    alike: set[str] = set()
    for rows in conversations:
        given = rows[0].get("conversation_id")
        number = _number(given if given is not None else [_content(row) for row in rows])
        if given is not None and number in seen:
            # Two conversations of one name can't both come out; what comes later is rejected, and named by content.
            rows = [_late(row, given) for row in rows]
            given, number = None, _number([_content(row) for row in rows])
        name = given
        if given is None:
            name = _numbered(number, seen, again, alike)
        elif match := _NAME.fullmatch(given):
            content = int(match[1], 16)
            if (content in seen and int(match[2] or 1) <= again.get(content, 1)) or given in alike:
                name = _numbered(content, seen, again, alike)
            alike.add(str(name))
        seen.add(number)
        for turn, row in enumerate(rows):
            row.pop("raw", None)
            row.pop("utterance", None)
            row.update(id=f"{source}-{name}.{turn}", conversation_id=f"{source}-{name}", turn=turn)
        yield rows


def _numbered(number: int, seen: set[int], again: dict[int, int], alike: set[str]) -> str:
    """A name for content of this number: the next that neither such content nor an id has. `again`: the last one's."""
    first = name = format(number, "016x")
    if number in seen or name in alike:
        while name == first or name in alike:
            again[number] = again.get(number, 1) + 1
            name = f"{first}-{again[number]}"
    return name


def _content(row: Row) -> Row:
    """What names a row: what it says, or the whole of what was read where that is no row."""
    if "raw" in row:
        return {"raw": row["raw"]}
    return {name: value for name, value in row.items() if name not in _NOT_CONTENT and value is not None}


def _number(content: Any) -> int:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashed_number(text.encode("utf-8", "surrogatepass"))


def _text(row: Row) -> str:
    return str(row["instruction"] or row.get("transcript") or row.get("source_transcript"))


def _late(row: Row, conversation: str) -> Row:
    raw = json.dumps([conversation, _content(row)], sort_keys=True, ensure_ascii=False)
    message = (
        f"the conversation '{conversation}' goes on after other records, or is too large: sort them by it, or cut it"
    )
    reason = "split_conversation"
    if row.get("utterance"):
        reason, message = "repeated_id", f"the id '{conversation}' is that of an utterance before it; give it another"
    reject = row["reject"] or (reason, message, _text(row)[:200])
    return {"instruction": None, "context": None, "reject": reject, "raw": raw, "place": row.get("place")}
