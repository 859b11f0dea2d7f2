"""A checkpoint on an export: each row once as it is, and once with the speech of another row.

The other row is the next one in the order of batches, so clips are of like length. A model that answers as well behind another
row's speech doesn't listen.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from voxsmith.schemas.tasks import TaskName
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import Built, chat_of
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.data.unit_kind import agree
from voxsmith.trainer.eval import measures
from voxsmith.trainer.eval.measures import Measured
from voxsmith.trainer.fit.corpus import Corpus, corpus
from voxsmith.trainer.fit.loop import autocast
from voxsmith.trainer.generated.generator import Generated, Generator, Wanted, chosen_rows
from voxsmith.trainer.recipe import Data, TrainRecipe


@dataclass(frozen=True)
class Evaluation:
    """`rows`: with their own speech; `shuffled`: the same rows, in the same order, with that of another, empty where there is one
    row alone, or nobody asks; `left_out`: rows that can't be used, by reason; `generated`: None where nobody asks.
    """

    checkpoint: str
    export: str
    split: str | None
    task: TaskName
    phase: str
    rows: list[Measured]
    shuffled: list[Measured]
    left_out: dict[str, int]
    generated: Generated | None = None


def evaluate(
    place: Path,
    export: Path,
    split: str | None,
    task: TaskName | None,
    device: torch.device,
    wanted: Wanted,
    shuffle: bool = True,
) -> Evaluation:
    """Measure the checkpoint, or the latest one of a run's folder. `task`: without, that of the recipe's first data. Raises
    BadCheckpoint, BadExport, BadSpeech, CantTalk, ModelMissing.
    """
    place = checkpoint.named(place)
    built, recipe = checkpoint.load(place)
    # What is measured is the distance to the whole distribution, whatever was learned from.
    recipe = recipe.model_copy(update={"distil": recipe.distil.model_copy(update={"teacher": "live"})})
    task = task or recipe.data[0].task
    learned = next((one for one in recipe.data if one.task == task), None)
    data = Data(path=str(export), split=split, task=task, to=learned.to if learned else "en")
    chat = chat_of(built, recipe)
    held_out = corpus([data], recipe, built, chat)
    agree(held_out.sources, checkpoint.unit_kind(place), str(place))
    generator = Generator(built, recipe, chat, wanted, device)
    built.network.to(device)
    order = planned(held_out, recipe)
    rows = measured(built, held_out, recipe, order, device)
    flat = [place for some in order for place in some]
    hears = dict(zip(flat, [*flat[1:], flat[0]], strict=True))
    others = replace(held_out, collate=replace(held_out.collate, hears=hears))
    shuffled = measured(built, others, recipe, order, device) if shuffle and len(flat) > 1 else []
    left_out = dict(held_out.sources[0].left_out)
    generated = generator(held_out.collate) if wanted.rows else None
    return Evaluation(str(place), str(export), split, task, recipe.phase, rows, shuffled, left_out, generated)


def planned(data: Corpus, recipe: TrainRecipe) -> list[list[Place]]:
    """All rows in batches, in an order that depends on the data and the recipe's seed and budget alone."""
    return [some for (some,) in chosen_rows(data.sources, recipe, data.rows)]


def measured(
    built: Built, data: Corpus, recipe: TrainRecipe, order: list[list[Place]], device: torch.device
) -> list[Measured]:
    """What the phase of the recipe learns is measured: answers always, units or the distance to the teacher beside them."""
    network = built.network
    every: list[Measured] = []
    with torch.no_grad(), autocast(network, recipe):
        for places in order:
            batch = data.collate(places).to(device)
            heard = network(batch)
            rows = measures.answers(batch, heard.logits)
            if recipe.phase == "distil":
                teacher = network.teach(batch)
                measures.against_teacher(rows, batch, heard.logits, teacher, recipe.distil.temperature)
            elif recipe.phase == "units" and network.decoder is not None:
                measures.units(rows, batch, network.decoder, heard.states)
            every += rows
    return every
