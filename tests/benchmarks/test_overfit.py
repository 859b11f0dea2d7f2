"""The benchmark of overfitting, with networks of a few thousand random weights and a few steps."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.overfit.__main__ import NAMES, main
from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders

SMALL = {
    "adapter.hidden": 32,
    "adapter.lr": 0.02,
    "decoder.width": 32,
    "decoder.heads": 2,
    "decoder.inner": 32,
    "run.precision": "float32",
}


def more_units(i: int) -> dict[str, Any]:
    """A row with more units than tokens."""
    units = [(i * 7 + k * k) % 200 for k in range(30)]
    return row(i) | {"answer_units": units, "answer_unit_durations": [1] * len(units)}


def test_each_run_is_made_and_stands_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders.llm(tmp_path / "llm")
    folders.whisper(tmp_path / "whisper")
    write_corpus(tmp_path / "export", [more_units(i) for i in range(3)], [])
    changes = SMALL | {"llm.model": str(tmp_path / "llm"), "encoder.model": str(tmp_path / "whisper")}
    sets = [word for key, value in changes.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    made = ["--export", str(tmp_path / "export"), "--split", "", "--rows", "2", "--steps", "6", *sets]
    main([*made, "--out", str(tmp_path / "out")])
    table = capsys.readouterr().out
    assert [name for name in NAMES if f"| {name} |" in table] == NAMES
    none, right = (
        json.loads((tmp_path / "out" / f"{name}.json").read_text()) for name in ("no_upsampling", "right_phase_true")
    )
    assert none["curve"]["losses"] == [0.0] * 6 and none["generated"] > 0.5
    assert len(right["curve"]["losses"]) == 6 and right["curve"]["losses"][-1] < right["curve"]["losses"][0]
    assert right["trained"] == right["generated"]  # nothing is in the trainer's place
