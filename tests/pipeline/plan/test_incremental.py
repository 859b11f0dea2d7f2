"""What has not changed does not run: counted in requests that reached the engine."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.recipes import asked, open_state, run_inline, texts_of, write_recipe
from voxsmith.pipeline.plan.planner import make_plan

TEXTS = [f"tell me about thing number {n}" for n in range(30)]


def ran(path: str, **kwargs) -> list[str]:
    run_inline(open_state(path, **kwargs))
    return asked(path)


def test_everything_once_then_nothing(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    assert len(ran(path)) == 3 * len(TEXTS)
    assert ran(path) == []
    assert not any(stage.at_most for stage in make_plan(open_state(path), set(open_state(path).graph.nodes)))


def test_an_edited_row_asks_for_that_row_alone(tmp_path: Path) -> None:
    ran(write_recipe(tmp_path, TEXTS))
    edited = [*TEXTS[:7], "something else entirely", *TEXTS[8:]]
    assert sorted(ran(write_recipe(tmp_path, edited))) == sorted(
        ["something else entirely", *(f"count {n}: SOMETHING ELSE ENTIRELY" for n in range(2))]
    )


@pytest.mark.parametrize("place", [0, 11, 30])
def test_new_rows_ask_for_the_new_rows_alone(tmp_path: Path, place: int) -> None:
    ran(write_recipe(tmp_path, TEXTS))
    assert len(ran(write_recipe(tmp_path, [*TEXTS[:place], "new one", "new two", *TEXTS[place:]]))) == 2 * 3


def test_a_changed_parser_reads_kept_replies_again(tmp_path: Path) -> None:
    ran(write_recipe(tmp_path, TEXTS))
    path = write_recipe(tmp_path, TEXTS, stages__toy_shout__engine="llm", stages__toy_shout__style="loud")
    plan = {stage.name: stage for stage in make_plan(open_state(path), {"toy_shout", "toy_count", "toy_words"})}
    assert plan["toy_shout"].to_run == plan["toy_shout"].shards
    assert plan["toy_shout"].reason == "never run" or "style" in plan["toy_shout"].reason
    assert all(line.startswith("count") and line.endswith("!") for line in ran(path))
    assert ran(write_recipe(tmp_path, TEXTS)) == []  # back to the first recipe: nothing


def test_early_cutoff_stops_at_equal_values(tmp_path: Path) -> None:
    """A stage that runs again and writes the same makes nothing below it stale."""
    ran(write_recipe(tmp_path, TEXTS))
    path = write_recipe(tmp_path, TEXTS, stages__toy_shout__engine="llm", stages__toy_shout__max_chars=999)
    state = open_state(path)
    run_inline(state)
    assert asked(path) == []
    assert all(done.reused for (node, _), done in state.done.items() if node != "toy_shout")


def test_machine_settings_make_nothing_stale(tmp_path: Path) -> None:
    ran(write_recipe(tmp_path, TEXTS))
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path, overrides=["engines.llm.resources.batch=3", "engines.llm.resources.replicas=2"])
    assert not state.ready


def test_a_pilot_is_reused_by_the_full_run(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    pilot = ran(path, limit=10)
    assert 0 < len(pilot) < 3 * len(TEXTS)
    assert len(ran(path)) == 3 * len(TEXTS) - len(pilot)


def test_what_is_given_is_kept(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS[:6])
    rows = Path(tmp_path / "toy.jsonl")
    rows.write_text('{"instruction": "a", "said": "given text"}\n{"instruction": "b", "said": null}\n')
    columns = "sources.rows.columns={instruction: instruction, query_text: said}"
    state = open_state(path, overrides=[columns])
    run_inline(state)
    assert texts_of(state, "query_text") == ["given text", "B"]
    assert texts_of(state, "query_method") == ["given", "llm"]
    assert [line for line in asked(path) if not line.startswith("count")] == ["b"]


words = st.lists(st.text("abcdef ", max_size=12).map(str.strip).filter(bool), min_size=1, max_size=25)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=words, after=words)
def test_only_new_content_is_asked(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str]
) -> None:
    """Whatever the edit: the engine is asked for contents that were not there before, and for nothing else."""
    folder = tmp_path_factory.mktemp("edit")
    ran(write_recipe(folder, before))
    new = [text for text in after if after.count(text) > before.count(text) or text not in before]
    lines = [line for line in ran(write_recipe(folder, after)) if not line.startswith("count")]
    fresh = sum(max(0, after.count(text) - before.count(text)) for text in set(after))
    assert len(lines) == fresh
    assert set(lines) <= {text.strip() for text in new} | set(new)


def test_what_another_run_has_committed_stays(tmp_path: Path) -> None:
    """Two runs find the same task ready; an engine need not say the same twice, so the first one's word counts."""
    path = write_recipe(tmp_path, TEXTS)
    first, second = open_state(path), open_state(path)
    run_inline(first)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "store/objects").glob("toy_*/*")}
    assert len(before) == 2 * len(first.done)
    assert run_inline(second) == {}
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "store/objects").glob("toy_*/*")} == before
    assert {at: one.columns for at, one in second.done.items()} == {at: one.columns for at, one in first.done.items()}


def test_a_pilot_pins_no_codebook(tmp_path: Path) -> None:
    """The corpus is the same whether a few of its rows were tried first or not."""
    stages = {
        "normalise": {"of": "query"},
        "speak": {"of": "query", "engine": "tts", "sample_rate": 16000, "voices": "*"},
        "listen": {"of": "query", "engine": "asr"},
        "pick": {"of": "query"},
        "fit_units": {"of": "query", "engine": "units", "sample_rows": 10, "clusters": 4},
        "units": {"of": "query", "engine": "units"},
    }
    changes = {
        "engines": {name: {"backend": f"{name}_null"} for name in ("tts", "asr", "units")},
        "stages": stages,
        "sources__rows__columns": {"instruction": "instruction", "query_text": "instruction"},
    }
    paths = [write_recipe(tmp_path / name, TEXTS, **changes) for name in ("direct", "piloted")]
    pilot = open_state(paths[1], limit=4)
    run_inline(pilot)
    assert len(pilot.shards) == 1 and ("fit_units", -1) in pilot.done
    direct, piloted = (open_state(path) for path in paths)
    for state in (direct, piloted):
        run_inline(state)
    assert piloted.done["fit_units", -1].columns == direct.done["fit_units", -1].columns
    assert texts_of(piloted, "query_units") == texts_of(direct, "query_units")
    again = open_state(paths[1], limit=4)
    assert not again.ready, "what the corpus is pinned to serves a pilot too"
