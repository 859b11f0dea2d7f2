"""Stage 2 of LLaMA-Omni: the speech decoder alone learns to say the answer in units, from the states of an LLM that stands still."""

import torch
from torch import Tensor

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.speech_llm import SpeechLLM, answer_states
from voxsmith.trainer.objectives import IGNORED, ctc, predicting
from voxsmith.trainer.phases.terms import Group, Term, Unlearnable
from voxsmith.trainer.recipe import TrainRecipe

NAMES = ("units",)  # of the terms


def learns(network: SpeechLLM, recipe: TrainRecipe) -> list[Group]:
    assert network.decoder is not None and recipe.decoder is not None
    network.requires_grad_(False)
    network.decoder.requires_grad_(True)
    network.llm.eval()
    network.encoder.eval()
    return [Group("decoder", recipe.decoder.lr, tuple(network.decoder.parameters()))]


def counts(batch: Batch) -> dict[str, Tensor]:
    assert batch.units is not None
    return {"units": (batch.units != IGNORED).sum()}


def terms(network: SpeechLLM, batch: Batch, recipe: TrainRecipe) -> dict[str, Term]:
    """Raises Unlearnable with the ids of rows whose units have no alignment: they are left out before training."""
    del recipe
    assert network.decoder is not None and batch.units is not None
    if batch.states is not None:
        states, tokens = batch.states, predicting(batch.labels).sum(1)
    else:
        with torch.no_grad():
            states, tokens = answer_states(network.states(batch), batch.labels)
    logits, frames = network.decoder(states.float(), tokens)
    total, impossible = ctc(logits, frames, batch.units, network.decoder.blank)
    if bool(impossible.any()):
        rows = [name for name, is_one in zip(batch.ids, impossible.tolist(), strict=True) if is_one]
        message = f"no alignment of the units of {', '.join(rows)}: more of them, with repeats, than frames"
        raise Unlearnable(message, total.sum)
    return {"units": Term(total.sum)}
