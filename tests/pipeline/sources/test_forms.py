"""The forms in which people have instructions and dialogues: each is read, or is one line about the file."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import voxsmith.pipeline.sources.record.files as files_module
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources import read_source
from voxsmith.schemas.source import Source

ALPACA = [
    {"instruction": "Name three rivers.", "input": "", "output": "The Rhine, the Elbe and the Oder."},
    {"instruction": "Translate this.", "input": "Guten Tag", "output": "Good day"},
]
ASKED = ["Name three rivers.", "Translate this.\nGuten Tag"]


def read(file: Path, layout: str = "alpaca", **keys: Any) -> list[dict[str, Any]]:
    source = Source.model_validate({"path": str(file), "layout": layout, "licence": "CC0-1.0", **keys})
    return [row for shard in read_source("here", source) for row in shard]


def asked(file: Path, layout: str = "alpaca", **keys: Any) -> list[str]:
    rows = read(file, layout, **keys)
    assert not [row["reject"] for row in rows if row["reject"]]
    return [row["instruction"] for row in rows]


SPOKEN = [
    ("user", "What is a mole?"),
    ("assistant", "An animal."),
    ("user", "And in chemistry?"),
    ("assistant", "Many."),
]


def messages(who: str, what: str, names: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return [{who: (names or {}).get(role, role), what: text} for role, text in SPOKEN]


DIALOGUES: dict[str, dict[str, Any]] = {
    "openai": {"messages": [{"role": "developer", "content": "Be kind."}, *messages("role", "content")]},
    "openai, content in parts": {
        "messages": [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in SPOKEN]
    },
    "sharegpt": {"conversations": messages("from", "value", {"user": "human", "assistant": "gpt"})},
    "langchain": {"messages": messages("role", "content", {"user": "human", "assistant": "ai"})},
    "role and content under conversations": {"conversations": messages("role", "content")},
    "roles in capitals": {"conversation": messages("role", "content", {"user": "User", "assistant": "Assistant"})},
    "an object of lists": {"messages": {"role": [role for role, _ in SPOKEN], "content": [text for _, text in SPOKEN]}},
    "lists from another object": {
        "conversations": {"from": ["human", "gpt"] * 2, "value": [text for _, text in SPOKEN]}
    },
    "ultrachat": {"data": [text for _, text in SPOKEN]},
    "texts under conversations": {"conversations": [text for _, text in SPOKEN]},
}


@pytest.mark.parametrize("form", DIALOGUES)
@pytest.mark.parametrize("layout", ["messages", "ultrachat"])
def test_a_dialogue_in_any_form(tmp_path: Path, form: str, layout: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(DIALOGUES[form]))
    assert asked(file, layout, turns="all") == ["What is a mole?", "And in chemistry?"]


def test_a_dialogue_that_is_none_says_why(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    records = [
        {"messages": [{"role": "narrator", "content": "Once upon a time"}]},
        {"messages": [{"speaker": "user", "content": "Hello"}]},
        {"messages": {"role": ["user", "assistant"], "content": ["Hello"]}},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"chat": []},
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    refused = [row["reject"][:2] for row in read(file, "messages")]
    assert [reason for reason, _ in refused] == [
        *("bad_dialogue", "missing_field", "bad_dialogue", "missing_field", "missing_field")
    ]
    assert "who is 'narrator'?" in refused[0][1] and "human" in refused[0][1]
    assert "no field 'role' or 'from', but speaker, content" in refused[1][1]
    assert "2 roles and 1 texts" in refused[2][1]
    assert "no text but of the type 'image_url'" in refused[3][1]
    assert "but chat" in refused[4][1]


FILES: dict[str, tuple[str, str]] = {
    "pretty records": ("rows.jsonl", "\n".join(json.dumps(record, indent=2) for record in ALPACA)),
    "pretty records with commas": ("rows.json", ",\n".join(json.dumps(record, indent=2) for record in ALPACA) + "\n"),
    "a pretty list": ("rows.json", json.dumps(ALPACA, indent=2)),
    "a pretty list called .jsonl": ("rows.jsonl", json.dumps(ALPACA, indent=2)),
    "an object around the list": ("rows.json", json.dumps({"version": "1.0", "data": ALPACA})),
    "a pretty object around the list": ("rows.json", json.dumps({"version": {"x": [1]}, "data": ALPACA, "n": 2}, indent=4)),
    "that, called .jsonl": ("rows.jsonl", json.dumps({"data": ALPACA}, indent=1)),
    "csv": ("rows.csv", 'instruction,input,output\nName three rivers.,,"The Rhine, the Elbe"\r\nTranslate this.,Guten Tag,\n'),
    "csv with semicolons": ("rows.csv", "instruction;input\nName three rivers.;\nTranslate this.;Guten Tag\n"),
    "tsv": ("rows.tsv", "instruction\tinput\nName three rivers.\t\nTranslate this.\tGuten Tag\n"),
}  # fmt: skip


@pytest.mark.parametrize("chunk", [5, 64, 1 << 20])
@pytest.mark.parametrize("form", FILES)
def test_a_file_in_any_form(tmp_path: Path, form: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    name, text = FILES[form]
    # Whether an object is around a list is seen in what is read first, up to the list's first record.
    monkeypatch.setattr(files_module, "CHUNK", max(chunk, 300) if "object" in form or ".jsonl" in form else chunk)
    file = tmp_path / name
    file.write_bytes(text.encode())
    assert asked(file) == ASKED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("form", ["pretty records", "csv", "a pretty list"])
def test_a_file_in_any_encoding_that_its_mark_tells(tmp_path: Path, form: str, encoding: str) -> None:
    name, text = FILES[form]
    file = tmp_path / name
    file.write_bytes((text if encoding == "utf-8-sig" else "\ufeff" + text).encode(encoding))
    assert asked(file) == ASKED


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ALPACA), tmp_path / "rows.parquet")
    assert asked(tmp_path / "rows.parquet") == ASKED
    dialogues = [DIALOGUES["sharegpt"], DIALOGUES["sharegpt"]]
    pq.write_table(pa.Table.from_pylist(dialogues), tmp_path / "dialogues.parquet")
    assert asked(tmp_path / "dialogues.parquet", "messages") == ["What is a mole?"] * 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rows.json", json.dumps({"train": ALPACA, "test": ALPACA}), "two lists of records, the other one under 'test'"),
        ("rows.json", json.dumps({"data": ALPACA})[:-1], "isn't closed"),
        ("rows.json", json.dumps(ALPACA[0], indent=2) + '\n{\n"instruction": oh,\n"input": ""}', "broken JSON in record 2"),
        ("rows.csv", "instruction,instruction\na,b\n", "two fields are called 'instruction'"),
        ("rows.csv", 'instruction,input\n"never closed,b\n', "line 2: no table that can be read"),
        ("rows.jsonl", '{"instruction": "x"}'.encode("utf-16-le"), "UTF-16 without a byte order mark"),
    ],
)  # fmt: skip
def test_one_line_about_the_file(tmp_path: Path, name: str, text: str | bytes, words: str) -> None:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError, match=words) as raised:
        read(file)
    assert str(file) in str(raised.value)


def test_a_table_with_a_row_that_is_too_long(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("instruction,input\nName three rivers.,\nTwo,much,of it\nTranslate this.,Guten Tag\n")
    rows = read(file)
    assert [row["instruction"] for row in rows] == [ASKED[0], None, ASKED[1]]
    assert rows[1]["reject"][:2] == ("bad_line", "it has 3 values, and the table's first line another number of names")
    assert rows[1]["place"] == f"{file}, line 3"


def test_records_that_hold_lists_of_objects_are_records(tmp_path: Path) -> None:
    """A field of objects doesn't make its record a wrapping."""
    file = tmp_path / "rows.jsonl"
    records = [{"tags": [{"name": "rivers"}], **record} for record in ALPACA]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert asked(file) == ASKED
    file.write_text("\n".join(json.dumps(record, indent=2) for record in records))
    assert asked(file) == ASKED
    file.write_text(json.dumps(DIALOGUES["openai"], indent=2))
    assert asked(file, "messages") == ["What is a mole?"]


def test_a_broken_first_line_is_one_reject(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"instruction": "cut off\n' + "".join(json.dumps(record) + "\n" for record in ALPACA))
    assert [row["instruction"] for row in read(file)] == [None, *ASKED]


def test_entities_are_read_as_the_characters_that_they_stand_for(tmp_path: Path) -> None:
    texts = {
        "Tom &amp; Jerry&#39;s best episodes": "Tom & Jerry's best episodes",
        "it&amp;#39;s &quot;fine&quot;": 'it\'s "fine"',
        "caf&eacute;&nbsp;au lait": "café au lait",
        "x &lt; y": "x < y",
        "AT&T, R&D; a &b; c": "AT&T, R&D; a &b; c",
        "What does &amp; mean in HTML?": "What does &amp; mean in HTML?",
        "a&#0;b": "a&#0;b",
    }
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in texts))
    assert asked(file) == list(texts.values())
