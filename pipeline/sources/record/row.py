"""Rows before they have their names, and the conversations that they are of."""

from collections.abc import Iterable, Iterator
from typing import Any

Row = dict[str, Any]

_PATIENCE = 1 << 22  # characters of broken records, kept in memory, after which a conversation is over
_ROW = 1000  # that a row takes besides, about
_CONVERSATION = 1 << 28  # characters of a conversation, which is in memory as a whole, wherever it is


def weight(row: Row) -> int:
    """Characters of all that it holds."""
    return sum(len(value) for value in row.values() if isinstance(value, str))


def grouped(rows: Iterable[Row]) -> Iterator[list[Row]]:
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
