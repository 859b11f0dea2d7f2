"""The batches of a run, from where it is."""

import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data.collate import Collate
from voxsmith.trainer.data.exports import BadExport
from voxsmith.trainer.data.mixture import Place
from voxsmith.trainer.fit.corpus import Corpus, planned
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.recipe import TrainRecipe

_Loaded = TypeVar("_Loaded")


def stream(
    train: Corpus, recipe: TrainRecipe, state: State, device: torch.device, workers: Workers
) -> Generator[list[Batch], None, None]:
    """This worker's micro-batches of each step from where the run is, epoch after epoch, without end. Moves `state` to the next
    epoch. At the end of an epoch a worker may have none, but for spare ones where weights are in shards.

    One loader serves all epochs: its processes aren't started anew, and the first batches of an epoch are made while the last
    steps of the one before are taken. Close the generator: they end with it.
    """

    @lru_cache(maxsize=2)  # the loader may be an epoch ahead
    def steps_of(epoch: int) -> list[list[tuple[list[Place], bool]]]:
        places, whole = planned(train, recipe, epoch, workers.count)
        mine = [shared_out(step, workers, recipe.run.shards) or [([], False)] for step in whole]
        return [[([places[row] for row in rows], spare) for rows, spare in step] for step in mine]

    def wanted() -> Iterator[tuple[list[Place], bool]]:
        epoch, first = state.epoch, state.place
        while True:
            yield from (rows for step in steps_of(epoch)[first:] for rows in step)
            epoch, first = epoch + 1, 0

    loader = DataLoader(
        _Asked(),
        batch_size=None,
        sampler=wanted(),
        num_workers=recipe.run.workers,
        collate_fn=Spared(train.collate),
        generator=torch.Generator(),  # else it draws a seed from dropout's, also where a run goes on amid an epoch
        worker_init_fn=without_signals,
    )
    with drawn_from(loader) as loaded:
        while True:
            for step in steps_of(state.epoch)[state.place :]:
                mine = [next_batch(loaded) for _ in step]
                yield [batch.to(device) for batch in mine if batch is not None]
            state.epoch, state.place = state.epoch + 1, 0


@contextmanager
def drawn_from(loader: "DataLoader[Any]") -> Iterator[Iterator[Any]]:
    """What the loader makes; its processes end with the block. By itself PyTorch ends them once nothing refers to the iterator,
    which the traceback of an error does for as long as the command lives, and that would wait for them: signals don't end them.
    """
    loaded = iter(loader)
    try:
        yield loaded
    finally:
        if end := getattr(loaded, "_shutdown_workers", None):  # where there are processes
            end()


def next_batch(loaded: Iterator[_Loaded]) -> _Loaded:
    """Raises BadExport in one line: of a row that a process of the loader read, PyTorch hands on the traceback in it."""
    try:
        return next(loaded)
    except BadExport as error:
        raise BadExport(str(error).rpartition(f"{BadExport.__name__}: ")[2].strip()) from None


def without_signals(worker: int) -> None:
    """Ctrl-C and a terminal's end go to all processes of a command. One that reads rows goes on until its parent has saved."""
    del worker
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class _Asked(Dataset[tuple[list[Place], bool]]):
    """What the sampler draws are the rows of a batch; what reads them is the loader's `collate_fn`."""

    def __getitem__(self, rows: tuple[list[Place], bool]) -> tuple[list[Place], bool]:
        return rows


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
    """Makes batches of rows, and of spare ones; none of no rows."""

    collate: Collate

    def __call__(self, asked: tuple[list[Place], bool]) -> Batch | None:
        rows, spare = asked
        return replace(self.collate(rows), spare=spare) if rows else None
