"""The summary of a corpus against sums made the plain way, and its independence of order and batching."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.made_corpus import row, write_corpus
from voxsmith.pipeline.report.statistics import Summary, draw, from_json, read, summarise

ROWS = [row(i) for i in range(40)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    write_corpus(out, ROWS, [], {"train": 0.5, "test": 0.5})
    return out


def test_counts_are_the_rows(corpus: Path) -> None:
    statistics = summarise(corpus / "dataset")
    assert statistics.rows == statistics.conversations == 40
    assert {name: share.rows for name, share in statistics.splits.items()} == {"train": 20, "test": 20}
    assert {name: share.rows for name, share in statistics.sources.items()} == {"alpaca": 27, "ultrachat": 13}
    assert {name: share.rows for name, share in statistics.labels["query_method"].items()} == {
        "llm": 20,
        "llm+context": 10,
        "rules": 10,
    }
    assert len(statistics.labels["query_voice"]) == 4 and statistics.labels["answer_voice"]["af_heart"].rows == 40
    for side in ("query", "answer"):
        seconds = sum(r[f"{side}_duration"] for r in ROWS)
        assert statistics.seconds[side] == pytest.approx(seconds, abs=1e-3)
        words = [len(r[f"{side}_text"].split()) for r in ROWS]
        errors = sum(r[f"{side}_wer"] * n for r, n in zip(ROWS, words, strict=True))
        assert statistics.corpus_wer[side] == pytest.approx(errors / sum(words), abs=1e-4)
        assert statistics.units[f"{side}_units"].total == 480
        assert statistics.units[f"{side}_units"].used == len({unit for r in ROWS for unit in r[f"{side}_units"]})
    total = sum(share.seconds for share in statistics.sources.values())
    assert total == pytest.approx(sum(statistics.seconds.values()), abs=0.01)


def test_histograms_hold_every_value_and_share_edges(corpus: Path) -> None:
    histograms = summarise(corpus / "dataset").histograms
    for name, histogram in histograms.items():
        assert sum(histogram.counts) == histogram.count == 40, name
        assert len(histogram.edges) == len(histogram.counts) + 1 <= 32, name
        assert histogram.least <= histogram.median <= histogram.p95 <= histogram.greatest, name
    assert histograms["query_duration"].edges == histograms["answer_duration"].edges
    durations = sorted(r["query_duration"] for r in ROWS)
    assert histograms["query_duration"].median == pytest.approx(durations[19], abs=0.01)
    assert histograms["query_duration"].mean == pytest.approx(np.mean(durations), abs=1e-4)


def test_json_and_back(corpus: Path) -> None:
    statistics = summarise(corpus / "dataset")
    assert from_json(json.loads(json.dumps(asdict(statistics)))) == statistics


def test_the_sample_does_not_hang_on_order_and_the_worst_are_the_worst(corpus: Path) -> None:
    statistics = summarise(corpus / "dataset", rows=12)
    ids = [r["id"] for r in ROWS]
    assert statistics.sample == sorted(ids, key=draw)[:9]
    assert len(statistics.worst) == 3 and set(statistics.worst) <= {r["id"] for r in ROWS if r["query_wer"] > 0}
    backwards = Summary(12)
    for split, batch in reversed(list(read(corpus / "dataset"))):
        backwards.add(batch.take(pa.array(range(batch.num_rows - 1, -1, -1), pa.int64())), split)
    assert backwards.result().sample == statistics.sample
    assert backwards.result().worst == statistics.worst


def test_columns_may_be_missing_and_there_may_be_no_row(tmp_path: Path) -> None:
    write_corpus(tmp_path / "few", ROWS[:5], [], without=("units", "unit_durations", "mos", "heard", "wer", "voice"))
    statistics = summarise(tmp_path / "few" / "dataset")
    assert (
        statistics.rows == 5
        and not statistics.units
        and not statistics.corpus_wer
        and "query_mos" not in statistics.histograms
    )
    write_corpus(tmp_path / "none", [], [])
    nothing = summarise(tmp_path / "none" / "dataset")
    assert nothing.rows == 0 and nothing.sample == [] and nothing.histograms == {} and nothing.features


def test_nulls_are_counted_as_missing() -> None:
    summary = Summary()
    summary.add(pa.RecordBatch.from_pydict({"query_duration": pa.array([1.0, None, float("nan")], pa.float32())}))
    histogram = summary.result().histograms["query_duration"]
    assert (histogram.count, histogram.missing, histogram.mean) == (1, 2, 1.0)


@given(st.lists(st.floats(0, 1000, width=32), min_size=1, max_size=60), st.integers(1, 60))
def test_batching_changes_nothing(values: list[float], size: int) -> None:
    parts, whole = Summary(), Summary()
    for start in range(0, len(values), size):
        parts.add(pa.RecordBatch.from_pydict({"query_duration": values[start : start + size]}))
    whole.add(pa.RecordBatch.from_pydict({"query_duration": values}))
    one, other = (asdict(summary.result().histograms["query_duration"]) for summary in (parts, whole))
    assert one.pop("mean") == pytest.approx(other.pop("mean"), abs=1e-5)
    assert one == other
    assert sum(one["counts"]) == len(values)
