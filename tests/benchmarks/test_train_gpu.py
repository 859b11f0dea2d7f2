"""The script for a GPU runs on the CPU with small networks; what one case loses costs no other; lengths are those it names."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu_runner
from benchmarks.gpu_cases import CASES, padding, planned
from benchmarks.gpu_runner import collected
from benchmarks.train_gpu import VARIANTS, lines, main, markdown


@pytest.mark.parametrize("name", ["stage 1, 8B-like, LoRA", "stage 2, 8B-like", "distil, 8B-like"])
def test_each_recipe_is_measured_in_each_variant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANTS, "compiled", (None, False))  # tracing takes seconds, and is PyTorch's
    rows = list(lines(name, tiny=True))
    assert [row["variant"] for row in rows] == list(VARIANTS) and not any("failed" in row for row in rows), rows
    for row in rows:
        assert row["steps/s"] > 0 and row["operations/s"] > 0
        # The same batches in each variant: tokens a second over seconds of audio a second is theirs.
        assert row["tokens/s"] / row["audio s/s"] == pytest.approx(rows[0]["tokens/s"] / rows[0]["audio s/s"], rel=0.2)
    assert f"| {name} | flash |" in markdown("a machine", {name: rows})


def test_streaming_is_measured_token_by_token() -> None:
    whole, alone = lines("streaming, 8B-like", tiny=True)
    assert 0 < whole["p50"] <= whole["p95"] and whole["first"] > 0 and 0 < alone["p50"] <= alone["p95"]


def test_a_case_that_dies_or_hangs_keeps_what_it_has_said() -> None:
    said = 'print(\'{"variant": "a", "steps/s": 1.0}\', flush=True); '
    died = collected([sys.executable, "-c", f"{said}raise MemoryError('no room')"], 60)
    assert died == [{"variant": "a", "steps/s": 1.0}, {"failed": "MemoryError: no room"}]
    hung = collected([sys.executable, "-c", "import threading; threading.Event().wait()"], 0.1)
    assert hung == [{"failed": "ended after 0.1 s"}]


def test_peft_that_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    assert list(lines("stage 1, 8B-like, LoRA", tiny=True)) == [
        {"variant": "all", "failed": "skipped: peft is not installed"}
    ]


def test_json_and_markdown_are_written_case_by_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = iter([[{"variant": "flash", "steps/s": 2.0, "mfu": 0.41}], [{"variant": "flash", "failed": "no memory"}]])
    monkeypatch.setattr(gpu_runner, "collected", lambda command, limit: next(replies))
    names = list(CASES)[:2]
    main(["--tiny", "--out", str(tmp_path), "--case", names[0], "--case", names[1]])
    wrote = json.loads((tmp_path / "train_gpu.json").read_text())
    assert wrote["measured"][names[0]][0]["mfu"] == 0.41 and wrote["measured"][names[1]][0]["failed"] == "no memory"
    text = (tmp_path / "train_gpu.md").read_text()
    assert f"| {names[0]} | flash | 2 |  |  | 41.0% |" in text and f"| {names[1]} | flash: no memory |" in text


def test_rows_are_as_long_as_the_corpus() -> None:
    """InstructS2S-200K: 7.5 s and 39.5 tokens on the mean (docs/cost.md)."""
    case = CASES["stage 1, 1B-like, all of it"]
    plan = planned(case)
    assert np.mean([one for seconds, _ in plan for one in seconds]) == pytest.approx(7.5, rel=0.02)
    assert np.mean([one for _, answers in plan for one in answers]) == pytest.approx(39.5, rel=0.02)
    assert all(len(seconds) * max(seconds) <= case.budget for seconds, _ in plan)
    assert max(padding(case, plan).values()) < 0.05
