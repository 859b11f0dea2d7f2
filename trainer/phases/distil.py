"""Knowledge distillation as in Ultravox: the adapter, and the encoder where the recipe says so, learn to make the LLM say behind
speech what it says behind the transcript.
"""

from torch import Tensor

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import IGNORED, distillation, predicting
from voxsmith.trainer.phases.answer import learns
from voxsmith.trainer.phases.terms import Term
from voxsmith.trainer.recipe import TrainRecipe

NAMES = ("answer", "end")  # of the terms
__all__ = ["counts", "learns", "terms"]


def counts(batch: Batch) -> dict[str, Tensor]:
    return {"answer": predicting(batch.labels).sum(), "end": (batch.labels != IGNORED).any(1).sum()}


def terms(network: SpeechLLM, batch: Batch, recipe: TrainRecipe) -> dict[str, Term]:
    assert batch.teacher_labels is not None
    settings = recipe.distil
    got = distillation(
        network(batch).logits,
        batch.labels,
        network.teach(batch),
        batch.teacher_labels,
        settings.temperature,
        settings.shifted,
    )
    return {"answer": Term(got.answer.sum), "end": Term(got.end.sum, settings.end_weight)}
