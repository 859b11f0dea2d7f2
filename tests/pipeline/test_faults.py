"""No row is lost: verdicts are rejects, failures of the world are pending."""

from pathlib import Path

import pytest
from bench import asked, open_state, run_inline, write_recipe

from pipeline.accounts import rejects_of
from pipeline.export import write_dataset

pytestmark = pytest.mark.usefixtures("toys")
TEXTS = ["one", "two", "a bad three", "refuse four", "explode five", "six", "seven"]


def reasons(state) -> dict[str, int]:
    found: dict[str, int] = {}
    for shard in range(len(state.shards)):
        for reject in rejects_of(state, shard):
            if reject is not None:
                found[reject.reason] = found.get(reject.reason, 0) + 1
    return found


def test_each_bad_row_is_one_reject(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    assert run_inline(state) == {}
    assert reasons(state) == {"bad": 1, "refused": 1, "engine_error": 1}
    summary = write_dataset(state, tmp_path / "out")
    assert summary["counts"] == {"rows_in": 7, "rows_out": 4, "rejects": 3, "pending": 0}


def test_an_unavailable_engine_leaves_rows_pending_and_only_those_are_asked_again(tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.touch()
    texts = [*(f"row {n}" for n in range(8)), "down one", "down two"]
    path = write_recipe(tmp_path, texts)
    overrides = [f"engines.llm.down={down}", f"engines.llm.log={tmp_path / 'asked.log'}"]
    state = open_state(path, overrides=overrides)
    pending = run_inline(state)
    assert set(pending.values()) == {"the toy server is down"}
    assert len(pending) == 2
    counts = write_dataset(state, tmp_path / "out")["counts"]
    assert counts["rows_in"] == counts["rows_out"] + counts["rejects"] + counts["pending"]
    assert counts["pending"] >= 2
    first = asked(path)
    down.unlink()
    state = open_state(path, overrides=overrides)
    assert run_inline(state) == {}
    assert sorted([*first, *asked(path)]) == sorted(set(first) | {"down one", "down two"} | _counts(texts))
    assert write_dataset(state, tmp_path / "out")["counts"]["rows_out"] == len(texts)


def _counts(texts: list[str]) -> set[str]:
    return {f"count {n}: {text.upper()}" for text in texts for n in range(2)}
