"""Steps: the micro-batches of all workers make one gradient, as if they were one batch."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases import answer, distil, units
from voxsmith.trainer.phases.terms import Group
from voxsmith.trainer.recipe import Phase, TrainRecipe

PHASES: Mapping[Phase, ModuleType] = {"answer": answer, "distil": distil, "units": units}


class Exploded(Exception):
    """A loss or a gradient is no finite number; the message names the rows."""


@dataclass(frozen=True)
class Workers:
    """The processes that train together. `total`: adds a tensor up over all of them; one process has nothing to add."""

    count: int = 1
    rank: int = 0
    total: Callable[[Tensor], Tensor] = lambda tensor: tensor


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
    workers: Workers = Workers(),
) -> Losses:
    """One update from the batches of this worker and of all others. Raises Exploded: then nothing has moved.

    Each term is its sum over all batches of all workers divided by their count: it doesn't matter how rows were put together.
    """
    phase = PHASES[recipe.phase]
    counts = _counted(phase, batches, workers)
    sums = dict.fromkeys(counts, torch.zeros((), dtype=torch.float64))
    optimiser.zero_grad(set_to_none=True)
    weights: dict[str, float] = {}
    for batch in batches:
        with autocast(network, recipe):
            terms = phase.terms(network, batch, recipe)
        loss = sum(term.weight * term.sum / counts[name] for name, term in terms.items())
        if not bool(torch.isfinite(loss)):
            raise Exploded(f"the loss is {float(loss.detach())} with the rows {', '.join(batch.ids)}")
        loss.backward()
        sums = {name: sums[name] + term.sum.detach().double().cpu() for name, term in terms.items()}
        weights = {name: term.weight for name, term in terms.items()}
    _add_up(groups, workers)
    norms = {group.name: float(_clipped(group, recipe.schedule.clip)) for group in groups}
    if not all(map(_is_finite, norms.values())):
        raise Exploded(f"a gradient is no finite number with the rows {', '.join(i for b in batches for i in b.ids)}")
    optimiser.step()
    means = {name: float(workers.total(value)) / counts[name] for name, value in sums.items()}
    return Losses(means, sum(weights.get(name, 1.0) * mean for name, mean in means.items()), norms)


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


def _add_up(groups: Sequence[Group], workers: Workers) -> None:
    """Gradients of all workers together. A worker without rows has none of its own."""
    if workers.count == 1:
        return
    for group in groups:
        for parameter in group.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            workers.total(parameter.grad)


def _clipped(group: Group, largest: float) -> Tensor:
    norm: Tensor = nn.utils.clip_grad_norm_(group.parameters, largest)
    return norm


def _is_finite(value: float) -> bool:
    return value - value == 0
