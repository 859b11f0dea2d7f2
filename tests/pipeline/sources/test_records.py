"""Reading files and datasets: what is broken is a reject or one clear error, never a crash or a lost row."""

import gzip
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest

import voxsmith.pipeline.sources.record.files as records_module
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources import given_columns, read_source, rows_to_table
from voxsmith.schemas.columns import ROW_COLUMNS
from voxsmith.schemas.source import Source

DATA = Path("configs/data")
NAMED = {"layout": "columns", "columns": {"instruction": "q"}, "licence": "CC0-1.0"}


def rows_of(path: Path, **entry: Any) -> list[dict[str, Any]]:
    source = Source.model_validate({"path": str(path), **(entry or NAMED)})
    return without_places(row for shard in read_source("here", source) for row in shard)


def without_places(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "place"} for row in rows]


def reasons(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["reject"] and row["reject"][0] for row in rows]


def test_lines_of_every_kind(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"q": "first, after a byte order mark"}\r\n'
        b"\r\n   \n"
        b'{"q": "second \xff"}\n'  # not UTF-8
        b'{"q": "third\x00"}\n'  # a NUL byte in the file
        b'{"q": "fourth\\u0000"}\n'  # one in the text
        b'{"q": "fifth \\ud83d"}\n'  # half a surrogate pair
        b'{"q": "sixth \\ud83d\\ude00 \xe2\x80\xa8 still"}\n'  # a whole one, and a line separator that ends no line
        b'["q", "seventh"]\n'
        b'{"q": "eighth"\n'
        b'{"other": "ninth"}\n'
        b'{"q": 10}\n'
        b'{"q": " "}\n' + b"[" * 100_000 + b"\n"
        b'{"q": "last, without a line end"}'
    )
    rows = rows_of(file)
    assert reasons(rows) == [
        *(None, "bad_text", "bad_line", "bad_text", "bad_text", None, "bad_line", "bad_line", "missing_field"),
        *("missing_field", "empty_instruction", "bad_line", None),
    ]
    assert rows[0]["instruction"] == "first, after a byte order mark"
    assert rows[5]["instruction"] == "sixth 😀 \u2028 still"
    assert rows[6]["reject"][1] == "a JSON object is wanted, this is a list"
    assert rows[7]["reject"][1:] == ("not JSON: Expecting ',' delimiter at column 15", '{"q": "eighth"')
    assert rows[8]["reject"][1] == "there is no field 'q', but other"
    assert all(len(row["reject"][2]) <= 200 for row in rows if row["reject"])
    assert len({row["id"] for row in rows}) == len(rows)
    assert rows_to_table(rows, ()).num_rows == 13  # everything can be written


@pytest.mark.parametrize("chunk", [3, 50, 1 << 20])
def test_a_list_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(records_module, "CHUNK", chunk)
    file = tmp_path / "rows.json"
    file.write_bytes(b'\n [{"q": "one"}, 12345, {"q": "tw\xff"},\n{"q": "] three", "x": [[1]]}, "four",]  ')
    rows = rows_of(file)
    assert reasons(rows) == [None, "bad_line", "bad_text", None, "bad_line"]
    assert rows[1]["reject"][2] == "12345"
    assert rows[3]["instruction"] == "] three"


@pytest.mark.parametrize("chunk", [3, 50, 1 << 20])
def test_what_comes_after_a_list_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """`cat a.json b.json more.jsonl > all.json`, and what else a person appends."""
    monkeypatch.setattr(records_module, "CHUNK", chunk)
    file = tmp_path / "rows.json"
    file.write_bytes(
        b'[{"q": "one"},\r\n {"q": "two"}]\r\n\n [{"q": "three"}][]\n'
        b'{"q": "four"}\n-- the end of the dump\n[{"q": "five"}]]\n[{"q": "six"}]\n\n'
    )
    rows = rows_of(file)
    assert [row["instruction"] for row in rows] == ["one", "two", "three", "four", None, "five", None, "six"]
    assert rows[4]["reject"] == (
        "bad_line",
        "after the list's end: not JSON: Expecting value at column 1",
        "-- the end of the dump",
    )
    assert rows[6]["reject"] == ("bad_line", "after the list's end: not JSON: Expecting value at column 1", "]")
    with open(file, "ab") as stream:
        stream.write(b'[{"q": "seven"}, {"q": "ei')
    with pytest.raises(RecipeError, match="broken JSON in record 10"):
        rows_of(file)


def test_lists_a_line_are_read_in_one_pass(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text("".join(f'[{{"q": "number {n}"}}]\n' for n in range(20_000)))
    start = time.process_time()
    assert len(rows_of(file)) == 20_000
    assert time.process_time() - start < 10, "CPU seconds, which others on this machine don't lengthen"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"q": "one"}, {"q": "two"', "record 2: Expecting ',' delimiter"),
        ('[{"q": "one"}, {"q": two}, {"q": "three"}]', 'record 2: Expecting value at \'{"q": two}'),
        ('[{"q": "one"}', "record 1: the list isn't closed"),
    ],
)
def test_a_broken_list_says_where(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(text)
    with pytest.raises(RecipeError, match="broken JSON in ") as caught:
        rows_of(file)
    assert words in str(caught.value)


def test_gzip_globs_and_lines_in_a_json_file(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"q": "two"}\n{"q": "three"}\n')
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as stream:
        stream.write('{"q": "one"}\n')
    assert [row["instruction"] for row in rows_of(tmp_path / "*.json*")] == ["one", "two", "three"]
    whole = (tmp_path / "a.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-9])
    with pytest.raises(RecipeError, match="broken gzip"):
        rows_of(tmp_path / "a.jsonl.gz")


def test_an_empty_file_has_no_shards(tmp_path: Path) -> None:
    for name in ("rows.jsonl", "rows.json"):
        (tmp_path / name).write_text("")
        assert rows_of(tmp_path / name) == []


def test_a_limit_counts_conversations(tmp_path: Path) -> None:
    rows = rows_of(DATA / "ultrachat_sample.jsonl", layout="ultrachat", turns=2, limit=3, licence="MIT")
    assert [row["turn"] for row in rows] == [0, 1] * 3


def test_a_dataset_reads_as_the_file_it_was_made_of(tmp_path: Path) -> None:
    records = json.loads((DATA / "alpaca_sample.json").read_text())
    entry = {"layout": "alpaca", "licence": "CC-BY-NC-4.0"}
    expected = rows_of(DATA / "alpaca_sample.json", **entry)
    saved = datasets.Dataset.from_list(records)
    saved.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict({"train": saved}).save_to_disk(str(tmp_path / "splits"))
    (tmp_path / "files").mkdir()
    saved.to_parquet(str(tmp_path / "files" / "train.parquet"))
    for name in ("saved", "splits", "files"):
        source = Source.model_validate({"dataset": str(tmp_path / name), **entry})
        assert without_places(row for shard in read_source("here", source) for row in shard) == expected


def test_what_a_dataset_lacks_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "splits"
    datasets.DatasetDict({"train": datasets.Dataset.from_list([{"promt": "x"}])}).save_to_disk(str(folder))
    entry: dict[str, Any] = {"dataset": str(folder), "layout": "columns", "columns": {"instruction": "prompt"}}
    source = Source.model_validate({**entry, "licence": "MIT"})
    with pytest.raises(RecipeError, match=r"sources\.here: dataset .* has no field 'prompt'; did you mean 'promt'"):
        list(read_source("here", source))
    with pytest.raises(RecipeError, match="no split 'trian'; did you mean 'train'"):
        list(read_source("here", source.model_copy(update={"split": "trian"})))
    with pytest.raises(RecipeError, match=r"sources\.here: dataset"):
        list(read_source("here", source.model_copy(update={"dataset": str(tmp_path / "none")})))


def test_the_table_has_every_column_and_its_type() -> None:
    source = Source.model_validate({"path": str(DATA / "hopeless.jsonl"), "layout": "alpaca", "licence": "CC0-1.0"})
    (rows,) = read_source("hopeless", source)
    table = rows_to_table(rows, given_columns(source))
    assert table.column_names == [*ROW_COLUMNS, "_reject"]
    assert [table.schema.field(name).type for name in ROW_COLUMNS] == [
        declared.type for declared in ROW_COLUMNS.values()
    ]
    assert table["_reject"].null_count == 6
    assert [row["reason"] for row in table["_reject"].to_pylist() if row] == ["bad_line", "empty_instruction"]
    assert table["instruction"].null_count == 2  # a rejected row has nothing for a stage to read
    assert set(table["licence"].to_pylist()) == {"CC0-1.0"} and set(table["source"].to_pylist()) == {"hopeless"}
    empty = rows_to_table([], ("query_text",))
    assert empty.schema.field("query_text").type == pa.string() and empty.num_rows == 0
