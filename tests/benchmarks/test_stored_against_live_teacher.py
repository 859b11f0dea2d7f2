"""The benchmark on tiny models, of which no speed is asked; its KL against scipy's, its losses against the trainer's tests."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from benchmarks.stored_against_live_teacher import left_out, main
from tests.trainer import folders, utterances
from voxsmith.models.top_log_probs import TopLogProbs


def test_what_is_left_out_is_scipys_entropy() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)).double() * 3
    top = logits.log_softmax(-1).topk(32, -1)
    flat = (logits / 2).softmax(-1).numpy()
    rest = torch.stack(
        [torch.zeros(3), (logits.log_softmax(-1) / 2).scatter(1, top.indices, -torch.inf).logsumexp(1)], 1
    )
    kept = TopLogProbs.of(top.indices.numpy(), top.values.numpy(), rest.numpy())
    got = left_out(logits, kept, kept.rest[:, 1], 2.0)
    ids = top.indices.numpy()
    for row in range(3):
        others = np.setdiff1d(np.arange(50), ids[row])
        alike = flat[row].copy()
        alike[others] = flat[row][others].mean()
        assert float(got["mass"][row]) == pytest.approx(flat[row][ids[row]].sum(), rel=1e-6)
        assert float(got["kl"][row]) == pytest.approx(entropy(flat[row], alike), rel=1e-4)
        assert abs(float(got["kl_of_rounding"][row])) < 1e-7


def test_losses_and_steps_of_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders.llm(tmp_path / "llm")
    folders.whisper(tmp_path / "whisper")
    utterances.export(tmp_path / "export", tmp_path / "llm", 6)
    sets = [f"data=[{{path: {tmp_path}/export, task: continue}}]", f"llm.model={tmp_path}/llm"]
    sets += [f"encoder.model={tmp_path}/whisper", "adapter.hidden=32", "schedule.budget=2"]
    arguments = ["--steps", "2", "--json", str(tmp_path / "out.json")]
    main(arguments + [argument for one in sets for argument in ("--set", one)])
    printed, wrote = capsys.readouterr().out, json.loads((tmp_path / "out.json").read_text())
    for temperature in ("1.0", "2.0"):
        one = wrote["temperatures"][temperature]
        losses = one["losses"]
        assert one["rows"] == 6 < one["positions"] and 0 < one["least_mass"] <= one["mass"] < 1
        assert 0 < losses["stored"][0] < losses["live"][0] and 0 <= one["kl_of_rounding"] < 1e-5 < one["kl"]
    assert losses["stored, others reckoned"] != losses["stored"]
    assert set(wrote["steps"]["cpu_seconds"]) == {"live", "stored"} and "live / stored, of CPU: " in printed
