"""Knowledge distillation as in Ultravox: the adapter, and the encoder where the recipe says so, learn to make the LLM say behind
speech what it says behind the transcript.
"""

from torch import Tensor

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import IGNORED, Distilled, distillation, distillation_of_top, predicting
from voxsmith.trainer.phases.answer import learns
from voxsmith.trainer.phases.terms import Term
from voxsmith.trainer.recipe import TrainRecipe

NAMES = ("answer", "end")  # of the terms
__all__ = ["counts", "learns", "terms"]


def counts(batch: Batch) -> dict[str, Tensor]:
    return {"answer": predicting(batch.labels).sum(), "end": (batch.labels != IGNORED).any(1).sum()}


def terms(network: SpeechLLM, batch: Batch, recipe: TrainRecipe) -> dict[str, Term]:
    settings = recipe.distil
    got = distilled(network, batch, recipe)
    return {"answer": Term(got.answer.sum), "end": Term(got.end.sum, settings.end_weight)}


def distilled(network: SpeechLLM, batch: Batch, recipe: TrainRecipe) -> Distilled:
    """From the LLM as it reads the transcript now, or from what it thought when it was asked before."""
    settings, logits = recipe.distil, network(batch).logits
    if batch.top_ids is not None:
        assert batch.top_log_probs is not None and batch.top_rest is not None
        top = (batch.top_ids, batch.top_log_probs, batch.top_rest)
        return distillation_of_top(logits, batch.labels, *top, settings.temperature)
    assert batch.teacher_labels is not None
    return distillation(
        logits, batch.labels, network.teach(batch), batch.teacher_labels, settings.temperature, settings.shifted
    )
