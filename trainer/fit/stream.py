"""The batches of a run, from where it is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch.utils.data import DataLoader

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data.collate import Collate
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.fit.corpus import Corpus, planned
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.recipe import TrainRecipe


def stream(
    train: Corpus, recipe: TrainRecipe, state: State, device: torch.device, workers: Workers
) -> Iterator[list[Batch]]:
    """This worker's micro-batches of each step from where the run is, epoch after epoch, without end. Moves `state` to the next
    epoch. At the end of an epoch a worker may have none, but for spare ones where weights are in shards.
    """
    while True:
        places, whole = planned(train, recipe, state.epoch, workers.count)
        wanted = [
            [([places[row] for row in rows], spare) for rows, spare in shared_out(step, workers, recipe.run.shards)]
            for step in whole[state.place :]
        ]
        flat = [one for step in wanted for one in step]
        loader = DataLoader(
            flat,
            batch_size=None,
            num_workers=recipe.run.workers,
            collate_fn=Spared(train.collate),
            generator=torch.Generator(),  # else it draws a seed from dropout's, also where a run goes on amid an epoch
        )
        made = iter(loader)
        for step in wanted:
            yield [next(made).to(device) for _ in step]
        state.epoch, state.place = state.epoch + 1, 0


def shared_out(step: list[list[int]], workers: Workers, shards: bool) -> list[tuple[list[int], bool]]:
    """This worker's batches of a step, and whether they are spare. A layer in shards is put together by all workers: who has no
    batch takes a row of another's, which counts as nothing.
    """
    mine = step[workers.rank :: workers.count]
    if not shards or workers.count == 1:
        return [(rows, False) for rows in mine if rows]
    rounds = range(0, len(step), workers.count)
    needed = [any(step[start : start + workers.count]) for start in rounds]
    row = next(rows[0] for rows in step if rows)
    return [(rows or [row], not rows) for rows, is_needed in zip(mine, needed, strict=True) if is_needed]


@dataclass(frozen=True)
class Spared:
    """Makes batches of rows, and of spare ones."""

    collate: Collate

    def __call__(self, one: tuple[list[Place], bool]) -> Batch:
        rows, spare = one
        return replace(self.collate(rows), spare=spare)
