"""Steps: the micro-batches of all workers make one gradient, as if they were one batch."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import ModuleType

import torch
from torch import nn

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.fit.workers import ALONE, Workers, add_up, clipped
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases import answer, distil, units
from voxsmith.trainer.phases.terms import Group, Unlearnable
from voxsmith.trainer.recipe import Phase, TrainRecipe

PHASES: Mapping[Phase, ModuleType] = {"answer": answer, "distil": distil, "units": units}


class Exploded(Exception):
    """A loss or a gradient is no finite number; the message names the rows."""


@dataclass(frozen=True)
class Losses:
    """Of a step, over all workers: means by term, the loss, and the norms of gradients by group, before they are clipped. `remark`:
    what is unusual of it.
    """

    terms: dict[str, float]
    loss: float
    norms: dict[str, float]
    remark: str = ""


def step(
    network: SpeechLLM,
    batches: Sequence[Batch],
    groups: Sequence[Group],
    optimiser: torch.optim.Optimizer,
    recipe: TrainRecipe,
    workers: Workers = ALONE,
    watch: Callable[[Losses], str] | None = None,
) -> Losses:
    """One update from the batches of this worker and of all others. Raises Exploded: then nothing has moved. `watch` says what is
    unusual of a step before it is taken.

    Each term is its sum over all batches of all workers divided by their count: it doesn't matter how rows were put together.
    """
    counts = _counted(PHASES[recipe.phase], batches, workers)
    optimiser.zero_grad(set_to_none=True)
    sums, wrong = dict.fromkeys(["loss", *counts], 0.0), ""
    for batch in batches:
        try:
            for name, value in _backward(network, batch, counts, recipe).items():
                sums[name] += value
        except Exploded as error:
            wrong = wrong or str(error)
    if wrong:  # the others wait for this worker's gradients: no number among them makes them stop, too
        groups[0].parameters[0].grad = torch.full_like(groups[0].parameters[0], float("nan"))
    add_up(groups, workers)
    norms = {group.name: clipped(group, recipe.schedule.clip, workers) for group in groups}
    if not all(map(math.isfinite, norms.values())):
        said = [text for text in workers.gathered(wrong) if text]
        raise Exploded("; ".join(said) or f"a gradient is no finite number with the rows {_rows(batches, workers)}")
    totals = workers.total(torch.tensor(list(sums.values()), dtype=torch.float64)).tolist()
    loss, *terms = totals
    losses = Losses({name: value / counts[name] for name, value in zip(counts, terms, strict=True)}, loss, norms)
    if watch is not None and (unusual := watch(losses)):
        remark = f"{unusual}; with the rows {_rows(batches, workers)}"
        if recipe.run.explode == "stop":
            raise Exploded(remark)
        losses = replace(losses, remark=remark)
    optimiser.step()
    return losses


def _rows(batches: Sequence[Batch], workers: Workers) -> str:
    mine = ", ".join(name for batch in batches if not batch.spare for name in batch.ids)
    return ", ".join(text for text in workers.gathered(mine) if text)


def _backward(network: SpeechLLM, batch: Batch, counts: dict[str, float], recipe: TrainRecipe) -> dict[str, float]:
    """Add the batch's gradients to those that are there; its part of the loss, and the sums of its terms. Raises Exploded after
    that: where weights are in shards, the other workers wait for this one on the way back, too.
    """
    try:
        with autocast(network, recipe):
            terms = PHASES[recipe.phase].terms(network, batch, recipe)
    except Unlearnable as error:
        error.sum.backward()
        raise Exploded(str(error)) from None
    loss = sum(term.weight * term.sum / counts[name] for name, term in terms.items() if term.weight)
    if batch.spare:
        (0.0 * loss).backward()
        return {}
    loss.backward()
    # One look at the device for all of them.
    values = torch.stack([loss.detach(), *(term.sum.detach() for term in terms.values())]).tolist()
    if not math.isfinite(values[0]):
        raise Exploded(f"the loss is {values[0]} with the rows {', '.join(batch.ids)}")
    return dict(zip(["loss", *terms], values, strict=True))


def autocast(network: nn.Module, recipe: TrainRecipe) -> AbstractContextManager[object]:
    if recipe.run.precision == "float32":
        return nullcontext()
    context: AbstractContextManager[object] = torch.autocast(next(network.parameters()).device.type, torch.bfloat16)
    return context


def _counted(phase: ModuleType, batches: Sequence[Batch], workers: Workers) -> dict[str, float]:
    """How much each term is divided by: the counts of all batches of all workers, 1 where there is nothing."""
    each = [phase.counts(batch) for batch in batches if not batch.spare]
    mine = torch.tensor([float(sum(int(one[name]) for one in each)) for name in phase.NAMES], dtype=torch.float64)
    return dict(zip(phase.NAMES, workers.total(mine).clamp(min=1).tolist(), strict=True))
