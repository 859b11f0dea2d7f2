"""The benchmark of overfitting, with networks of a few thousand random weights and a few steps."""

import json
from pathlib import Path

import pytest

from benchmarks.overfit.__main__ import NAMES, main
from tests.benchmarks.overfit_quick import arguments


def test_each_run_is_made_and_stands_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*arguments(tmp_path), "--steps", "6"])
    table = capsys.readouterr().out
    assert [name for name in NAMES if f"| {name} |" in table] == NAMES
    none, right = (
        json.loads((tmp_path / "out" / f"{name}.json").read_text()) for name in ("no_upsampling", "right_phase_true")
    )
    assert none["curve"]["losses"] == [0.0] * 6 and none["generated"] > 0.5
    assert len(right["curve"]["losses"]) == 6 and right["curve"]["losses"][-1] < right["curve"]["losses"][0]
    assert right["trained"] == right["generated"]  # nothing is in the trainer's place
