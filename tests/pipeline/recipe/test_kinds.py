"""Sources that give rows of different kinds: the recipe is refused by a line, before anything is read or computed."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.corpora import age, librispeech
from tests.helpers.recipes import COUNT, SHOUT, WORDS, write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError, RunFailed

ENGINES = {"clips": {"backend": "clip_reader"}, "asr": {"backend": "asr_null"}, "llm": {"backend": "llm_null"}}
READ, LISTEN = {"read_clip": {"engine": "clips"}}, {"listen": {"of": "row", "engine": "asr"}}
CLEAN = {"clean_transcript": {}}


def texts(folder: Path, **columns: str) -> dict[str, Any]:
    (folder / "texts.jsonl").write_text('{"said": "It rained.", "asked": "Why?"}\n')
    return {"layout": "columns", "path": str(folder / "texts.jsonl"), "columns": columns, "licence": "CC0-1.0"}


def speech(folder: Path, of: str = "row") -> dict[str, Any]:
    if not (folder / "corpus").exists():
        age(librispeech(folder / "corpus"))
    return {"layout": "librispeech", "path": str(folder / "corpus"), "of": of, "licence": "CC BY 4.0"}


def said(folder: Path, sources: dict[str, Any], stages: dict[str, Any]) -> list[str]:
    """What `plan` says of the recipe, after the recipe's path."""
    path = write_recipe(folder, [], sources=sources, stages=stages, engines=ENGINES)
    with pytest.raises(RecipeError) as error:
        api.plan(path)
    return [line.removeprefix(f"{path}: ") for line in str(error.value).splitlines()]


def test_texts_beside_clips(tmp_path: Path) -> None:
    """They passed read_clip by, and came out without audio."""
    sources = {"speech": speech(tmp_path), "texts": texts(tmp_path, transcript="said")}
    (line,) = said(tmp_path, sources, READ)
    assert line == (
        "sources.texts: gives no 'clip', which stages.read_clip reads and sources.speech gives: all its rows would be "
        "rejects; give these rows a recipe of their own: training can read several exports"
    )
    (line,) = said(tmp_path, sources, CLEAN)
    assert "gives no 'source_transcript', which stages.clean_transcript reads" in line


def test_clips_of_the_row_beside_clips_of_the_query(tmp_path: Path) -> None:
    sources = {"read": speech(tmp_path), "asked": speech(tmp_path, "query")}
    (line,) = said(tmp_path, sources, READ)
    assert "sources.asked: gives no 'clip', which stages.read_clip reads and sources.read gives" in line
    assert "its clips are of: query; write `of: row` here, or give these rows a recipe of their own" in line
    both = READ | {"read_query": {"stage": "read_clip", "of": "query", "engine": "clips"}}
    assert [line.partition(": gives no ")[0] for line in said(tmp_path, sources, both)] == [
        "sources.asked",
        "sources.read",
    ]


def test_tasks_beside_clips(tmp_path: Path) -> None:
    sources = {"speech": speech(tmp_path), "tasks": texts(tmp_path, instruction="asked")}
    lines = said(tmp_path, sources, {"toy_shout": SHOUT | {"engine": "llm"}} | READ)
    assert [line.partition(",")[0] for line in lines] == [
        "sources.speech: gives no 'instruction'",
        "sources.tasks: gives no 'clip'",
    ]


@pytest.mark.parametrize(
    ("of", "stages", "wanted"),
    [
        ("query", READ, "'query_clip'): write `of: query` in stages.read_clip, or `of: row` in the source"),
        ("query", CLEAN, "write `of: query` in stages.clean_transcript, or `of: row` in the source"),
        (
            "query",
            {"continue_text": {"engine": "llm", "prompt": "configs/prompts/continue.jinja"}},
            "reads 'transcript', which no stage writes and no source gives; the clips of sources.speech are the query's "
            "('query_clip'): write `of: query` in stages.continue_text, or `of: row` in the source",
        ),
        ("row", {"clean_transcript": {"of": "query"}}, "are the row's own ('clip'): write `of: row` in stages.clean_tra"),
        ("row", {"verify": {}} | READ | LISTEN, "reads 'transcript', which no stage writes and no source gives; add a stage clean_tr"),
        (
            "query",
            {
                "verify": {"of": "query"},
                "read_clip": {"of": "query", "engine": "clips"},
                "listen": {"of": "query", "engine": "asr"},
            },
            "reads 'query_text', which no stage writes and no source gives; add a stage clean_transcript (of: query)",
        ),
    ],
)  # fmt: skip
def test_clips_of_another_group_than_the_stages_want(
    tmp_path: Path, of: str, stages: dict[str, Any], wanted: str
) -> None:
    (line,) = said(tmp_path, {"speech": speech(tmp_path, of)}, stages)
    assert wanted in line and "did you mean" not in line


def test_clips_without_a_source_of_speech(tmp_path: Path) -> None:
    (line,) = said(tmp_path, {"texts": texts(tmp_path, transcript="said")}, READ)
    assert line.endswith("only sources of recorded speech give it: layout " + line.rpartition("layout ")[2])
    assert "librispeech" in line


def rows(folder: Path, name: str, records: list[Any]) -> dict[str, Any]:
    (folder / name).write_text("".join(f"{json.dumps(record)}\n" for record in records))
    columns = {"instruction": "q", "query_text": "said"}
    return {"layout": "columns", "path": str(folder / name), "columns": columns, "licence": "CC0-1.0"}


def test_a_source_of_which_no_row_has_what_it_must_bring(tmp_path: Path) -> None:
    sources = {
        "some": rows(tmp_path, "some.jsonl", [{"q": "a", "said": "a"}, {"q": "b", "said": None}]),
        "none": rows(tmp_path, "none.jsonl", [{"q": "c", "said": None}, {"q": "", "said": None}]),
    }
    stages = {"toy_count": COUNT | {"engine": "llm"}, "toy_words": WORDS}
    path = write_recipe(tmp_path, [], sources=sources, stages=stages)
    for refused in (api.plan, api.run):
        with pytest.raises(
            RecipeError, match=r"sources.none: none of its 1 rows has a 'query_text', which stages\.toy"
        ):
            refused(path)


def test_a_source_without_a_row_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    some, none = rows(tmp_path, "some.jsonl", [{"q": "a", "said": "a"}]), rows(tmp_path, "none.jsonl", [])
    path = write_recipe(tmp_path, [], sources={"some": some, "none": none}, stages={"toy_words": WORDS})
    with caplog.at_level(logging.WARNING, logger="voxsmith"):
        api.plan(path)
    assert f"sources.none has no row: in {none['path']} was looked for records" in caplog.text
    assert "sources.some" not in caplog.text

    (tmp_path / "kaldi").mkdir()
    for file in ("wav.scp", "text"):
        (tmp_path / "kaldi" / file).write_text("")
    empty = {"layout": "kaldi", "path": str(tmp_path / "kaldi"), "licence": "MIT"}
    path = write_recipe(tmp_path, [], sources={"calls": empty}, stages=READ, engines=ENGINES)
    with pytest.raises(
        RunFailed, match=r"give nothing to work on: they have no row; sources.calls has no row: in .*kaldi"
    ):
        api.plan(path)
    assert main(["run", path]) == 1
    assert "was looked for a folder with wav.scp and text (layout kaldi)" in capsys.readouterr().err
