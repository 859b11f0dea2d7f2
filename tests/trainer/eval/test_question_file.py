"""Files of questions as evaluation sets have them, and rows that are wrong: each is a line, and no other row is lost."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.helpers.made_corpus import tone
from voxsmith.trainer.eval.question_file import Question, Spoiled, read
from voxsmith.trainer.talk.questions import BadQuestion

CLIP = tone(0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "set"
    (inside / "wav").mkdir(parents=True)
    (inside / "wav" / "a.flac").write_bytes(CLIP)
    (tmp_path / "secret.flac").write_bytes(CLIP)
    return inside


def lines(folder: Path, *rows: Any, name: str = "q.jsonl") -> Path:
    file = folder / name
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return file


def test_json_lines_with_the_names_that_sets_use(folder: Path) -> None:
    rows = [
        {"id": "helpful_base_1", "question": " What? ", "audio": "wav/a.flac", "answer": "This."},
        {"id": 7, "prompt": "Why?", "speech": "wav/a.flac", "output": "So."},
        {"text": "How \ud83d?", "file_name": "wav/a.flac"},
    ]
    first, second, third = read(lines(folder, rows[0], "", *rows[1:]))
    assert first == Question(f"{folder}/q.jsonl line 1", "helpful_base_1", "What?", "This.", CLIP)
    assert second == Question(f"{folder}/q.jsonl line 3", "7", "Why?", "So.", CLIP)
    assert isinstance(third, Question) and (third.id, third.text, third.reference) == (
        "3",
        "How \ufffd\ufffd\ufffd?",
        "",
    )


def test_llama_omnis_list_without_words(folder: Path) -> None:
    turn = {"from": "human", "value": "<speech>\nPlease directly answer the questions in the user's speech."}
    (folder / "question.json").write_text(
        json.dumps([{"id": "vicuna_1", "speech": "set/wav/a.flac", "conversations": [turn]}])
    )
    (row,) = read(folder / "question.json", folder.parent)
    assert row == Question(f"{folder}/question.json row 1", "vicuna_1", "", "", CLIP)
    (lost,) = read(folder / "question.json")
    assert str(lost) == f"{folder}/question.json row 1: no clip set/wav/a.flac in {folder}"


def test_folders_of_the_hub(folder: Path) -> None:
    (folder / "alpacaeval").mkdir()
    clips = [{"bytes": CLIP, "path": None}, {"bytes": None, "path": "../secret.flac"}, {"bytes": b"x", "path": "a"}]
    table = pa.table({"prompt": ["a", "b", "c"], "audio": clips, "output": ["d", "e", "f"], "more": [1, 2, 3]})
    parquet.write_table(table, folder / "alpacaeval" / "test-00000-of-00001.parquet")
    good, bad, other = read(folder / "alpacaeval")
    assert isinstance(good, Question) and (good.id, good.text, good.reference, good.clip) == ("1", "a", "d", CLIP)
    assert "parquet row 2: the clip ../secret.flac isn't in" in str(bad)
    assert isinstance(other, Question) and other.clip == b"x"  # whether it can be heard is found out later
    lines(folder, {"file_name": "wav/a.flac", "text": "b"}, name="metadata.jsonl")
    (row,) = read(folder)
    assert isinstance(row, Question) and row.text == "b" and row.where == f"{folder}/metadata.jsonl line 1"


@pytest.mark.parametrize(
    "row, why",
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not an object"),
        ("null", "not an object"),
        ({"text": "a"}, "no clip: it has none of the keys audio"),
        ({"audio": 5}, "audio is no path"),
        ({"audio": ""}, "audio is no path"),
        ({"audio": {"path": ["a"]}}, "audio is no path"),
        ({"audio": "a\0b"}, "audio is no path"),
        ({"audio": "wav/b.flac"}, "no clip wav/b.flac in"),
        ({"audio": "wav"}, "no clip wav in"),
        ({"audio": "../secret.flac"}, "isn't in"),
        ({"audio": "wav/../../secret.flac"}, "isn't in"),
        ({"audio": "/etc/passwd"}, "isn't in"),
        ({"audio": "wav/out.flac"}, "isn't in"),
        ({"audio": "wav/circle"}, "c"),
        ({"audio": "x" * 5000}, "can't be read"),
        ({"audio": "\ud83d"}, "c"),
        ({"audio": "wav/a.flac", "id": [1]}, "its id is neither"),
        ({"audio": "wav/a.flac", "id": " "}, "its id is neither"),
        ({"audio": "wav/a.flac", "id": "first"}, "its id 'first' is that of"),
        ({"audio": "wav/a.flac", "text": "a" * 30_000}, "text has 30,000 characters"),
        ({"audio": "wav/a.flac", "x": "a" * 2_000_000}, "longer than 1,048,576 characters"),
    ],
)
def test_a_bad_row_is_a_line_and_the_others_are_there(folder: Path, row: Any, why: str) -> None:
    os.symlink(folder.parent / "secret.flac", folder / "wav" / "out.flac")
    os.symlink(folder / "wav" / "circle", folder / "wav" / "circle")
    good = {"id": "first", "audio": "wav/a.flac"}
    first, bad, last = read(lines(folder, good, row, good | {"id": "last"}))
    assert isinstance(first, Question) and isinstance(last, Question) and last.id == "last"
    assert isinstance(bad, Spoiled) and str(bad).startswith(f"{folder}/q.jsonl line 2: ") and why in str(bad)
    assert "\n" not in str(bad) and len(str(bad)) < 600


def test_what_is_no_file_of_questions_is_a_line(folder: Path) -> None:
    (folder / "a.json").write_text('{"id": 1}')
    for place, why in (
        (folder / "none.jsonl", "no such file"),
        (folder / "wav", "neither"),
        (folder / "a.json", "list"),
    ):
        with pytest.raises(BadQuestion, match=why):
            list(read(place))
    with pytest.raises(BadQuestion, match="no folder"):
        list(read(lines(folder, {}), folder / "none"))


def test_a_broken_parquet_file_keeps_what_was_read(folder: Path) -> None:
    (folder / "b.parquet").write_bytes(b"PAR1 nothing of it PAR1")
    parquet.write_table(pa.table({"audio": [{"bytes": CLIP}]}), folder / "a.parquet")
    good, bad = read(folder)
    assert isinstance(good, Question) and "b.parquet behind row 0: can't be read" in str(bad)
