"""A person's corrections and blocked rows: they survive every run, cost what they touch, and lose no row."""

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from benchmarks.corpora import write_recipe as write_null_recipe
from tests.helpers.recipes import SHOUT, asked, dataset_of, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.plan.accounts import Rejected, rejects_of
from voxsmith.pipeline.plan.gc import collect
from voxsmith.pipeline.plan.manifests import new_run, now, write_run
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.sources.inputs import list_shards
from voxsmith.pipeline.sources.overrides import read_overrides
from voxsmith.stages.context import Context
from voxsmith.stages.converse import converse

TEXTS = [f"tell me about thing number {n}" for n in range(30)]


def with_overrides(path: str, *lines: dict[str, str]) -> str:
    """The recipe, with these lines as its overrides."""
    file = Path(path).parent / "corrections.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = yaml.safe_load(Path(path).read_text())
    Path(path).write_text(yaml.safe_dump(recipe | {"overrides": str(file)}))
    return path


def ids(state: State) -> list[str]:
    return texts_of(state, "id")


def ran(state: State) -> dict[str, int]:
    """Runs what is ready; how often each stage asked its engine, of those that ran."""
    assert run_inline(state) == {}
    countss: dict[str, int] = {}
    for (node, _), done in state.done.items():
        if not done.reused:
            countss[node] = countss.get(node, 0) + state.store.meta(node, done.key)["metrics"]["asked"]
    return countss


def rejected(state: State) -> dict[str, Rejected]:
    rejects = [reject for shard in range(len(state.shards)) for reject in rejects_of(state, shard)]
    return {row: reject for row, reject in zip(ids(state), rejects, strict=True) if reject is not None}


def counts(state: State, folder: Path) -> dict[str, int]:
    return dataset_of(state, folder / "out" / state.graph.recipe.name)["counts"]


@pytest.fixture
def first(tmp_path: Path) -> State:
    """A finished run without overrides."""
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path)
    run_inline(state)
    asked(path)
    return state


@pytest.fixture
def path(first: State, tmp_path: Path) -> str:
    return str(tmp_path / "toy.yaml")


def test_a_corrected_answer_costs_the_speech_of_that_row_alone(tmp_path: Path) -> None:
    path = write_null_recipe(tmp_path, 60)
    recipe = yaml.safe_load(path.read_text())
    for source in recipe["sources"].values():
        source["shard"] = {"least": 2, "target": 10, "most": 20}
    path.write_text(yaml.safe_dump(recipe))
    before = open_state(str(path))
    ran(before)
    place = next(n for n, units in enumerate(texts_of(before, "answer_units")) if units)
    row, keys = ids(before)[place], {where: done.key for where, done in before.done.items()}
    state = open_state(with_overrides(str(path), {"id": row, "answer_text": "This is what a person wrote instead."}))
    assert {task.node for task in state.ready.values()} == {"respond"}
    calls = ran(state)
    assert {node: n for node, n in calls.items() if n} == dict.fromkeys(
        ("speak_answer", "listen_answer", "rate_answer", "units_answer"), 1
    )
    touched = {shard for (_, shard), done in state.done.items() if not done.reused}
    assert len(touched) == 1
    assert {where for where, key in keys.items() if state.done[where].key != key} == {
        where for where, done in state.done.items() if not done.reused
    }
    assert texts_of(state, "answer_text")[place] == "This is what a person wrote instead."
    assert texts_of(state, "answer_method")[place] == "corrected"
    assert texts_of(state, "answer_heard")[place] != texts_of(before, "answer_heard")[place]
    assert [v for n, v in enumerate(texts_of(state, "answer_audio")) if n != place] == [
        v for n, v in enumerate(texts_of(before, "answer_audio")) if n != place
    ]
    assert ran(open_state(str(path))) == {}


def test_a_corrected_query_is_answered_anew(path: str, first: State) -> None:
    row = ids(first)[7]
    state = open_state(with_overrides(path, {"id": row, "query_text": "something better"}))
    ran(state)
    assert sorted(asked(path)) == ["count 0: something better", "count 1: something better"]
    assert texts_of(state, "query_text")[7] == "something better"
    assert texts_of(state, "query_method")[7] == "corrected"
    assert set(texts_of(state, "query_method")[:7]) == {"llm"}


def test_they_survive_a_change_of_all_the_rest(path: str, first: State) -> None:
    with_overrides(path, {"id": ids(first)[3], "answer_text": "mine"}, {"id": ids(first)[4], "block": "no"})
    ran(open_state(path))
    for change in ("stages.toy_shout.style=loud", "seed=5", "engines.llm.model=other", "stages.toy_count.times=1"):
        state = open_state(path, overrides=[change])
        ran(state)
        assert texts_of(state, "answer_text")[3] == "mine"
        assert texts_of(state, "query_text")[4] is None
        assert len(rejected(state)) == 1


def test_taken_out_again_nothing_is_asked(path: str, first: State) -> None:
    with_overrides(path, {"id": ids(first)[3], "answer_text": "mine"}, {"id": ids(first)[4], "block": "no"})
    ran(open_state(path))
    asked(path)
    state = open_state(with_overrides(path))
    assert not state.ready
    assert {where: done.key for where, done in state.done.items()} == {w: d.key for w, d in first.done.items()}


def test_a_rejected_row_can_be_given_a_text(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [*TEXTS[:5], "a bad one"])
    state = open_state(path)
    ran(state)
    row = ids(state)[5]
    assert rejected(state)[row].reason == "bad"
    state = open_state(with_overrides(path, {"id": row, "query_text": "a good one"}))
    ran(state)
    assert rejected(state) == {}
    assert counts(state, tmp_path) == {"rows_in": 6, "rows_out": 6, "rejects": 0, "pending": 0}


def test_a_corrected_instruction_is_worked_on(path: str, first: State) -> None:
    state = open_state(with_overrides(path, {"id": ids(first)[2], "instruction": "mended", "context": "more"}))
    ran(state)
    assert sorted(asked(path)) == ["count 0: MENDED", "count 1: MENDED", "mended"]
    assert texts_of(state, "instruction")[2] == "mended" and texts_of(state, "context")[2] == "more"


def test_a_text_that_the_source_gave_is_replaced_too(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS[:2])
    rows = [
        {"instruction": "a", "said": "given"},
        {"instruction": "b", "said": "given"},
        {"instruction": "c", "said": None},
    ]
    (tmp_path / "toy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = "sources.rows.columns={instruction: instruction, query_text: said}"
    state = open_state(path, overrides=[columns])
    ran(state)
    state = open_state(with_overrides(path, {"id": ids(state)[1], "query_text": "mine"}), overrides=[columns])
    ran(state)
    assert texts_of(state, "query_text") == ["given", "mine", "C"]
    assert texts_of(state, "query_method") == ["given", "corrected", "llm"]


def test_a_dialogue_goes_on_from_a_corrected_turn() -> None:
    """`converse` handles what is given itself, and says whose it is."""
    row = {"id": "a.0", "turn": 0, "query_text": "asked", "answer_text": "mine", "answer_method": "corrected"}
    with pytest.raises(StopIteration) as end:
        next(converse([row], Context(None)))
    (last,) = end.value.value
    assert last["query_method"] == "given" and last["answer_method"] == "corrected"


def test_a_blocked_row_is_a_reject_with_the_persons_reason(
    path: str, first: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = ids(first)[11]
    state = open_state(with_overrides(path, {"id": row, "block": "names a private person"}))
    ran(state)
    assert asked(path) == []
    assert rejected(state) == {row: Rejected("overrides", "blocked", "names a private person", TEXTS[11])}
    assert counts(state, tmp_path) == {"rows_in": 30, "rows_out": 29, "rejects": 1, "pending": 0}
    assert main(["run", path]) == 0
    assert "30 rows in, 29 rows out, 1 rejects, 0 pending" in capsys.readouterr().out
    assert main(["rejects", path]) == 0
    assert f"{row}  overrides: blocked: names a private person" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "out" / "toy" / "manifest.json").read_text())
    funnel = {step["stage"]: step for step in manifest["funnel"]}
    assert funnel["overrides"] == {"stage": "overrides", "rows_in": 30, "rejects": {"blocked": 1}}
    assert funnel["toy_shout"]["rows_in"] == 29


def write_talks(folder: Path, splits: str = "{}") -> str:
    """Twelve conversations of three turns."""
    path = write_recipe(folder, TEXTS[:1])
    talks = [{"id": str(n), "data": [f"{word} {n}" for word in "abcdef"]} for n in range(12)]
    (folder / "toy.jsonl").write_text("".join(json.dumps(talk) + "\n" for talk in talks))
    recipe = yaml.safe_load(Path(path).read_text())
    recipe["sources"]["rows"] |= {"layout": "ultrachat", "turns": "all"}
    del recipe["sources"]["rows"]["columns"]
    recipe["export"] = {"splits": yaml.safe_load(splits)}
    Path(path).write_text(yaml.safe_dump(recipe))
    return path


def test_later_turns_go_with_a_blocked_one_and_nobody_works_on_them(tmp_path: Path) -> None:
    path = write_talks(tmp_path)
    conversation = texts_of(open_state(path), "conversation_id")[4]
    with_overrides(path, {"id": f"{conversation}.1", "block": "rude"}, {"id": f"{conversation}.2", "query_text": "x"})
    state = open_state(path)
    ran(state)
    lines = asked(path)
    assert len(lines) == 34 * 3 and "c 1" not in lines and "e 1" not in lines and "a 1" in lines
    rejects = rejected(state)
    assert set(rejects) == {f"{conversation}.1", f"{conversation}.2"}
    assert rejects[f"{conversation}.1"] == Rejected("overrides", "blocked", "rude", "c 1")
    later = rejects[f"{conversation}.2"]
    assert (later.stage, later.reason) == ("overrides", "earlier_turn_rejected")
    assert counts(state, tmp_path) == {"rows_in": 36, "rows_out": 34, "rejects": 2, "pending": 0}


def test_blocking_a_turn_moves_nothing_to_another_split(tmp_path: Path) -> None:
    from datasets import load_from_disk

    path = write_talks(tmp_path, "{train: 0.5, test: 0.5}")
    state = open_state(path)
    ran(state)
    counts(state, tmp_path)
    folder = str(tmp_path / "out" / "toy" / "dataset")
    before = {row["id"]: split for split, rows in load_from_disk(folder).items() for row in rows}
    blocked = [row for row in before if row.endswith((".1", ".2"))]
    state = open_state(with_overrides(path, *({"id": row, "block": "no"} for row in blocked)))
    ran(state)
    counts(state, tmp_path)
    after = {row["id"]: split for split, rows in load_from_disk(folder).items() for row in rows}
    assert len(set(before.values())) == 2 and len(after) == 12
    assert after == {row: split for row, split in before.items() if row.endswith(".0")}


def test_unknown_ids_are_told_and_no_failure(
    path: str, first: State, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with_overrides(path, {"id": "rows-nowhere.0", "block": "x"}, {"id": ids(first)[0], "answer_text": "mine"})
    for _ in range(2):  # the second time nothing is read
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            state = open_state(path)
        assert caplog.messages == [f"{tmp_path / 'corrections.jsonl'}: 1 id is not among the rows: rows-nowhere.0"]
    ran(state)
    assert texts_of(state, "answer_text")[0] == "mine"
    with_overrides(path, {"id": ids(first)[-1], "block": "cut off by the limit"})
    caplog.clear()
    open_state(path, limit=4)
    assert "of this --limit" in caplog.text
    caplog.clear()
    open_state(path)
    assert caplog.text == ""


def test_a_row_that_its_source_rejects_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_recipe(tmp_path, [*TEXTS[:3], " "])
    state = open_state(path)
    row = ids(state)[3]
    ran(state)
    assert rejected(state)[row].stage == "sources"
    state = open_state(with_overrides(path, {"id": row, "query_text": "mine"}))
    assert "1 id is rejected by their source already" in caplog.text
    ran(state)
    assert rejected(state)[row].stage == "sources"
    state = open_state(with_overrides(path, {"id": row, "block": "a person's word counts more"}))
    ran(state)
    assert rejected(state)[row].stage == "overrides"
    assert counts(state, tmp_path) == {"rows_in": 4, "rows_out": 3, "rejects": 1, "pending": 0}


BAD = [
    ('{"id": "a", "answr_text": "x"}', "'answr_text' can't be overridden; did you mean 'answer_text'?"),
    ('{"id": "a", "query_voice": "x"}', "'query_voice' can't be overridden; "),
    ('{"id": "a"', "not JSON: "),
    ('["a"]', "a JSON object is wanted"),
    ('{"block": "x"}', "'id' is needed"),
    ('{"id": "a"}', "nothing is said about the row"),
    ('{"id": "a", "block": "x", "query_text": "y"}', "a blocked row has no texts"),
    ('{"id": "a", "block": " "}', "'block' must be a text that isn't empty"),
    ('{"id": "a", "answer_text": null}', "'answer_text' must be a text that isn't empty"),
    ('{"id": 7, "block": "x"}', "'id' must be a text"),
    ('{"id": "fine", "block": "x"}', "'fine' is in line 1 already"),
    ('{"id": "a", "answer_text": "\\ud800"}', "half a surrogate pair"),
    ('{"id": "a", "answer_text": "\\u0000"}', "NUL"),
    (b'{"id": "a", "block": "\xff"}', "not UTF-8"),
    ("[" * 100_000, "not JSON"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_bad_line_is_one_line_of_advice(
    path: str, capsys: pytest.CaptureFixture[str], line: str | bytes, message: str
) -> None:
    with_overrides(path)
    file = Path(path).parent / "corrections.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"id": "fine", "block": "x"}\r\n\r\n' + (line if isinstance(line, bytes) else line.encode())
    )
    capsys.readouterr()
    assert main(["plan", path]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"{file}: line 3: ") and message in error


def test_many_bad_lines_are_told_at_once_but_not_all(tmp_path: Path) -> None:
    file = tmp_path / "corrections.jsonl"
    file.write_text("no\n" * 50)
    with pytest.raises(RecipeError) as error:
        read_overrides(str(file))
    assert len(error.value.lines) == 21 and "30 more lines" in error.value.lines[-1]


def test_a_column_that_the_recipe_lacks_and_a_file_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_recipe(tmp_path, TEXTS[:3], stages={"toy_shout": SHOUT | {"engine": "llm"}})
    with_overrides(path, {"id": "a", "answer_text": "nobody speaks it"})
    assert main(["plan", path]) == 2
    assert "line 1: no stage of the recipe writes 'answer_text'" in capsys.readouterr().err
    (tmp_path / "corrections.jsonl").rename(tmp_path / "correction.jsonl")
    assert main(["plan", path]) == 2
    assert "corrections.jsonl: no such file" in (err := capsys.readouterr().err) and "did you mean" in err


def test_shards_are_looked_through_once(path: str, first: State) -> None:
    with_overrides(path, {"id": ids(first)[3], "answer_text": "mine"})
    state = open_state(path)
    objects = Path(state.store.root) / "objects" / "source.rows"
    away = objects.rename(objects.with_name("elsewhere"))
    shards = list_shards(state.graph.recipe, state.store, keep=False)  # what is known is not read again
    assert [shard.key for shard in shards] == [shard.key for shard in state.shards]
    away.rename(objects)


def test_gc_keeps_the_rows_as_they_were_read_too(path: str, first: State) -> None:
    with_overrides(path, {"id": ids(first)[3], "answer_text": "mine"})
    state = open_state(path)
    ran(state)
    write_run(state, new_run(state), now(), "done")
    assert collect(state.store, False, timedelta(0)).files > 0  # objects of before the correction
    folder = Path(state.store.root) / "objects" / "source.rows"
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert not open_state(path).ready
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def test_a_corrected_shard_that_is_gone_is_made_again(path: str, first: State) -> None:
    with_overrides(path, {"id": ids(first)[3], "answer_text": "mine"})
    state = open_state(path)
    ran(state)
    corrected = next(shard for shard in state.shards if shard.as_read)
    state.store.drop(corrected.folder, corrected.key)
    again = open_state(path)
    assert again.store.meta(corrected.folder, corrected.key) is not None and not again.ready


def test_a_plan_before_the_first_run_counts_them_in(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    fresh = open_state(path, keep=False)
    ids_there = texts_of(open_state(write_recipe(tmp_path / "other", TEXTS)), "id")
    state = open_state(with_overrides(path, {"id": ids_there[0], "block": "x"}), keep=False)
    assert not (tmp_path / "store").exists()
    assert sum(a.key != b.key for a, b in zip(fresh.shards, state.shards, strict=True)) == 1
