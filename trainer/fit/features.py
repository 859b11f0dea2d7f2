"""What networks that stand still make of rows, from the disk where it is kept, and else kept."""

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from voxsmith.models import references
from voxsmith.schemas.errors import RecipeError
from voxsmith.trainer import checkpoint
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.data.features import Features
from voxsmith.trainer.fit.loop import autocast
from voxsmith.trainer.networks.speech_llm import SpeechLLM, answer_states
from voxsmith.trainer.networks.whisper import encode, frames_of
from voxsmith.trainer.recipe import TrainRecipe


def kept_features(recipe: TrainRecipe) -> Features | None:
    """Of the encoder: the folder that the recipe names; None where it names none. bf16 where the run computes in bf16."""
    settings = recipe.encoder
    return _store(recipe, settings.features, references.identity(settings.model), settings.features_gb)


def kept_states(recipe: TrainRecipe) -> Features | None:
    """Of the LLM, in the phase units; None where the recipe names no folder. They depend on all that stands before the decoder:
    models, the weights of the earlier phase, and the places of speech.
    """
    if recipe.phase != "units" or recipe.decoder is None or recipe.decoder.states is None:
        return None
    earlier = checkpoint.named(Path(recipe.start)) / "model.safetensors" if recipe.start else None
    parts = [
        references.identity(recipe.llm.model),
        references.identity(recipe.encoder.model),
        recipe.adapter.model_dump_json(exclude={"lr"}),
        recipe.llm.lora.model_dump_json() + recipe.encoder.lora.model_dump_json(),
        _digest(earlier) if earlier else str(recipe.seed),  # of which an adapter without weights is drawn
    ]
    return _store(recipe, recipe.decoder.states, " ".join(parts), recipe.decoder.states_gb)


def _store(recipe: TrainRecipe, folder: str | None, identity: str, gb: float) -> Features | None:
    if folder is None:
        return None
    if Path(folder).expanduser().is_file():
        raise RecipeError(f"{folder}: is a file: encoder.features and decoder.states name folders")
    dtype = torch.bfloat16 if recipe.run.precision == "bf16" else torch.float32
    return Features(Path(folder).expanduser(), identity, dtype, int(gb * 1e9))


def _digest(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "blake2b").hexdigest()


def with_frames(batch: Batch, network: SpeechLLM, recipe: TrainRecipe, features: Features | None) -> Batch:
    """The batch with the frames of its clips, which are kept if they weren't; without `features` as it is."""
    if features is None or batch.frames is not None or batch.states is not None:
        return batch
    with torch.no_grad(), autocast(network, recipe):
        frames = features.rounded(encode(network.encoder, batch.mel, batch.mel_lengths))
    _keep(features, batch.keys, frames, frames_of(batch.mel_lengths))
    return replace(batch, frames=frames)


def with_states(batch: Batch, network: SpeechLLM, recipe: TrainRecipe, kept: Features | None) -> Batch:
    """The batch with the states of its answers, which are kept if they weren't; without `kept` as it is."""
    if kept is None or batch.states is not None:
        return batch
    with torch.no_grad(), autocast(network, recipe):
        states, counts = answer_states(network.states(batch), batch.labels)
    states = kept.rounded(states)
    _keep(kept, batch.state_keys, states, counts)
    return replace(batch, states=states)


def _keep(store: Features, keys: tuple[str, ...], rows: Tensor, lengths: Tensor) -> None:
    for key, row, length in zip(keys, rows, lengths.tolist(), strict=True):
        store.put(key, row[:length])
