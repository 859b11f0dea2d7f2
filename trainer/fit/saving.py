"""Checkpoints of a run on its way: all workers take part, the first one writes; the best one has a name of its own."""

import os
import shutil
from pathlib import Path

import torch

from voxsmith.trainer import checkpoint
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.recipe import TrainRecipe


class CantWrite(Exception):
    """A checkpoint could not be written; the message says why, and what is left."""


def save(
    folder: Path,
    network: SpeechLLM,
    optimiser: torch.optim.Optimizer,
    state: State,
    recipe: TrainRecipe,
    workers: Workers,
) -> None:
    """Write the checkpoint of this step, name it `best` if it is, and remove those that aren't kept. Raises CantWrite on all workers
    where the first one can't: then what was there before is there.
    """
    random, wrong = workers.gathered(checkpoint.random_state()), ""
    try:
        checkpoint.save(folder, network, optimiser, state, recipe, random, write=workers.first)
        if workers.first:
            keep_best(folder, state, recipe.run.keep)
    except OSError as error:
        wrong = f"{error.strerror or error}: {error.filename or folder}"
        left = checkpoint.checkpoints(folder)
        wrong += (
            f"; {left[-1]} is whole: the same command goes on from there" if left else "; there is no checkpoint yet"
        )
    if said := "".join(workers.gathered(wrong)):  # the others wait until it is there
        raise CantWrite(said)


def keep_best(folder: Path, state: State, keep: int) -> None:
    """Name the checkpoint just written FOLDER/best if it is that, and remove all but the latest `keep` and the best. The name is a
    link, which points to the one or the other at any time. Raises OSError.
    """
    best = f"step-{state.best_step:08}" if state.best_step is not None else None
    if best and state.best_step == state.step:
        fresh, name = folder / ".best.writing", folder / "best"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("checkpoints") / best)
        if name.is_dir() and not name.is_symlink():  # the run was copied by what follows links
            shutil.rmtree(name)
        os.replace(fresh, name)
    checkpoint.prune(folder, keep, best)
