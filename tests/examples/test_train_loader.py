"""examples/train_loader.py: the batches hold what the export holds, in an order that the seed decides."""

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import datasets
import pyarrow as pa
import pytest
import soundfile

from tests.helpers.paths import ROOT

SCRIPT = ROOT / "examples" / "train_loader.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_loader", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(spoken: Path) -> dict[str, dict]:
    """The rows of the split `train` as Arrow has them, by id."""
    files = sorted((spoken.parent / "out/spoken/dataset/train").glob("*.arrow"))
    tables = [pa.ipc.open_stream(file.read_bytes()).read_all() for file in files]
    return {row["id"]: row for row in pa.concat_tables(tables).to_pylist()}


def test_a_batch_is_the_rows_padded(example: ModuleType, spoken: Path, rows: dict[str, dict]) -> None:
    data = example.Exchanges(spoken.parent / "out/spoken/dataset")
    assert len(data) == len(rows) == 10
    seen: list[str] = []
    for batch in example.loader(data, batch=4, seed=1):
        assert batch["rate"] == 16000 and batch["waveforms"].shape[0] == batch["units"].shape[0] == len(batch["ids"])
        assert (
            batch["waveforms"].shape[1] == batch["samples"].max() and batch["units"].shape[1] == batch["lengths"].max()
        )
        for place, row in enumerate(batch["ids"]):
            samples, _ = soundfile.read(io.BytesIO(rows[row]["query_audio"]["bytes"]), dtype="float32")
            length = int(batch["samples"][place])
            assert batch["waveforms"][place, :length].tolist() == samples.tolist()
            assert not batch["waveforms"][place, length:].any()
            units = batch["units"][place, : batch["lengths"][place]]
            assert units.tolist() == rows[row]["answer_units"]
            assert (batch["units"][place, batch["lengths"][place] :] == example.PAD).all()
        seen += batch["ids"]
    assert sorted(seen) == sorted(rows)


def test_the_seed_decides_the_order(example: ModuleType, spoken: Path) -> None:
    data = example.Exchanges(spoken.parent / "out/spoken/dataset")

    def order(**settings: int) -> list[str]:
        return [row for batch in example.loader(data, batch=4, **settings) for row in batch["ids"]]

    assert order(seed=1) == order(seed=1) != order(seed=2)
    assert order(seed=1, epoch=1) not in (order(seed=1), order(seed=2))


def test_a_corpus_without_splits(example: ModuleType, spoken: Path, tmp_path: Path) -> None:
    datasets.load_from_disk(str(spoken.parent / "out/spoken/dataset"))["test"].save_to_disk(str(tmp_path / "plain"))
    assert len(example.Exchanges(tmp_path / "plain")) == 1


def test_it_runs_from_anywhere_with_or_without_workers(spoken: Path, tmp_path: Path) -> None:
    def shown(*arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, str(SCRIPT), str(spoken.parent / "out/spoken/dataset"), "--batch", "4", *arguments],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    alone = shown("--seed", "1", "--epochs", "2")
    assert [line.split(":")[0] for line in alone.splitlines()] == ["epoch 0"] * 3 + ["epoch 1"] * 3
    assert shown("--seed", "1", "--epochs", "2", "--workers", "2") == alone
