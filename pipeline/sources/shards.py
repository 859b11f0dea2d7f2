"""Cutting conversations into shards where their content says so, so that an edit moves the cuts near it alone.

Content-defined chunking, as file synchronisers do it over bytes; here over whole conversations, by a hash of their ids.
"""

from collections.abc import Iterable, Iterator

from voxsmith.pipeline.sources.record.row import Row, weight
from voxsmith.schemas.hashing import hashed_number

HUGE = 1 << 16  # characters of a conversation: no text that can be spoken comes near
HEAVIEST = 1 << 26  # characters of all huge conversations of a shard, which is in memory as a whole


def cut(conversations: Iterable[list[Row]], least: int, target: int, most: int) -> Iterator[list[Row]]:
    """Shards of `least` to `most` rows, `target` on average, in order. Conversations are never split.

    A conversation of n rows ends a shard with probability n / (target - least), by the hash of its id. Only the last
    shard may be smaller than `least`, and only a single conversation larger than `most`. A shard may also end for the
    memory that huge conversations take.
    """
    span = max(1, target - least)
    shard: list[Row] = []
    size = 0
    for rows in conversations:
        heavy = sum(map(weight, rows))
        heavy = heavy if heavy > HUGE else 0
        if shard and (len(shard) + len(rows) > most or size + heavy > HEAVIEST):
            yield shard
            shard, size = [], 0
        shard += rows
        size += heavy
        if len(shard) >= least and _hash(rows[0]["conversation_id"]) % span < len(rows):
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _hash(text: str) -> int:
    return hashed_number(text, person=b"shard")
