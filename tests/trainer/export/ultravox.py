"""A tiny checkpoint for the tests of export to Ultravox, what it answers itself, and clips."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.trainer import folders
from voxsmith.models.chat import Chat
from voxsmith.schemas.tasks import MARKER
from voxsmith.trainer import checkpoint
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data.mel import log_mel
from voxsmith.trainer.phases.what_learns import prepare
from voxsmith.trainer.recipe import TrainRecipe

REQUEST = f"{MARKER}\nPlease directly answer the questions in the user's speech."


def recipe(models: Path, **changes: Any) -> TrainRecipe:
    keys: dict[str, Any] = {
        "name": "tiny",
        "phase": "answer",
        "data": [{"path": "corpus"}],
        "llm": {"model": str(models / "llm")},
        "encoder": {"model": str(models / "whisper")},
        "adapter": {"kind": "stack_projector", "group": 8, "hidden": 64},
        "schedule": {"steps": 1},
        "run": {"precision": "float32"},
    }
    return TrainRecipe.model_validate(keys | changes)


def saved(folder: Path, **changes: Any) -> Path:
    """A checkpoint of random weights, also of what learns by LoRA."""
    if not (folder / "llm").exists():
        folders.llm(folder / "llm")
        folders.whisper(folder / "whisper")
    made = recipe(folder, **changes)
    network = build(made).network
    for name, part, settings in (("llm", network.llm, made.llm), ("encoder", network.encoder, made.encoder)):
        prepare(name, part, settings)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if "lora_B" in name:  # it starts at zero
                value.normal_(std=0.2)
    return checkpoint.save(folder, network, torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]), State(), made)


def clip(seconds: float, seed: int) -> np.ndarray:
    """A tone that swells, in noise, float32 at 16 kHz."""
    time = np.arange(round(16000 * seconds)) / 16000
    tone = np.sin(2 * np.pi * (200 + 90 * seed) * time) * time / seconds
    noise = np.random.default_rng(seed).normal(size=len(time))
    return (0.3 * tone + 0.05 * noise).astype(np.float32)


def heard(built: Built, samples: np.ndarray) -> tuple[Batch, Chat]:
    """The prompt about one clip, as a batch of one row."""
    chat, bins = Chat(built.tokenizer), built.network.encoder.config.num_mel_bins
    mel = log_mel(samples, bins, built.network.seconds(len(samples)))[None]
    lengths = torch.tensor([mel.shape[-1]])
    count, around = int(built.network.embeddings(lengths)), chat.around_speech(REQUEST)
    tokens = torch.tensor([[*around.before, *[0] * count, *around.after]])
    speech = torch.zeros_like(tokens, dtype=torch.bool)
    speech[:, len(around.before) : len(around.before) + count] = True
    return Batch(("row",), mel, lengths, tokens, speech, torch.ones_like(speech), torch.zeros_like(tokens)), chat


def greedy(built: Built, batch: Batch, end: int, most: int = 12) -> list[int]:
    """What the network says, token by token, each time on all that was said so far."""
    said: list[int] = []
    with torch.no_grad():
        while len(said) < most and (not said or said[-1] != end):
            said.append(int(built.network(batch).logits[0, -1].argmax()))
            batch = replace(
                batch,
                tokens=torch.cat([batch.tokens, torch.tensor([[said[-1]]])], 1),
                speech=torch.cat([batch.speech, torch.tensor([[False]])], 1),
                attended=torch.cat([batch.attended, torch.tensor([[True]])], 1),
            )
    return said
