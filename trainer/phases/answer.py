"""Stage 1 of LLaMA-Omni: the adapter, and the LLM where the recipe says so, learn to answer what they hear in text."""

from torch import Tensor

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import answer_cross_entropy, predicting
from voxsmith.trainer.phases.terms import Group, Term
from voxsmith.trainer.phases.what_learns import prepare
from voxsmith.trainer.recipe import TrainRecipe

NAMES = ("answer",)  # of the terms


def learns(network: SpeechLLM, recipe: TrainRecipe) -> list[Group]:
    network.requires_grad_(False)
    network.adapter.requires_grad_(True)
    adapter = Group("adapter", recipe.adapter.lr, tuple(network.adapter.parameters()))
    return [adapter, *prepare("llm", network.llm, recipe.llm), *prepare("encoder", network.encoder, recipe.encoder)]


def counts(batch: Batch) -> dict[str, Tensor]:
    return {"answer": predicting(batch.labels).sum()}


def terms(network: SpeechLLM, batch: Batch, recipe: TrainRecipe) -> dict[str, Term]:
    del recipe
    return {"answer": Term(answer_cross_entropy(network(batch).logits, batch.labels).sum)}
