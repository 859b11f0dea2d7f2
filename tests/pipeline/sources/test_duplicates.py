"""Requests that repeat an earlier one: one row or a flag, whatever the shards, and nothing is done twice."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.recipes import dataset_of, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.api.opened import load, open_recipe
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.pipeline.plan.state import State

PLANTED = [
    "Name three rivers in Germany.",
    "Name three rivers in France.",
    "name 3 rivers in germany",  # of the first
    "Could you please name the three rivers in Germany?",  # of the first
    "Name four rivers in Germany.",
    "What is the boiling point of water at sea level?",
    "what's the boiling point of the water at sea level",  # of the sixth
    "What is the freezing point of water at sea level?",
]


def recipe_of(folder: Path, texts: list[str], least: int = 2, **duplicates: Any) -> str:
    path = write_recipe(folder, texts)
    recipe = yaml.safe_load(Path(path).read_text())
    recipe["duplicates"] = duplicates
    recipe["sources"]["rows"]["shard"] = {"target": 2 * least, "least": least, "most": 4 * least}
    Path(path).write_text(yaml.safe_dump(recipe))
    return path


def repeated(state: State) -> dict[str, str]:
    """text -> message, of the rows that repeat another."""
    rejects = [one for shard in range(len(state.shards)) for one in rejects_of(state, shard)]
    return {one.sample: one.message for one in rejects if one and one.reason == "duplicate"}


def test_planted_duplicates_are_rejects_and_lookalikes_are_kept(tmp_path: Path) -> None:
    state = open_state(recipe_of(tmp_path, PLANTED))
    rejects = repeated(state)
    assert set(rejects) == {PLANTED[2], PLANTED[3], PLANTED[6]}
    ids = texts_of(state, "id")
    assert rejects[PLANTED[2]] == f"identical to the request of {ids[0]}, which comes before it"
    assert rejects[PLANTED[6]] == f"near-identical to the request of {ids[5]}, which comes before it"
    assert run_inline(state) == {}
    counts = dataset_of(state, tmp_path / "out" / "toy")["counts"]
    assert counts == {"rows_in": 8, "rows_out": 5, "rejects": 3, "pending": 0}


def test_only_identical_ones_where_the_recipe_says_so(tmp_path: Path) -> None:
    assert set(repeated(open_state(recipe_of(tmp_path, PLANTED, near=False)))) == {PLANTED[2]}


def test_a_flag_names_the_earlier_row_and_loses_none(tmp_path: Path) -> None:
    from datasets import load_from_disk

    state = open_state(recipe_of(tmp_path, PLANTED, action="flag"))
    assert repeated(state) == {}
    assert run_inline(state) == {}
    assert dataset_of(state, tmp_path / "out" / "toy")["counts"]["rows_out"] == 8
    rows = load_from_disk(str(tmp_path / "out" / "toy" / "dataset"))
    first, sixth = rows["id"][0], rows["id"][5]
    assert rows["duplicate_of"] == [None, None, first, first, None, None, sixth, None]


def test_what_is_kept_depends_on_order_alone_not_on_shards(tmp_path: Path) -> None:
    texts = [text for n in range(30) for text in (f"Explain the law number {n} of physics", f"Describe planet {n}")]
    draw = random.Random(4)
    texts += [text.lower() + "?" for text in draw.sample(texts, 20)]
    results = []
    for least in (1, 3, 16):
        state = open_state(recipe_of(tmp_path / str(least), texts, least))
        results.append(repeated(state))
    assert results[0] == results[1] == results[2]
    assert set(results[0]) == set(texts[60:])


def test_a_shard_behind_the_others_makes_no_other_stale(tmp_path: Path) -> None:
    texts = [f"Tell me the story of king number {n}" for n in range(12)]
    path = recipe_of(tmp_path, texts)
    assert run_inline(open_state(path)) == {}
    with (tmp_path / "toy.jsonl").open("a") as file:
        for text in ("tell me the story of king number 3!", "Who was the first king?"):
            file.write(json.dumps({"instruction": text}) + "\n")
    state = open_state(path)
    assert set(repeated(state)) == {"tell me the story of king number 3!"}
    stale = {shard for _, shard in state.ready}
    assert stale <= {len(state.shards) - 1, len(state.shards) - 2}  # the last one was cut anew


def test_the_pass_is_remembered_and_a_plan_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voxsmith.pipeline.sources import duplicates

    path = recipe_of(tmp_path, PLANTED)
    planned = open_recipe(load(path)).state(keep=False)
    assert not (tmp_path / "store" / "objects").exists()
    state = open_state(path)
    assert len(planned.ready) == len(state.ready)
    asked = list(state.shards)
    monkeypatch.setattr(duplicates, "identical", None)  # would raise
    assert open_state(path).shards == asked
    assert open_recipe(load(path)).state(keep=False).shards == asked


def test_requests_are_made_once_for_each_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voxsmith.pipeline.sources import duplicates

    path = recipe_of(tmp_path, PLANTED)
    rejects = repeated(open_state(path))
    (tmp_path / "store" / "duplicates" / "toy.json").unlink()
    monkeypatch.setattr(duplicates, "made_requests", None)  # would raise
    assert repeated(open_state(path)) == rejects


def test_a_blocked_row_keeps_no_other_out(tmp_path: Path) -> None:
    path = recipe_of(tmp_path, ["What is love?", "Who wrote Hamlet?", "what is love"])
    state = open_state(path)
    assert set(repeated(state)) == {"what is love"}
    block = tmp_path / "corrections.jsonl"
    block.write_text(json.dumps({"id": texts_of(state, "id")[0], "block": "not wanted"}) + "\n")
    recipe = yaml.safe_load(Path(path).read_text())
    Path(path).write_text(yaml.safe_dump(recipe | {"overrides": str(block)}))
    assert repeated(open_state(path)) == {}
