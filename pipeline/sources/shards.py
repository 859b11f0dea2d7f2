"""Cutting conversations into shards where their content says so, so that an edit moves the cuts near it alone.

Content-defined chunking, as file synchronisers do it over bytes; here over whole conversations, by a hash of their ids.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from voxsmith.pipeline.sources.identify import Row
from voxsmith.schemas.hashing import hashed_number

T = TypeVar("T")


def cut(conversations: Iterable[list[Row]], least: int, target: int, most: int) -> Iterator[list[Row]]:
    """Shards of `least` to `most` rows, `target` on average, in order. Conversations are never split.

    A conversation of n rows ends a shard with probability n / (target - least), by the hash of its id. Only the last
    shard may be smaller than `least`, and only a single conversation larger than `most`.
    """
    span = max(1, target - least)
    shard: list[Row] = []
    for rows in conversations:
        if shard and len(shard) + len(rows) > most:
            yield shard
            shard = []
        shard += rows
        if len(shard) >= least and _hash(rows[0]["conversation_id"]) % span < len(rows):
            yield shard
            shard = []
    if shard:
        yield shard


def _hash(text: str) -> int:
    return hashed_number(text, person=b"shard")
