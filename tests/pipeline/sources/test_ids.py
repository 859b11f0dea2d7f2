"""Names of rows: made of content, so that neither order nor neighbours change them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voxsmith.pipeline.sources import read_source
from voxsmith.pipeline.sources.identify import identify
from voxsmith.schemas.source import Source

texts = st.text(max_size=6) | st.sampled_from(["a", "b"])  # so that duplicates are common
turns = st.lists(texts, min_size=1, max_size=3)
corpora = st.lists(turns, max_size=12)


def conversation(said: list[str]) -> list[dict[str, Any]]:
    return [{"instruction": text, "context": None, "reject": None} for text in said]


def named(corpus: list[list[str]], source: str = "s") -> dict[str, tuple[str, int, str]]:
    rows = [row for rows in identify(source, map(conversation, corpus)) for row in rows]
    rows_by_id = {row["id"]: (row["conversation_id"], row["turn"], row["instruction"]) for row in rows}
    assert len(rows_by_id) == len(rows), "two rows of one name"
    return rows_by_id


@given(corpora, st.randoms())
def test_stable_under_reordering(corpus: list[list[str]], random: Any) -> None:
    shuffled = list(corpus)
    random.shuffle(shuffled)
    assert named(corpus) == named(shuffled)


@given(corpora, corpora, st.integers(0, 12))
def test_stable_under_appending_and_inserting(corpus: list[list[str]], more: list[list[str]], place: int) -> None:
    before = named(corpus)
    assert before.items() <= named(corpus + more).items()
    assert before.items() <= named(corpus[:place] + more + corpus[place:]).items()


@given(corpora)
def test_equal_content_is_numbered(corpus: list[list[str]]) -> None:
    names = {identifier for identifier, _, _ in named(corpus).values()}
    assert sum("-" not in name.removeprefix("s-") for name in names) == len({tuple(said) for said in corpus})
    most = max(Counter(map(tuple, corpus)).values(), default=1)
    assert {name.removeprefix("s-").partition("-")[2] for name in names} <= {"", *map(str, range(2, most + 1))}


def test_what_a_name_depends_on() -> None:
    def name(source: str = "s", **row: Any) -> str:
        fields = {"instruction": "Hi", "context": None, "reject": None, **row}
        return str(next(identify(source, [[fields]]))[0]["conversation_id"])

    assert name() == name(licence="MIT") == name(query_text=None)
    assert name("t") == name().replace("s-", "t-")
    assert len({name(), name(context="Hi"), name(query_text="Hi"), name(answer_text="Hi")}) == 4
    assert name(conversation_id="mine") == "s-mine"


def test_bad_lines_keep_their_names(tmp_path: Path) -> None:
    lines = ['{"q": "a"}', '{"q": ', '{"q": ' + " " * 300 + "1", '{"q": ' + " " * 300 + "2", '{"q": ', '{"q": ""}']

    def names(lines: list[str]) -> dict[str, Any]:
        (tmp_path / "rows.jsonl").write_text("\n".join(lines))
        entry = {"layout": "columns", "columns": {"instruction": "q"}, "licence": "MIT"}
        source = Source.model_validate({"path": str(tmp_path / "rows.jsonl"), **entry})
        return {row["id"]: row["reject"] for shard in read_source("s", source) for row in shard}

    assert len(names(lines)) == 6
    assert names(lines) == names(lines[::-1]) == names([lines[0], "", *lines[1:]])
    assert names(lines).items() <= names([json.dumps({"q": "new"}), *lines]).items()
