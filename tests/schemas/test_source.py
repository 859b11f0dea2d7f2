"""An entry of `sources`: what is refused, and with which words."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from voxsmith.schemas.globs import files
from voxsmith.schemas.source import ShardSizes, Source


@pytest.fixture
def rows(tmp_path: Path) -> str:
    file = tmp_path / "alpaca.json"
    file.write_text("[]")
    return str(file)


def refusal(**entry: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Source.model_validate({"layout": "alpaca", "licence": "MIT", **entry})
    return str(caught.value)


def test_a_missing_file_names_the_nearest(rows: str) -> None:
    wrong = rows.replace("alpaca", "alpca")
    assert f"no such file: {wrong}; did you mean '{rows}'?" in refusal(path=wrong)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "corpora").mkdir()
    wrong, near = tmp_path / "copora", tmp_path / "corpora"
    assert f"there is no folder '{wrong}'; did you mean '{near}'?" in refusal(path=str(wrong / "rows.jsonl"))
    assert "there is no folder" in refusal(path=str(tmp_path / "a" / "b" / "rows.jsonl"))


def test_a_glob_that_matches_nothing_says_what_there_is(rows: str, tmp_path: Path) -> None:
    assert f"'{tmp_path}' holds alpaca.json" in refusal(path=str(tmp_path / "*.jsonl.gz"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").write_text("a,b")
    assert "name a file that ends in .json, .jsonl" in refusal(path=str(tmp_path / "rows.xlsx"))


def test_a_source_is_a_path_or_a_dataset(rows: str) -> None:
    assert "either 'path'" in refusal()
    assert "either 'path'" in refusal(path=rows, dataset="tatsu-lab/alpaca")
    assert "belong to a dataset" in refusal(path=rows, split="test")
    assert Source(dataset="tatsu-lab/alpaca", layout="alpaca", licence="CC-BY-NC-4.0").split == "train"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"layout": "columns"}, "need each other"),
        ({"columns": {"instruction": "prompt"}}, "need each other"),
        ({"layout": "columns", "columns": {"context": "text"}}, "must name the field of instruction"),
        ({"layout": "columns", "columns": {"query_audio": "clip"}}, "is made by a stage or by the reader"),
        ({"layout": "columns", "columns": {"instruction": "a", "turn": "b"}}, "must name conversation_id too"),
        ({"turns": 2}, "'turns' goes with 'layout: messages'"),
        ({"layout": "ultrachat", "turns": 0}, "write a number from 1 up, all,"),
        ({"layout": "ultrachat", "turns": "some"}, "write a number from 1 up, all, or {mean: 2, most: 5}"),
        ({"layout": "ultrachat", "turns": {"mean": 2}}, "write {mean: 2, most: 5}, with numbers above 0"),
        ({"layout": "ultrachat", "turns": {"mean": 0, "most": 5}}, "write {mean: 2, most: 5}, with numbers above 0"),
        ({"turns": {"mean": 2, "most": 5}}, "'turns' goes with 'layout: messages'"),
        ({"layout": "alpca"}, "there is no layout 'alpca'; did you mean 'alpaca'?"),
        ({"layout": "librispeach"}, "did you mean 'librispeech'?"),
        ({"clips": "."}, "'clips' goes with recorded speech, not with 'layout: alpaca'"),
        ({"licence": ""}, "at least 1 character"),
        ({"shard": {"least": 9, "target": 4}}, "least is 9, target 4, most 16"),
        ({"license": "MIT"}, "Extra inputs are not permitted"),
    ],
)
def test_contradictions(rows: str, entry: dict[str, Any], words: str) -> None:
    assert words in refusal(path=rows, **entry)


def test_bounds_follow_the_target() -> None:
    assert ShardSizes().bounds == (64, 256, 1024)
    assert ShardSizes(target=2).bounds == (1, 2, 8)
    assert ShardSizes(least=1, target=4, most=8).bounds == (1, 4, 8)


def test_a_file_that_links_give_many_names_is_one_file(tmp_path: Path) -> None:
    for name in ("a/one.jsonl", "z/two.jsonl", "z/.cache/three.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    for link, target in {"loop": ".", "again": ".", "a/up": "..", "z/up": "../a/up", "b": "z", "none": "none"}.items():
        (tmp_path / link).symlink_to(target, target_is_directory=True)
    (tmp_path / "a" / "alias.jsonl").symlink_to("one.jsonl")
    (tmp_path / "a" / "hard.jsonl").hardlink_to(tmp_path / "a" / "one.jsonl")

    def names(pattern: str) -> list[str]:
        return [str(file.relative_to(tmp_path)) for file in files(str(tmp_path / pattern))]

    everything = ["a/hard.jsonl", "a/one.jsonl", "z/two.jsonl"]
    assert names("**/*.jsonl") == names("**") == names("**/**/*.jsonl") == everything
    assert names("loop/**/*.jsonl") == [f"loop/{name}" for name in everything]
    assert names("**/z/**/two.jsonl") == names("*/two.jsonl") == ["z/two.jsonl"]
    assert names("b/*.jsonl") == ["b/two.jsonl"] and names("a/alias.jsonl") == ["a/alias.jsonl"]


def test_folders_that_the_pattern_is_in_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "[a]*" / "b").mkdir(parents=True)
    (tmp_path / "[a]*" / "b" / "rows.jsonl").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert files("**/*.jsonl") == [Path("[a]*/b/rows.jsonl")]
