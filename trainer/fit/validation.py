"""How good the network is by now, on rows that are held out."""

import torch

from voxsmith.trainer.build import Built
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.mixture import costs, drawn
from voxsmith.trainer.fit.corpus import Corpus
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.fit.workers import ALONE, Workers
from voxsmith.trainer.recipe import TrainRecipe


def validate(
    built: Built, data: Corpus, recipe: TrainRecipe, device: torch.device, workers: Workers = ALONE
) -> dict[str, float]:
    """Means of the phase's terms over held-out rows, of which each worker takes its share."""
    phase, network = PHASES[recipe.phase], built.network
    was_training = network.training
    network.eval()
    places = drawn(data.sources, recipe.seed, 0)[: recipe.run.validate_rows]
    budget = recipe.schedule.budget
    some = batches.plan(costs(data.sources, places), budget, recipe.seed, 0, workers.count)
    sums = torch.zeros(len(phase.NAMES), 2, dtype=torch.float64)
    with torch.no_grad():
        for rows in (one[workers.rank] for one in some):
            if not rows:
                continue
            batch = data.collate([places[row] for row in rows]).to(device)
            terms, counts = phase.terms(network, batch, recipe), phase.counts(batch)
            sums += torch.tensor([[float(terms[name].sum), float(counts[name])] for name in phase.NAMES])
    network.train(was_training)
    totals = workers.total(sums).tolist()
    return {name: value / max(1.0, count) for name, (value, count) in zip(phase.NAMES, totals, strict=True)}
