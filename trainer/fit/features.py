"""What a frozen encoder hears, from the disk where it is kept, and else kept."""

from dataclasses import replace
from pathlib import Path

import torch

from voxsmith.models import references
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.data.features import Features
from voxsmith.trainer.fit.loop import autocast
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.networks.whisper import encode, frames_of
from voxsmith.trainer.recipe import TrainRecipe


def kept_features(recipe: TrainRecipe) -> Features | None:
    """The folder that the recipe names; None where it names none. bf16 where the run computes in bf16."""
    settings = recipe.encoder
    if settings.features is None:
        return None
    dtype = torch.bfloat16 if recipe.run.precision == "bf16" else torch.float32
    folder = Path(settings.features).expanduser()
    return Features(folder, references.identity(settings.model), dtype, int(settings.features_gb * 1e9))


def with_frames(batch: Batch, network: SpeechLLM, recipe: TrainRecipe, features: Features | None) -> Batch:
    """The batch with the frames of its clips, which are kept if they weren't; without `features` as it is."""
    if features is None or batch.frames is not None:
        return batch
    with torch.no_grad(), autocast(network, recipe):
        frames = features.rounded(encode(network.encoder, batch.mel, batch.mel_lengths))
    counts = frames_of(batch.mel_lengths).tolist()
    for key, one, count in zip(batch.keys, frames, counts, strict=True):
        features.put(key, one[:count])
    return replace(batch, frames=frames)
