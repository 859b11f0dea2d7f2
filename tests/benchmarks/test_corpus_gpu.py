"""The script for corpora on a GPU runs on the CPU with small networks; lengths and padding are those that it names."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import corpus_cases, corpus_gpu, gpu_runner
from benchmarks.corpus_cases import CASES, lengths, padding, planned
from benchmarks.corpus_gpu import lines, main, markdown


@pytest.mark.parametrize("name", CASES)
def test_each_network_is_measured(name: str) -> None:
    rows = list(lines(name, tiny=True))
    assert [row["batch"] for row in rows] == ([1, 3] if len(CASES[name].batches) > 1 else [1])
    assert not [row for row in rows if "failed" in row], rows
    assert all(row["audio s/s"] > 0 and row["TFLOP/s"] > 0 and 0 <= row["padding"] < 1 for row in rows)


PUBLISHED = {  # millions of weights, as model cards and papers have them
    "Parakeet CTC 1.1B": 1060,
    "Parakeet TDT 0.6B": 627,
    "Whisper large-v3's encoder": 637,
    "HuBERT base to layer 11": 94.4,
    "XLS-R 1B to layer 35": 962,
    "VITS": 36.3,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_shapes_are_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Built(Exception):
        pass

    def count(device: torch.device, make: Callable[[], torch.nn.Module], dtype: torch.dtype) -> None:
        with torch.device("meta"):
            raise Built(sum(weight.numel() for weight in make().parameters()))

    monkeypatch.setattr(corpus_cases, "on", count)
    with pytest.raises(Built) as built:
        CASES[name].build(torch.device("cpu"), "")
    assert built.value.args[0] / 1e6 == pytest.approx(PUBLISHED[name], rel=0.01)


def test_clips_are_as_long_as_a_corpus_and_go_together_by_length() -> None:
    assert lengths(100_000).mean() == pytest.approx(5.4, rel=0.02)
    assert lengths(100_000).min() >= 1 and lengths(100_000).max() <= 30
    assert sum(map(len, planned(64))) == 4 * 64 and max(map(len, planned(64))) <= 64
    unsorted = lengths(8 * 64).reshape(8, 64)
    assert padding(planned(64)) < 0.25 < 0.5 < 1 - unsorted.mean() / unsorted.max(axis=1).mean()
    assert padding([[1.0, 3.0]]) == pytest.approx(1 / 3)


def test_operations_are_counted_as_by_hand() -> None:
    """A matrix of 8 x 16 by one of 16 x 4: 2 x 8 x 16 x 4 operations, once to count and once or more in time."""
    matrix = torch.ones(16, 4)

    def run(seconds: list[float]) -> float:
        torch.ones(8, 16) @ matrix
        return sum(seconds)

    figures = corpus_gpu.measured(run, [[2.0, 1.0]], torch.device("cpu"), 0.0)
    assert figures["TFLOP/s"] * 1e12 / figures["audio s/s"] == pytest.approx(1024 / 3)


def test_json_and_markdown_are_written_case_by_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"batch": 1, "audio s/s": 90.0, "padding": 0.0}, {"batch": 16, "audio s/s": 1234.5, "mfu": 0.41}]
    replies = iter([rows, [{"batch": 64, "failed": "no memory"}]])
    monkeypatch.setattr(gpu_runner, "collected", lambda command, limit: next(replies))
    main(["--tiny", "--out", str(tmp_path), "--case", "UTMOS", "--case", "VITS"])
    wrote = json.loads((tmp_path / "corpus_gpu.json").read_text())
    assert wrote["measured"]["UTMOS"] == rows and wrote["measured"]["VITS"][0]["failed"] == "no memory"
    text = (tmp_path / "corpus_gpu.md").read_text()
    assert "| UTMOS | 1 | 90 |  |  |  | 0.0% |" in text and "| UTMOS | **16** | 1,234 | 41.0% |" in text
    assert "| VITS | 64: no memory |" in text and text == markdown(wrote["machine"], wrote["measured"])


def test_without_a_gpu_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="there is no GPU: --tiny"):
        main([])


def test_a_batch_that_does_not_fit_ends_its_case_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object) -> dict[str, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(corpus_gpu, "measured", too_much)
    (row,) = lines("HuBERT base to layer 11", tiny=True)
    assert row["failed"] == "OutOfMemoryError: CUDA out of memory" and np.isfinite(row["batch"])
