"""No two rows of a recipe have one id, whatever ids its records bring along; and who has one keeps it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voxsmith.pipeline.sources.identify import identify
from voxsmith.schemas.recipe import Recipe


def named(*talks: tuple[str, str | None]) -> list[str]:
    """The names of conversations of one row each, from its text and the id that it brings along."""
    rows = [[{"instruction": text, "context": None, "reject": None, "conversation_id": own}] for text, own in talks]
    return [shard[0]["conversation_id"] for shard in identify("s", rows)]


def content(text: str) -> str:
    """The name that content has, without the source's."""
    return named((text, None))[0].removeprefix("s-")


A = content("a")
ids = st.sampled_from(
    [None, None, "x", "x-2", "x.0", A, f"{A}-2", f"{A}-3", f"{A}-4", f"{A}-1", f"{A}-02", content("b")]
)


@given(st.lists(st.tuples(st.sampled_from(["a", "a", "b", "c"]), ids), max_size=14))
def test_names_are_unique(talks: list[tuple[str, str | None]]) -> None:
    rows = [[{"instruction": text, "context": None, "reject": None, "conversation_id": own}] * 1 for text, own in talks]
    shards = list(identify("s", [[dict(row) for row in talk] for talk in rows]))
    assert len({row["id"] for shard in shards for row in shard}) == len(talks)
    assert len({shard[0]["conversation_id"] for shard in shards}) == len(talks)


def test_an_id_that_is_the_name_of_other_content_is_numbered() -> None:
    assert named(("a", None), ("mine", A)) == [f"s-{A}", f"s-{A}-2"]
    assert named(("mine", A), ("a", None)) == [f"s-{A}", f"s-{A}-2"]
    assert named(("a", None), ("a", None), ("mine", f"{A}-2")) == [f"s-{A}", f"s-{A}-2", f"s-{A}-3"]
    assert named(("a", None), ("mine", f"{A}-2"), ("a", None)) == [f"s-{A}", f"s-{A}-2", f"s-{A}-3"]
    assert named(("a", None), ("mine", A), ("yours", f"{A}-2")) == [f"s-{A}", f"s-{A}-2", f"s-{A}-3"]


def test_ids_that_only_look_like_names_are_kept() -> None:
    own = ["0123456789abcdef", "0123456789abcdef-2", "deadbeefdeadbeef", f"{A}-02", "x-2", "x"]
    assert named(("a", None), *((f"text {one}", one) for one in own)) == [f"s-{A}", *(f"s-{one}" for one in own)]


def test_numbering_takes_no_longer_with_each_row() -> None:
    """Ids that chase the numbers of equal content: a search from the start for each would take 10^9 steps."""
    many = 30_000
    talks = [("a", None)] * many + [("mine", f"{A}-{n}") for n in range(2, many)]
    assert len(set(named(*talks))) == len(talks)


def test_sources_can_not_share_ids() -> None:
    """`a` with the id b-c, and `a-b` with the id c, would make one name: there is no source a-b."""
    rows = {"dataset": "org/rows", "layout": "alpaca", "licence": "x"}
    entry: dict[str, Any] = {"name": "toy", "stages": {"s": {}}}
    assert Recipe.model_validate({**entry, "sources": {"a_b": rows}})
    with pytest.raises(ValidationError, match="'a-b' can't be a name"):
        Recipe.model_validate({**entry, "sources": {"a-b": rows}})


def test_one_id_as_number_and_as_text_is_one_conversation(tmp_path: Path) -> None:
    from voxsmith.pipeline.sources import read_source
    from voxsmith.schemas.source import Source

    file = tmp_path / "rows.jsonl"
    records = [
        {"q": "x", "c": 1},
        {"q": "y", "c": "1"},
        {"q": "z", "c": " 1 "},
        {"q": "w", "c": 2},
        {"q": "v", "c": "1"},
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    entry = {"layout": "columns", "columns": {"instruction": "q", "conversation_id": "c"}, "licence": "x"}
    rows = [row for shard in read_source("s", Source.model_validate({"path": str(file), **entry})) for row in shard]
    assert [row["id"] for row in rows[:4]] == ["s-1.0", "s-1.1", "s-1.2", "s-2.0"]
    assert rows[4]["reject"][0] == "split_conversation" and len({row["id"] for row in rows}) == 5
