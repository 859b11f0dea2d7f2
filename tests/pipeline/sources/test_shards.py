"""Shards are cut where content says so: an edit anywhere moves the cuts near it alone."""

import random
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voxsmith.pipeline.sources.shards import cut

sizes = st.lists(st.integers(1, 5), max_size=120)
bounds = st.tuples(st.integers(1, 6), st.integers(0, 10), st.integers(0, 30)).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[0] + drawn[1] + drawn[2])
)


def conversation(name: Any, rows: int = 1) -> list[dict[str, Any]]:
    return [{"id": f"{name}.{turn}", "conversation_id": str(name), "turn": turn} for turn in range(rows)]


@given(sizes, bounds)
def test_every_row_once_in_order_and_no_conversation_split(sizes: list[int], bounds: tuple[int, int, int]) -> None:
    least, _, most = bounds
    conversations = [conversation(name, rows) for name, rows in enumerate(sizes)]
    shards = list(cut(conversations, *bounds))
    assert [row for shard in shards for row in shard] == [row for rows in conversations for row in rows]
    held = [{row["conversation_id"] for row in shard} for shard in shards]
    assert sum(map(len, held)) == len(set().union(*held)) == len(sizes)
    for shard, names in zip(shards, held, strict=True):
        assert shard and (len(shard) <= most or len(names) == 1)
    for shard, following in pairwise(shards):
        first = sum(row["conversation_id"] == following[0]["conversation_id"] for row in following)
        assert len(shard) >= least or len(shard) + first > most  # cut short only where the next would not fit
    assert shards == list(cut(conversations, *bounds))


def test_the_mean_is_about_the_target() -> None:
    dialogues = (conversation(f"c{name}", name % 4 + 1) for name in range(40_000))
    sizes = [len(shard) for shard in cut(dialogues, 64, 256, 1024)]
    assert 230 < sum(sizes) / len(sizes) < 280


def changed(before: list[Any], after: list[Any], target: int) -> int:
    """How many shards of `after` were not there before."""
    bounds = (max(1, target // 4), target, 4 * target)
    known = {tuple(row["id"] for row in shard) for shard in cut(before, *bounds)}
    return sum(tuple(row["id"] for row in shard) not in known for shard in cut(after, *bounds))


def test_an_edit_changes_a_shard_or_two() -> None:
    """Over 600 random edits of a corpus of some 80 shards: inserted, removed, replaced."""
    rng = random.Random(5)
    corpus = [conversation(f"c{name}", rng.choice((1, 1, 2, 3))) for name in range(2_000)]
    counts = []
    for number in range(200):
        place = rng.randrange(len(corpus))
        new = [conversation(f"new{number}")]
        for after in (
            corpus[:place] + new + corpus[place:],
            corpus[:place] + corpus[place + 1 :],
            corpus[:place] + new + corpus[place + 1 :],
        ):
            counts.append(changed(corpus, after, target=48))
    counts.sort()
    assert sum(count <= 2 for count in counts) >= 0.9 * len(counts)
    assert sum(counts) / len(counts) < 1.7
    assert counts[-1] <= 12


@given(st.lists(st.integers(0, 10**9), unique=True, max_size=300), st.integers(1, 20))
def test_appending_changes_the_last_shard_alone(names: list[int], more: int) -> None:
    before = [conversation(name) for name in names]
    after = [*before, *(conversation(f"new{name}") for name in range(more))]
    bounds = (4, 16, 64)
    kept = list(cut(before, *bounds))[:-1]
    assert list(cut(after, *bounds))[: len(kept)] == kept
