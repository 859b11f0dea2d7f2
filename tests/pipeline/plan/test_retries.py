"""`run --retry-rejects`: rows whose clip failed are said, and spoken, anew; nobody else is asked anything."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from benchmarks.corpora import write_recipe as write_null_recipe
from tests.helpers.recipes import open_state, run_inline, texts_of
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan.accounts import rejects_of
from voxsmith.pipeline.plan.state import State

LIMIT = 0.0002335  # of flat tops: about half of what `tts_null` hums has more, which hangs on the text's length


def with_rejects(folder: Path, side: str, given: bool = False) -> tuple[str, State]:
    """A recipe on null engines, and its first run, in which about half of the side's clips are rejected for clipping.
    `given`: the source has the side's text, and no stage makes it.
    """
    path = write_null_recipe(folder, 16)
    recipe = yaml.safe_load(path.read_text())
    if given:
        rows = [{"instruction": "What is it?", "said": f"It is {'very ' * (n % 7)}good."} for n in range(16)]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        columns = {"instruction": "instruction", f"{side}_text": "said"}
        source = {"path": str(folder / "rows.jsonl"), "layout": "columns", "columns": columns, "licence": "CC0-1.0"}
        recipe["sources"] = {"rows": source}
        del recipe["stages"]["respond"]
    for source in recipe["sources"].values():
        source["shard"] = {"least": 2, "target": 4, "most": 8}
    del recipe["stages"]["fit_units"], recipe["stages"]["units_answer"]
    recipe["checks"][f"{side}_clip"] = {"max_clipping": LIMIT}
    path.write_text(yaml.safe_dump(recipe))
    state = open_state(str(path))
    assert run_inline(state) == {}
    return str(path), state


def rejected(state: State) -> set[str]:
    """Ids of the rows that were rejected for clipping."""
    rejects = [reject for shard in range(len(state.shards)) for reject in rejects_of(state, shard)]
    return {row for row, one in zip(texts_of(state, "id"), rejects, strict=True) if one and one.reason == "clipping"}


def retried(path: str) -> tuple[State, Counter[str]]:
    """The state after the rows are tried again, and how often each stage asked its engine for that."""
    last = list(open_state(path).graph.nodes)[-1]
    assert api.run(path, retry_rejects="clipping", only=last, say=print).status == "done"
    state, calls = open_state(path), Counter[str]()
    assert run_inline(state) == {}
    for (node, _), done in state.done.items():
        if not done.reused:
            calls[node] += state.store.meta(node, done.key)["metrics"]["asked"]
    return state, calls


def changed(before: State, after: State, column: str) -> set[str]:
    values = zip(texts_of(before, "id"), texts_of(before, column), texts_of(after, column), strict=True)
    return {row for row, one, other in values if one != other}


def test_a_clip_that_pick_rejects_is_said_and_spoken_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, before = with_rejects(tmp_path, "answer")
    rows = rejected(before)
    assert 3 < len(rows) < 16
    after, calls = retried(path)
    output = capsys.readouterr().out
    assert f"{len(rows)} rows are tried again, from respond, speak_answer, speak_answer_2 on" in output
    assert calls["respond"] == calls["speak_answer"] == len(rows)
    assert changed(before, after, "answer_text") == changed(before, after, "answer_audio_1") == rows
    assert not [node for node in calls if node == "rewrite" or node.endswith("_query")]
    assert rejected(after) < rows  # some of the new clips are good
    twice, calls = retried(path)
    assert calls["respond"] == len(rejected(after)) > 0
    assert changed(after, twice, "answer_text") == rejected(after)


def test_the_same_command_goes_on_where_a_run_was_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = with_rejects(tmp_path, "answer")
    cut = ["run", path, "--retry-rejects", "clipping", "--only", list(open_state(path).graph.nodes)[-1]]
    assert main(cut) == 0  # it noted the rows, and came no further
    noted = next((tmp_path / "store/retries").iterdir()).read_bytes()
    capsys.readouterr()
    assert main(cut) == 0
    assert "those noted before are tried now" in capsys.readouterr().out
    assert next((tmp_path / "store/retries").iterdir()).read_bytes() == noted
    run_inline(open_state(path))
    assert main([*cut[:3], "no_such_reason", *cut[4:]]) == 2  # there is nothing more to go on with


def test_a_request_is_asked_anew_and_its_answer_follows(tmp_path: Path) -> None:
    path, before = with_rejects(tmp_path, "query")
    rows = rejected(before)
    after, calls = retried(path)
    assert calls["rewrite"] == calls["speak_query"] == len(rows) > 3
    assert changed(before, after, "answer_text") <= rows
    assert changed(before, after, "query_audio_1") <= rows


def test_of_a_text_that_the_source_gave_the_speech_alone_is_tried_again(tmp_path: Path) -> None:
    path, before = with_rejects(tmp_path, "answer", given=True)
    rows = rejected(before)
    after, calls = retried(path)
    assert calls["speak_answer"] == len(rows) > 3
    assert {node for node, count in calls.items() if count} <= {"speak_answer", "speak_answer_2"}
    assert changed(before, after, "answer_text") == set()
