"""A checkpoint of a few thousand random weights that can be talked to, and a question."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from tests.helpers.paths import GOLDEN
from tests.trainer import folders
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import build
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.recipe import TrainRecipe

VOCODER = GOLDEN / "vocoder"  # of 20 units


def models_in(folder: Path, positions: int = 200) -> Path:
    """An LLM, a Whisper, and a second of noise at 24 kHz as question.wav."""
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper", positions)
    draw = np.random.default_rng(0)
    soundfile.write(folder / "question.wav", draw.normal(0, 0.1, 24000).clip(-1, 1), 24000)
    return folder


def made(models: Path, folder: Path, units: int | None = 20, **llm: Any) -> Path:
    """A run with one checkpoint, whose decoder has so many units, or none. `llm`: more of the recipe's keys."""
    decoder = {"layers": 1, "width": 32, "heads": 2, "inner": 32, "units": units, "upsampling": 5, "phase": True}
    recipe = TrainRecipe.model_validate(
        {
            "name": "made",
            "phase": "answer",
            "start": "runs/units" if units else None,  # where the decoder has learned
            "data": [{"path": "export", "task": "transcribe"}],
            "llm": {"model": str(models / "llm"), **llm},
            "encoder": {"model": str(models / "whisper")},
            "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
            "decoder": decoder if units else None,
            "schedule": {"steps": 1},
            "run": {"precision": "float32"},
        }
    )
    network = build(recipe).network
    if network.decoder is not None:
        with torch.no_grad():
            network.decoder.phase.weight *= 30  # units that change from frame to frame
    optimiser = torch.optim.AdamW(network.adapter.parameters())
    return checkpoint.save(folder, network, optimiser, State(step=1), recipe).parents[1]
