"""Steps: the micro-batches of all workers make one gradient, as if they were one batch."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.fit.workers import ALONE, Workers, add_up
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases import answer, distil, units
from voxsmith.trainer.phases.terms import Group, Unlearnable
from voxsmith.trainer.recipe import Phase, TrainRecipe

PHASES: Mapping[Phase, ModuleType] = {"answer": answer, "distil": distil, "units": units}


class Exploded(Exception):
    """A loss or a gradient is no finite number; the message names the rows."""


@dataclass(frozen=True)
class Losses:
    """Of a step, over all workers: means by term, the loss, and the norms of gradients by group, before they are clipped."""

    terms: dict[str, float]
    loss: float
    norms: dict[str, float]


def step(
    network: SpeechLLM,
    batches: Sequence[Batch],
    groups: Sequence[Group],
    optimiser: torch.optim.Optimizer,
    recipe: TrainRecipe,
    workers: Workers = ALONE,
) -> Losses:
    """One update from the batches of this worker and of all others. Raises Exploded: then nothing has moved.

    Each term is its sum over all batches of all workers divided by their count: it doesn't matter how rows were put together.
    """
    counts = _counted(PHASES[recipe.phase], batches, workers)
    optimiser.zero_grad(set_to_none=True)
    sums, wrong = dict.fromkeys(["loss", *counts], 0.0), ""
    try:
        for batch in batches:
            for name, value in _backward(network, batch, counts, recipe).items():
                sums[name] += value
    except (Exploded, Unlearnable) as error:
        # The others wait for this worker's gradients: no number among them makes them stop, too.
        wrong = str(error)
        groups[0].parameters[0].grad = torch.full_like(groups[0].parameters[0], float("nan"))
    add_up(groups, workers)
    norms = {group.name: float(_clipped(group, recipe.schedule.clip)) for group in groups}
    if not all(map(_is_finite, norms.values())):
        said = [text for text in workers.gathered(wrong) if text]
        rows = [text for text in workers.gathered(", ".join(name for batch in batches for name in batch.ids)) if text]
        raise Exploded("; ".join(said) or f"a gradient is no finite number with the rows {', '.join(rows)}")
    optimiser.step()
    totals = workers.total(torch.tensor(list(sums.values()), dtype=torch.float64)).tolist()
    loss, *terms = totals
    return Losses({name: value / counts[name] for name, value in zip(counts, terms, strict=True)}, loss, norms)


def _backward(network: SpeechLLM, batch: Batch, counts: dict[str, float], recipe: TrainRecipe) -> dict[str, float]:
    """Add the batch's gradients to those that are there; its part of the loss, and the sums of its terms."""
    with autocast(network, recipe):
        terms = PHASES[recipe.phase].terms(network, batch, recipe)
    loss = sum(term.weight * term.sum / counts[name] for name, term in terms.items())
    if not bool(torch.isfinite(loss)):
        raise Exploded(f"the loss is {float(loss.detach())} with the rows {', '.join(batch.ids)}")
    loss.backward()
    return {"loss": float(loss.detach())} | {name: float(term.sum.detach()) for name, term in terms.items()}


def autocast(network: nn.Module, recipe: TrainRecipe) -> AbstractContextManager[object]:
    if recipe.run.precision == "float32":
        return nullcontext()
    context: AbstractContextManager[object] = torch.autocast(next(network.parameters()).device.type, torch.bfloat16)
    return context


def _counted(phase: ModuleType, batches: Sequence[Batch], workers: Workers) -> dict[str, float]:
    """How much each term is divided by: the counts of all batches of all workers, 1 where there is nothing."""
    each = [phase.counts(batch) for batch in batches]
    names = sorted({name for one in each for name in one}) or sorted(phase.NAMES)
    mine = torch.tensor([float(sum(int(one[name]) for one in each)) for name in names], dtype=torch.float64)
    return dict(zip(names, workers.total(mine).clamp(min=1).tolist(), strict=True))


def _clipped(group: Group, largest: float) -> Tensor:
    norm: Tensor = nn.utils.clip_grad_norm_(group.parameters, largest)
    return norm


def _is_finite(value: float) -> bool:
    return value - value == 0
