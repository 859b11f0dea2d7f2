"""How good the network is by now, on rows that are held out."""

import torch

from voxsmith.trainer.build import Built
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.mixture import costs, drawn
from voxsmith.trainer.fit.corpus import Corpus
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.fit.stream import shared_out
from voxsmith.trainer.fit.workers import ALONE, Workers
from voxsmith.trainer.recipe import TrainRecipe


def validate(
    built: Built, data: Corpus, recipe: TrainRecipe, device: torch.device, workers: Workers = ALONE
) -> dict[str, float]:
    """Means of the phase's terms over held-out rows, of which each worker takes its share."""
    phase, network = PHASES[recipe.phase], built.network
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    places = drawn(data.sources, recipe.seed, 0)[: recipe.run.validate_rows]
    budget = recipe.schedule.budget
    steps = batches.plan(costs(data.sources, places), budget, recipe.seed, 0, workers.count)
    sums = torch.zeros(len(phase.NAMES), 2, dtype=torch.float64)
    with torch.no_grad():
        for rows, spare in (mine for step in steps for mine in shared_out(step, workers, recipe.run.shards)):
            batch = data.collate([places[row] for row in rows]).to(device)
            if spare:
                phase.terms(network, batch, recipe)
                continue
            terms, counts = phase.terms(network, batch, recipe), phase.counts(batch)
            sums += torch.tensor([[float(terms[name].sum), float(counts[name])] for name in phase.NAMES])
    for module, mode in modes:  # what stands still may be in another one than what learns
        module.training = mode
    totals = workers.total(sums).tolist()
    return {name: value / max(1.0, count) for name, (value, count) in zip(phase.NAMES, totals, strict=True)}


def loss_of(values: dict[str, float], recipe: TrainRecipe) -> float:
    """What is minimised, of what `validate` gives."""
    first = values[PHASES[recipe.phase].NAMES[0]]
    return first + (recipe.distil.end_weight * values["end"] if recipe.phase == "distil" else 0.0)
