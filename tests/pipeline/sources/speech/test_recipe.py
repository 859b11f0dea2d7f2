"""Recorded speech in a recipe: columns that are known, and what a person corrects."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.helpers.corpora import age, librispeech
from tests.helpers.recipes import open_state, write_recipe
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.sources.inputs import list_shards
from voxsmith.pipeline.store.objects import read_rows
from voxsmith.pipeline.store.store import Store


def write(folder: Path, **source: Any) -> str:
    corpus = folder / "corpus"
    if not corpus.exists():
        age(librispeech(corpus))
    entry = {"layout": "librispeech", "path": str(corpus), "licence": "CC BY 4.0"} | source
    stages = {"read_clip": {"engine": "clips"}}
    engines = {"clips": {"backend": "clip_reader"}}
    overrides = {"overrides": str(folder / "mine.jsonl")} if (folder / "mine.jsonl").exists() else {}
    return write_recipe(folder, [], "speech", sources={"speech": entry}, stages=stages, engines=engines, **overrides)


def table(recipe_file: str) -> pa.Table:
    recipe = load_recipe(recipe_file)
    store = Store(recipe.store)
    shards = list_shards(recipe, store, True)
    tables = [read_rows(store, (shard.folder, shard.key), shard.columns, True) for shard in shards]
    return pa.concat_tables(tables, promote_options="default")


def test_a_transcript_may_be_corrected_and_a_row_kept_out(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = {row["id"]: row for row in table(path).to_pylist()}
    fixed, blocked = "speech-3005-163389-0004.0", "speech-533-1066-0008.0"
    lines = [{"id": fixed, "source_transcript": "THE AVERAGE MAN IS A COWARD"}, {"id": blocked, "block": "private"}]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    after = {row["id"]: row for row in table(write(tmp_path)).to_pylist()}
    assert after.keys() == before.keys()
    assert after[fixed]["source_transcript"] == "THE AVERAGE MAN IS A COWARD"
    assert after[fixed]["clip"] == before[fixed]["clip"]
    assert after[blocked]["_blocked"]["reason"] == "blocked"
    assert after[blocked]["clip"] is None and after[blocked]["source_transcript"] is None, "nobody reads it"


def test_columns_that_nobody_knows(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("")
    path = write(tmp_path, layout="manifest", path=str(file), columns={"duratoin": "d"})
    with pytest.raises(RecipeError, match="'duratoin' is no column; did you mean 'duration'"):
        open_state(path)
    path = write(tmp_path, layout="manifest", path=str(file), columns={"duration": "d"}, of="query")
    with pytest.raises(
        RecipeError,
        match=r"which no stage writes and no source gives; the clips of .* are the query's",
    ):
        open_state(path)
