"""The benchmark measures both loops over the same rows; on tiny models, of which no speed is asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.train_against_plain_loop import main
from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders


def test_both_loops_take_as_many_steps_over_the_same_rows(tmp_path: Path, capsys: Any) -> None:
    folders.llm(tmp_path / "llm")
    folders.whisper(tmp_path / "whisper", positions=1500)  # 30 s, which the plain loop fills clips up to
    write_corpus(tmp_path / "export", [row(i) for i in range(12)], [], {"train": 0.75, "test": 0.25}, rows_a_file=4)
    sets = (
        f"llm={{model: {tmp_path}/llm}}",
        f"encoder.model={tmp_path}/whisper",
        "adapter.hidden=32",
        "schedule={epochs: 1, budget: 2.0, accumulate: 2}",
        "run={workers: 0}",
    )
    main(
        ["--data", str(tmp_path / "export"), "--repeats", "2", "--json", str(tmp_path / "out.json")]
        + [argument for one in sets for argument in ("--set", one)]
    )
    printed = capsys.readouterr().out
    wrote = json.loads((tmp_path / "out.json").read_text())
    ours, kept, plain = (wrote["measured"][name] for name in ("ours", "ours, kept", "plain, bf16"))
    seconds = sum(0.4 + 0.05 * (i % 7) for i in _train(tmp_path))
    for one in (*ours, *kept, *plain):
        assert one["rows"] == pytest.approx(wrote["rows_a_step"] * one["steps"]) and one["steps"] == ours[0]["steps"]
        assert one["audio"] == pytest.approx(seconds, abs=0.1) and 0 <= one["waited"] < one["seconds"]
        assert one["audio_places"] > one["audio"] and one["token_places"] > one["tokens"]
    assert plain[0]["audio_places"] == 30 * plain[0]["rows"]
    # A clip of less than a second is 300 embeddings there, and at most one in 25 of them hears something.
    assert plain[0]["token_places"] > 3 * ours[0]["token_places"]
    for name in ("ours / plain, bf16", "ours, kept / plain, bf16"):
        assert len(wrote["ratios"][name]) == 2 and f"{name}: " in printed


def _train(folder: Path) -> list[int]:
    from voxsmith.trainer.data.exports import Export

    export = Export(folder / "export", "train")
    return [int(name.split("-")[1]) for name in export.rows(range(len(export)), ("id",))["id"]]
