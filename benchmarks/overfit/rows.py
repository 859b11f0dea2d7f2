"""Eight rows of an export, through the trainer's own classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer import checkpoint
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build, chat_of
from voxsmith.trainer.data.mixture import costs, drawn
from voxsmith.trainer.fit.corpus import corpus
from voxsmith.trainer.fit.features import kept_features, with_frames
from voxsmith.trainer.fit.loop import autocast
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.recipe import TrainRecipe

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Rows:
    """`batch`: the rows with the shortest clips, with the frames of the encoder, which stands still; `end`: the token that ends an
    answer.
    """

    recipe: TrainRecipe
    built: Built
    batch: Batch
    end: int


def recipe(stage: int, changes: dict[str, Any]) -> TrainRecipe:
    """The recipe of the stage with its profile tiny, `changes` made: keys with dots, and values."""
    path = str(ROOT / "configs" / "train" / f"llama_omni_stage{stage}.yaml")
    return checked(TrainRecipe, read_yaml(path), path, changes, "tiny")


def rows(of: TrainRecipe, count: int) -> Rows:
    """The networks and the batch. Where the recipe names a checkpoint to start from, with its weights."""
    built, features = build(of), kept_features(of)
    if of.start:
        checkpoint.load_weights(checkpoint.named(Path(of.start)), built.network)
    chat = chat_of(built, of)
    data = corpus(of.data, of, built, chat, features)
    places = drawn(data.sources, of.seed, 0)
    shortest = [place for _, place in sorted(zip(costs(data.sources, places), places), key=lambda pair: pair[0])]
    built.network.requires_grad_(False).eval()
    batch = with_frames(data.collate(shortest[:count]), built.network, of, features)
    return Rows(of, built, batch, chat.end)


class Remembering(SpeechLLM):
    """The same networks, of which all but the decoder stand still: the LLM's states of a batch are made once."""

    def __init__(self, of: Rows) -> None:
        network = of.built.network
        super().__init__(network.encoder, network.adapter, network.llm, network.decoder)
        with torch.no_grad(), autocast(network, of.recipe):
            self.made = {of.batch.ids: network.states(of.batch)}

    def states(self, batch: Batch) -> Tensor:
        return self.made[batch.ids]
