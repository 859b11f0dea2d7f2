"""A run whose encoder's frames are kept: the encoder runs in the first epoch alone, and the curve is that of a run without."""

import json
from pathlib import Path

import pytest
import torch

from tests.helpers.made_corpus import row, write_corpus
from tests.trainer import folders
from tests.trainer.test_cli import losses, recipe
from voxsmith.trainer.cli import main
from voxsmith.trainer.fit import features


def test_later_epochs_and_runs_read_what_the_first_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.llm(tmp_path / "llm")
    folders.whisper(tmp_path / "whisper")
    write_corpus(tmp_path / "export", [row(i) for i in range(8)], [])
    (tmp_path / "export" / "manifest.json").write_text(json.dumps({}))
    heard: list[int] = []
    encode = features.encode

    def counted(encoder: torch.nn.Module, mel: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        heard.append(len(mel))
        return encode(encoder, mel, lengths)

    monkeypatch.setattr(features, "encode", counted)
    keys = {
        "data": [{"path": str(tmp_path / "export")}],
        "validation": [],
        "schedule": {"epochs": 3, "budget": 2.0},
    }
    kept = {"model": str(tmp_path / "whisper"), "features": str(tmp_path / "kept")}
    assert main(["fit", recipe(tmp_path, tmp_path / "without", **keys), "--device", "cpu"]) == 0
    assert heard == []
    assert main(["fit", recipe(tmp_path, tmp_path / "with", encoder=kept, **keys), "--device", "cpu"]) == 0
    assert sum(heard) == 8, "each clip once in three epochs"
    assert main(["fit", recipe(tmp_path, tmp_path / "again", encoder=kept, **keys), "--device", "cpu"]) == 0
    assert sum(heard) == 8, "and never in another run"
    without, first, later = (losses(tmp_path / name) for name in ("without", "with", "again"))
    assert len(without) >= 9 and first == pytest.approx(without, abs=1e-6) and later == pytest.approx(without, abs=1e-6)
