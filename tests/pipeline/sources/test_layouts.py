"""From records to conversations."""

import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from voxsmith.pipeline.sources import given_columns, read_source
from voxsmith.pipeline.sources.layouts import conversations, join
from voxsmith.pipeline.sources.records import records
from voxsmith.schemas.source import Source

DATA = Path("configs/data")


def read(tmp_path: Path, records: list[Any], **entry: Any) -> list[dict[str, Any]]:
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    source = Source.model_validate({"path": str(file), "licence": "MIT", **entry})
    return [row for shard in read_source("here", source) for row in shard]


def test_the_alpaca_sample() -> None:
    source = Source.model_validate({"path": str(DATA / "alpaca_sample.json"), "layout": "alpaca", "licence": "x"})
    rows = [row for shard in read_source("alpaca", source) for row in shard]
    records = json.loads((DATA / "alpaca_sample.json").read_text())
    assert len(rows) == 40 and not any(row["reject"] for row in rows)
    for row, record in zip(rows, records, strict=True):
        assert row["instruction"] == "\n".join(filter(None, (record["instruction"].strip(), record["input"].strip())))
        assert row["context"] == (record["input"].strip() or None)
    assert sum(row["context"] is not None for row in rows) == 20


@pytest.mark.parametrize(
    "nothing", ["", " ", "<noinput>", "No input.", "noinput", '"<noinput>"', "N/A", "None", "< No Input >"]
)
def test_no_input_by_any_name(tmp_path: Path, nothing: str) -> None:
    (row,) = read(tmp_path, [{"instruction": "Name a colour.", "input": nothing}], layout="alpaca")
    assert (row["instruction"], row["context"]) == ("Name a colour.", None)


@pytest.mark.parametrize("something", ["No inputs were harmed", "Nonetheless", "nap", "5", "None of the students"])
def test_an_input_that_looks_like_none(tmp_path: Path, something: str) -> None:
    (row,) = read(tmp_path, [{"instruction": "Explain.", "input": something}], layout="alpaca")
    assert row["context"] == something


def test_an_input_that_the_task_quotes_is_not_said_twice() -> None:
    assert join('Rewrite this sentence: "The  cat sat."', "the cat sat.") == 'Rewrite this sentence: "The  cat sat."'
    assert join("Add the past tense of the verb run.", "He") == "Add the past tense of the verb run.\nHe"
    assert join("Is 15 a prime?", "5") == "Is 15 a prime?\n5"
    assert join("Halve 5 (or more).", "5 (or more)") == "Halve 5 (or more)."


def test_alpaca_without_an_input_field(tmp_path: Path) -> None:
    (row,) = read(tmp_path, [{"instruction": "Name a colour."}], layout="alpaca")
    assert row["reject"] is None and row["context"] is None


def test_both_layouts_of_ultrachat_give_the_same_rows(tmp_path: Path) -> None:
    data = [json.loads(line)["data"] for line in (DATA / "ultrachat_sample.jsonl").read_text().splitlines()]
    roles = ("user", "assistant")
    messages = [
        [{"role": roles[place % 2], "content": text} for place, text in enumerate(dialogue)] for dialogue in data
    ]
    messages[0].insert(0, {"role": "system", "content": "Be brief."})
    native = read(tmp_path, [{"id": "x", "data": dialogue} for dialogue in data], layout="ultrachat", turns="all")
    other = read(tmp_path, [{"messages": dialogue} for dialogue in messages], layout="ultrachat", turns="all")
    assert native == other
    assert [row["instruction"] for row in native] == [text.strip() for dialogue in data for text in dialogue[::2]]
    firsts = read(tmp_path, [{"data": dialogue} for dialogue in data], layout="ultrachat")
    assert [row["instruction"] for row in firsts] == [dialogue[0].strip() for dialogue in data]
    assert {row["turn"] for row in firsts} == {0}


def test_drawn_turns_are_of_the_distribution_and_of_the_content(tmp_path: Path) -> None:
    """Poisson of mean 2, clipped to 1 to 5, as LLaMA-Omni 2 drew them."""
    records = [{"data": [f"Question {n}, please?", "Well."] * 7} for n in range(4000)]
    drawn = {"mean": 2, "most": 5}
    rows = read(tmp_path, records, layout="ultrachat", turns=drawn)
    counts = Counter(Counter(row["conversation_id"] for row in rows).values())
    shares = [counts[turns] / len(records) for turns in range(1, 6)]
    assert shares == pytest.approx([0.406, 0.271, 0.180, 0.090, 0.053], abs=0.02)
    texts = {row["id"]: row["instruction"] for row in rows}
    some = read(tmp_path, records[1000:2000], layout="ultrachat", turns=drawn)
    talks = {row["conversation_id"] for row in some}
    assert {row["id"]: row["instruction"] for row in some} == {
        name: text for name, text in texts.items() if name.rpartition(".")[0] in talks
    }
    short = read(
        tmp_path, [{"data": ["Hello there.", "Hello!"]}] * 3, layout="ultrachat", turns={"mean": 90, "most": 9}
    )
    assert len(short) == 3, "a dialogue has no more turns than it has"


def test_dialogues_that_are_none(tmp_path: Path) -> None:
    records: list[Any] = [
        {"data": []},
        {"messages": [{"role": "system", "content": "Be brief."}]},
        {"messages": [{"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Hello."}]},
        {"messages": ["Hello."]},
        {"text": "Hello."},
        {"data": ["Hello.", "Hello!", " ", "Yes?", "What is a mole?"]},
        {"data": ["Hello.", "Hello!", None]},
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
    ]
    rows = read(tmp_path, records, layout="ultrachat", turns=3)
    assert [row["reject"] and row["reject"][0] for row in rows] == [
        *("empty_instruction", "empty_instruction", "bad_dialogue", "missing_field", "missing_field"),
        *(None, "empty_instruction", None),
        *(None, "empty_instruction", "missing_field"),
    ]
    assert rows[4]["reject"][1] == "no dialogue is there as messages, conversations, conversation or data, but text"
    assert [row["turn"] for row in rows[5:10]] == [0, 1, 2, 0, 1]


def test_named_columns_and_what_is_given(tmp_path: Path) -> None:
    columns = {"instruction": "prompt", "context": "text", "query_text": "spoken"}
    records = [
        {"prompt": "Sum up.", "text": "A long story.", "spoken": " Could you sum this up? "},
        {"prompt": "Sum up.", "text": None, "spoken": None},
        {"prompt": "", "text": "x", "spoken": "Tell me a joke."},
        {"prompt": "Sum up.", "text": ""},
    ]
    rows = read(tmp_path, records, layout="columns", columns=columns)
    assert [(row["instruction"], row["context"], row.get("query_text")) for row in rows] == [
        ("Sum up.\nA long story.", "A long story.", "Could you sum this up?"),
        ("Sum up.", None, None),
        ("Tell me a joke.\nx", "x", "Tell me a joke."),
        (None, None, None),
    ]
    assert rows[3]["reject"] == (
        "missing_field",
        "there is no field 'spoken', but prompt, text",
        json.dumps(records[3]),
    )
    source = Source.model_validate({"dataset": "d", "layout": "columns", "columns": columns, "licence": "x"})
    assert given_columns(source) == ("query_text",)


def test_a_query_alone_is_its_own_instruction(tmp_path: Path) -> None:
    (row,) = read(tmp_path, [{"q": "Tell me a joke."}], layout="columns", columns={"query_text": "q"})
    assert row["instruction"] == row["query_text"] == "Tell me a joke."


def test_turns_of_named_columns(tmp_path: Path) -> None:
    columns = {"instruction": "q", "conversation_id": "c", "turn": "t"}
    records = [
        {"q": "second", "c": 7, "t": 2},
        {"q": "first", "c": 7, "t": 1},
        {"q": "alone", "c": None, "t": 0},
        {"q": "other", "c": "b", "t": 0},
        {"q": "", "c": "b", "t": 1},
        {"q": "late", "c": 7, "t": 3},
        {"q": "when?", "c": "d", "t": "x"},
    ]
    rows = read(tmp_path, records, layout="columns", columns=columns)
    assert [row["id"] for row in rows[:2]] == ["here-7.0", "here-7.1"]
    assert [row["instruction"] for row in rows] == ["first", "second", "alone", "other", None, None, None]
    assert [row["reject"] and row["reject"][0] for row in rows[2:]] == [
        *(None, None, "empty_instruction", "split_conversation", "missing_field")
    ]
    assert rows[4]["id"] == "here-b.1"
    assert rows[5]["reject"][2] == "late"
    assert len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("junk", ["junk", '{"q": "x", "c": ["k"]}'])
def test_a_broken_line_does_not_split_a_conversation(tmp_path: Path, junk: str) -> None:
    columns = {"instruction": "q", "conversation_id": "c", "turn": "t"}
    good = [json.dumps({"q": f"{talk} {turn}", "c": talk, "t": turn}) for talk in "kl" for turn in range(3)]

    def rows(*lines: str) -> list[dict[str, Any]]:
        (tmp_path / "rows.jsonl").write_text("\n".join(lines))
        source = Source(path=str(tmp_path / "rows.jsonl"), layout="columns", columns=columns, licence="MIT")
        return [row for shard in read_source("here", source) for row in shard]

    clean = [(row["id"], row["instruction"]) for row in rows(*good)]
    reads = rows(junk, good[0], junk, good[1], junk, good[2], junk, *good[3:], junk)
    assert [(row["id"], row["instruction"]) for row in reads if not row["reject"]] == clean
    assert [row["instruction"] is None for row in reads] == [True, *[False] * 3, *[True] * 3, *[False] * 3, True]
    assert len({row["id"] for row in reads}) == len(reads)


def test_broken_lines_without_end_are_not_kept_in_memory(tmp_path: Path) -> None:
    columns = {"instruction": "q", "conversation_id": "c"}
    lines = [f"junk {n} " + "x" * 100_000 for n in range(1_000)]
    (tmp_path / "rows.jsonl").write_text("\n".join(['{"q": "one", "c": "k"}', *lines, '{"q": "two", "c": "l"}']))
    source = Source(path=str(tmp_path / "rows.jsonl"), layout="columns", columns=columns, licence="MIT")
    tracemalloc.start()
    try:
        count = sum(len(rows) for rows in conversations(source, records("here", source, ("q", "c"))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 1_002 and peak < 20 * 2**20


def test_an_empty_record_is_a_reject_and_no_gap(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{}\n{"q": "Name a colour."}\n\n{ }\n')
    source = Source(path=str(file), layout="columns", columns={"instruction": "q"}, licence="MIT")
    rows = [row for shard in read_source("rows", source) for row in shard]
    assert [row["reject"] is None for row in rows] == [False, True, False]
