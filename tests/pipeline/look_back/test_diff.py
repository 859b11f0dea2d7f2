"""diff: what changed between two runs, counted exactly, at the cost of what changed."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.corpora import write_recipe as write_null_recipe
from tests.helpers.html_page import HOSTILE, Page
from tests.helpers.recipes import open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.look_back.diff import Difference, compare_runs
from voxsmith.pipeline.look_back.past import open_run
from voxsmith.pipeline.look_back.rows import Rows, as_json
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.store.store import Store

TEXTS = [f"tell me about thing number {n}" for n in range(30)]
LOUD = "stages.toy_shout.style=loud"


def finish(path: str, *overrides: str, **how: Any) -> State:
    """What `run` does, without Ray and without the dataset."""
    state = open_state(path, overrides=list(overrides), **how)
    pending = run_inline(state)
    manifests.write_run(
        state, manifests.new_run(state), manifests.now(), "pending" if pending else "done", how.get("limit")
    )
    return state


def compared(state: State, before: str = "previous", after: str = "last", rows: int = 100) -> Difference:
    name = state.graph.recipe.name
    return compare_runs(state.store, open_run(state.store, name, before), open_run(state.store, name, after), rows)


def counts(same: int, changed: int = 0, came: int = 0, went: int = 0) -> dict[str, int]:
    return {"same": same, "changed": changed, "came": came, "went": went}


def remove_unchanged(store: Store) -> int:
    """Delete the objects of every shard that is the same in the last two runs: whoever reads one now, fails."""
    one, two = (open_run(store, "", run).shards for run in manifests.run_names(store)[-2:])
    same = [(source, keys) for anchor, (source, keys) in two.items() if one.get(anchor) == (source, keys)]
    for source, keys in same:
        for stage, key in [source, *keys.items()]:
            for file in Path(store.root, "objects", stage).glob(f"{key}.*"):
                file.unlink()
    return len(same)


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A first run of 30 rows."""
    return finish(write_recipe(tmp_path, TEXTS))


@pytest.fixture
def path(state: State, tmp_path: Path) -> str:
    return str(tmp_path / "toy.yaml")


def test_two_runs_of_the_same_are_the_same_and_nothing_is_read(path: str, state: State) -> None:
    finish(path)
    shutil.rmtree(Path(state.store.root) / "objects")
    comparison = compared(state)
    assert comparison.counts == counts(30)
    assert comparison.stages == comparison.rows == comparison.recipe == comparison.notes == []


def test_a_changed_setting_is_told_as_the_reason_and_each_row_with_its_texts(path: str, state: State) -> None:
    finish(path, LOUD)
    comparison = compared(state)
    assert comparison.counts == counts(0, changed=30)
    assert comparison.columns["query_text"] == 30 and "query_method" not in comparison.columns
    stage = next(stage for stage in comparison.stages if stage.name == "toy_shout")
    assert stage.changed == stage.shards == len(state.shards)
    assert list(stage.reasons) == ["config.style changed from 'plain' to 'loud'"]
    assert list(comparison.stages[1].reasons) == ["the column query_text changed"]
    assert comparison.recipe == ["stages.toy_shout.style changed from None to 'loud'"]
    as_plain = as_json(
        comparison, Rows(state.store, open_run(state.store, "toy", "previous"), open_run(state.store, "toy", "last"))
    )
    assert {row["after"]["query_text"] for row in as_plain["rows"]} == {f"{text.upper()}!" for text in TEXTS}
    assert {row["before"]["query_text"] for row in as_plain["rows"]} == {text.upper() for text in TEXTS}


def test_the_other_way_round_it_is_the_other_way_round(path: str, state: State) -> None:
    finish(path, LOUD)
    there, back = compared(state), compared(state, "last", "previous")
    assert there.runs == back.runs[::-1] and there.counts == back.counts and there.columns == back.columns
    assert "from 'loud' to 'plain'" in next(iter(back.stages[0].reasons))


def test_equal_values_under_other_keys_are_the_same(path: str, state: State) -> None:
    finish(path, "stages.toy_shout.max_chars=999")
    comparison = compared(state)
    assert comparison.counts == counts(30)
    assert [stage.name for stage in comparison.stages] == ["toy_shout"]


def test_an_edited_row_went_and_came_and_unchanged_shards_are_not_read(path: str, state: State, tmp_path: Path) -> None:
    ids = texts_of(state, "id")
    finish(write_recipe(tmp_path, [*TEXTS[:7], "something else entirely", *TEXTS[8:]]))
    assert remove_unchanged(state.store) >= len(state.shards) - 2
    comparison = compared(state)
    assert comparison.counts == counts(29, came=1, went=1)
    assert comparison.whys == {
        "came": {"it is new in the sources": 1},
        "went": {"it is not in the sources any more": 1},
    }
    assert {row.kind: row.id for row in comparison.rows}["went"] == ids[7]


def test_rows_are_matched_where_the_cuts_between_shards_moved(path: str, state: State) -> None:
    sizes = "sources.rows.shard={least: 2, target: 9, most: 20}"
    other = finish(path, sizes)
    assert {shard.anchor for shard in other.shards} != {shard.anchor for shard in state.shards}
    assert compared(state).counts == counts(30)
    finish(path, sizes, LOUD)
    assert compared(state, manifests.run_names(state.store)[0]).counts == counts(0, changed=30)


def test_rows_that_a_check_lets_through_come_and_the_others_go(path: str, state: State) -> None:
    strict = "stages.toy_shout.max_chars=28"  # those with a number of one digit
    finish(path, strict)
    comparison = compared(state)
    assert comparison.counts == counts(10, went=20)
    assert comparison.whys["went"] == {"rejected by toy_shout: bad": 20}
    finish(path)
    comparison = compared(state)
    assert comparison.counts == counts(10, came=20)
    assert comparison.whys["came"] == {"was rejected by toy_shout: bad": 20}


def test_pending_rows_are_told_as_such(path: str, state: State, tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.touch()
    changed = write_recipe(tmp_path, [*TEXTS, "down now"], engines__llm__down=str(down))
    finish(changed)
    comparison = compared(state)
    assert "came" not in {row.kind for row in comparison.rows}
    assert comparison.whys["went"].keys() <= {"pending"}  # rows of the shard that is held up
    assert any("was not finished (pending)" in note for note in comparison.notes)
    down.unlink()
    finish(changed)
    assert compared(state, manifests.run_names(state.store)[0]).counts == counts(30, came=1)


def test_a_corrected_and_a_blocked_row(path: str, state: State, tmp_path: Path) -> None:
    ids = texts_of(state, "id")
    lines = [{"id": ids[3], "answer_text": "mine"}, {"id": ids[20], "block": "no"}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    finish(path, f"overrides={tmp_path / 'c.jsonl'}")
    comparison = compared(state)
    assert comparison.counts == counts(28, changed=1, went=1)
    assert comparison.columns.keys() == {"answer_text", "answer_method", "answer_attempts"}
    assert comparison.whys["went"] == {"rejected by overrides: blocked": 1}


def test_a_stage_more_or_less(path: str, state: State) -> None:
    finish(path, "stages={toy_shout: {stage: toys.shout, engine: llm}}")
    comparison = compared(state)
    assert comparison.counts == counts(0, changed=30)
    assert set(comparison.columns) == {"answer_text", "answer_method", "answer_attempts", "query_spoken"}
    assert all("did it" in why for stage in comparison.stages for why in stage.reasons)


def test_a_stage_that_was_added_and_has_not_run(path: str, state: State) -> None:
    """The keys that there are, are the same; but the rows wait for one more stage, and came out before."""
    fewer = "stages={toy_shout: {stage: toys.shout, engine: llm}, toy_count: {stage: toys.count, engine: llm}}"
    finish(path, fewer)
    waiting = open_state(path)
    waiting.done = {where: done for where, done in waiting.done.items() if where[0] != "toy_words"}
    manifests.write_run(waiting, manifests.new_run(waiting), manifests.now(), "interrupted")
    comparison = compared(waiting)
    assert comparison.counts == counts(0, went=30)
    assert comparison.whys["went"] == {"pending": 30}


def test_the_sample_is_bounded_and_always_the_same(path: str, state: State) -> None:
    finish(path, LOUD)
    comparison = compared(state, rows=5)
    assert comparison.counts["changed"] == 30 and len(comparison.rows) == 5
    assert [row.id for row in comparison.rows] == [row.id for row in compared(state).rows[:5]]
    assert compared(state, rows=0).rows == []


words = st.lists(st.text("wxyz", min_size=1, max_size=6), min_size=1, max_size=25, unique=True)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=words, after=words, loud=st.booleans(), seed=st.randoms(use_true_random=False))
def test_counts_are_those_of_the_contents(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str], loud: bool, seed: Any
) -> None:
    """Whatever the edit, and in whatever order the rows now stand."""
    folder = tmp_path_factory.mktemp("diff")
    seed.shuffle(after)
    finish(write_recipe(folder, before))
    state = finish(write_recipe(folder, after), *([LOUD] if loud else []))
    both = len(set(before) & set(after))
    remove_unchanged(state.store)
    assert compared(state).counts == counts(
        0 if loud else both, both if loud else 0, came=len(set(after) - set(before)), went=len(set(before) - set(after))
    )


# -- what can't be compared -------------------------------------------------------------------------------------------


def test_runs_by_name(capsys: pytest.CaptureFixture[str], path: str, state: State) -> None:
    assert main(["diff", path]) == 2
    assert "'previous': toy has run 1 time in" in capsys.readouterr().err
    finish(path, LOUD)
    first, second = manifests.run_names(state.store)
    assert main(["diff", path, first, second]) == main(["diff", path]) == main(["diff", path, first]) == 0
    capsys.readouterr()
    assert main(["diff", path, f"{first}x", "last"]) == 2
    assert f"did you mean '{first}'?" in capsys.readouterr().err
    other = write_recipe(Path(path).parent, TEXTS, name="never", store=str(Path(path).parent / "store"))
    assert main(["diff", other, "previous", "last"]) == 2
    assert "never has run 0 times" in capsys.readouterr().err


def test_a_run_whose_objects_were_collected(capsys: pytest.CaptureFixture[str], path: str, state: State) -> None:
    finish(path, LOUD)
    assert main(["gc", path, "--grace", "0"]) == 0
    capsys.readouterr()
    assert main(["diff", path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    first = manifests.run_names(state.store)[0]
    assert f"run {first} can't be looked at any more: its object toy_shout/" in line and "gc keeps only" in line


def test_a_damaged_object_is_one_line(capsys: pytest.CaptureFixture[str], path: str, state: State) -> None:
    finish(path, LOUD)
    for file in Path(state.store.root, "objects", "toy_shout").glob("*.arrow"):
        file.write_bytes(file.read_bytes()[:100])
    assert main(["diff", path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "toy_shout/" in line and "can't be read" in line


def test_manifests_of_before_they_told_stages_and_rows(path: str, state: State) -> None:
    finish(path, LOUD)
    whole = compared(state)
    for run in manifests.run_names(state.store):
        manifest = manifests.read_run(state.store, run) or {}
        for name in ("stages", "rows", "as_read"):
            del manifest[name]
        state.store.write_json(f"runs/{run}/manifest.json", manifest)
    assert compared(state) == whole


# -- what is printed, and the page ------------------------------------------------------------------------------------


def test_what_is_printed(capsys: pytest.CaptureFixture[str], path: str, state: State, tmp_path: Path) -> None:
    finish(path, LOUD, limit=8)
    assert main(["diff", path, "--rows", "1"]) == 0
    out = capsys.readouterr().out
    first, second = manifests.run_names(state.store)
    assert out.splitlines()[:2] == [f"from  {first}", f"to    {second}"]
    assert "was a pilot (--limit 8)" in out
    assert "toy_shout, " in out and "config.style changed from 'plain' to 'loud' (" in out
    assert "query_text   - TELL ME ABOUT THING" in out and "query_text   + TELL ME ABOUT THING" in out
    assert "more rows changed, came or went; --rows N shows more" in out
    assert main(["diff", path, "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["runs"] == [first, second] and sum(output["counts"].values()) == 30
    assert {"counts", "columns", "means", "whys", "stages", "recipe", "notes", "rows"} <= set(output)
    assert main(["diff", path, "--page", str(tmp_path / "no" / "page.html")]) == 2
    assert "can't be written" in capsys.readouterr().err
    mine, page = tmp_path / "thesis.html", tmp_path / "page.html"
    mine.write_text("<title>mine</title>")
    recipe = Path(path).read_text()
    assert main(["diff", path, "--page", str(mine)]) == 2 and main(["diff", path, "--page", path]) == 2
    assert "is there already and is no page of a comparison" in capsys.readouterr().err
    assert mine.read_text() == "<title>mine</title>" and Path(path).read_text() == recipe
    assert [main(["diff", path, "--page", str(page)]) for _ in range(2)] == [0, 0]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """Two runs of real stages over engines without a model: one answer corrected, one row blocked, one new, one gone."""
    folder = tmp_path_factory.mktemp("spoken")
    path = write_null_recipe(folder, 24)
    recipe = yaml.safe_load(path.read_text())
    for source in recipe["sources"].values():
        source["shard"] = {"least": 2, "target": 8, "most": 16}
    path.write_text(yaml.safe_dump(recipe))
    state = finish(str(path))
    ids = [row for row, clip in zip(texts_of(state, "id"), texts_of(state, "answer_audio"), strict=True) if clip]
    lines = [{"id": ids[2], "answer_text": "This is what a person wrote instead."}, {"id": ids[3], "block": "no"}]
    lines.append({"id": ids[5], "query_text": HOSTILE})
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    source = folder / "in" / "ultrachat.jsonl"
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    rows[2]["data"][0] = "What is the best thing about a quiet garden?"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    path.write_text(yaml.safe_dump(recipe | {"overrides": str(folder / "c.jsonl")}))
    state = finish(str(path))
    return str(path), [ids[2], ids[3]]


def test_a_page_to_hear_both(spoken: tuple[str, list[str]], tmp_path: Path) -> None:
    path, (corrected, blocked) = spoken
    file = tmp_path / "diff.html"
    assert main(["diff", path, "--page", str(file)]) == 0
    assert [files.name for files in tmp_path.iterdir()] == ["diff.html"]
    page = Page(file.read_text(encoding="utf-8"))
    for part in (corrected, blocked, "rejected by overrides: blocked", "it is new in the sources", "overrides changed"):
        assert part in page.text, part
    state = open_state(path)
    before = open_run(state.store, state.graph.recipe.name, "previous")
    rows = Rows(state.store, before, open_run(state.store, state.graph.recipe.name, "last"))
    (row,) = [row for row in compared(state).rows if row.id == corrected]
    old, new = rows.clips(row, "answer_audio")
    assert old and new and old != new and rows.clips(row, "query_audio")[0] == rows.clips(row, "query_audio")[1]
    played = [base64.b64decode((a["src"] or "").split(",")[1]) for a in page.all("audio")]
    assert old in played and new in played and all(clip[:4] == b"fLaC" for clip in played)
    assert "the same clip" in page.text, "of the query, which is on the page once"
    assert played.count(rows.clips(row, "query_audio")[0] or b"") == 1
    assert {"changed", "came", "went"} == {a["data-kind"] for a in page.all("article", **{"class": "row"})}


def test_the_page_is_whole_in_itself_and_safe(spoken: tuple[str, list[str]], tmp_path: Path) -> None:
    file = tmp_path / "diff.html"
    assert main(["diff", spoken[0], "--page", str(file)]) == 0
    page = Page(file.read_text(encoding="utf-8"))
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert name not in ("src", "href", "srcset") or (value or "").startswith(
                ("data:audio/flac;base64,", "#")
            ), tag
    assert len(page.all("script")) == 1 and not page.all("img")
    assert HOSTILE in page.text
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_the_page_stays_within_its_budget(spoken: tuple[str, list[str]], tmp_path: Path) -> None:
    from voxsmith.pipeline.look_back.page import write_page

    state = open_state(spoken[0])
    before, after = (open_run(state.store, state.graph.recipe.name, one) for one in ("previous", "last"))
    comparison = compare_runs(state.store, before, after, 12)
    write_page(tmp_path / "small.html", "small", comparison, Rows(state.store, before, after), clip_bytes=30_000)
    text = (tmp_path / "small.html").read_text(encoding="utf-8")
    assert sum(len(a["src"] or "") for a in Page(text).all("audio")) < 31_000
    assert "left out to keep this page small" in text


def test_a_page_without_rows(path: str, state: State, tmp_path: Path) -> None:
    finish(path)
    assert main(["diff", path, "--page", str(tmp_path / "d.html")]) == 0
    assert "No row changed, came or went" in Page((tmp_path / "d.html").read_text(encoding="utf-8")).text
