"""Stage 1 of LLaMA-Omni: the adapter, and the LLM where the recipe says so, learn to answer what they hear in text."""

from torch import Tensor
from torch.nn import functional as F

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import IGNORED, answer_losses, predicting
from voxsmith.trainer.phases.terms import Group, Term
from voxsmith.trainer.phases.what_learns import prepare
from voxsmith.trainer.recipe import TrainRecipe

NAMES = ("answer", "text", "end", "first")  # of the terms; the last three are seen, and not minimised


def learns(network: SpeechLLM, recipe: TrainRecipe) -> list[Group]:
    network.requires_grad_(False)
    network.adapter.requires_grad_(True)
    adapter = Group("adapter", recipe.adapter.lr, tuple(network.adapter.parameters()))
    return [adapter, *prepare("llm", network.llm, recipe.llm), *prepare("encoder", network.encoder, recipe.encoder)]


def counts(batch: Batch) -> dict[str, Tensor]:
    total, rows = predicting(batch.labels).sum(), (batch.labels[:, 1:] != IGNORED).any(1).sum()
    return {"answer": total, "text": total - rows, "end": rows, "first": rows}


def terms(network: SpeechLLM, batch: Batch, recipe: TrainRecipe) -> dict[str, Term]:
    """The answer's loss, and the parts that its text, its end (the last labelled token of a row) and its first token have in it."""
    del recipe
    total, each = answer_losses(network(batch).logits, batch.labels)
    last = (batch.labels[:, 1:] != IGNORED).sum(1)
    last = last[last > 0].cumsum(0)
    first, end = each[F.pad(last[:-1], (1, 0))].sum(), each[last - 1].sum()
    seen = {"text": each.sum() - end, "end": end, "first": first}
    return {"answer": Term(total.sum)} | {name: Term(value, 0.0) for name, value in seen.items()}
