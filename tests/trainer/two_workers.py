"""What each of two processes does in the tests of workers; spawned, so it must be importable."""

import gc
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing

from tests.trainer import tiny
from voxsmith.trainer.fit.loop import PHASES, Exploded, step
from voxsmith.trainer.fit.run import fit
from voxsmith.trainer.fit.stream import shared_out
from voxsmith.trainer.fit.workers import ALONE, Workers, joined, make_alike
from voxsmith.trainer.phases.what_learns import compute_again
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.shards import in_shards, shard, whole

CPU = torch.device("cpu")
# Of 6 steps the rows of each of two workers: uneven ones, and at last none.
STEPS = [[[0, 1, 2], [3]], [[4], [5, 6]], [[7, 8], [1]], [[2], [0]], [[3, 4, 5, 6], [7]], [[8], []]]
# Phases, and what learns, of networks in shards.
SHARDS: dict[str, tuple[str, dict[str, Any]]] = {
    "answer": ("answer", {"learns": "all", "shards": True}),
    "again": ("answer", {"learns": "all", "again": True, "shards": True}),
    "distil": ("distil", {"learns": "lora", "shards": True}),
    "units": ("units", {"shards": True}),
    "bf16": ("answer", {"learns": "all", "shards": True, "precision": "bf16"}),
}


def both(folder: Path, recipes: dict[str, TrainRecipe]) -> None:
    """All that is tested of two processes, in two that are joined on loopback: starting them takes seconds."""
    multiprocessing.spawn(_one, args=(folder, recipes), nprocs=2)


def _one(rank: int, folder: Path, recipes: dict[str, TrainRecipe]) -> None:
    if sys.platform == "linux":
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        curves(rank, folder)
        exploded(rank, folder)
        run(rank, folder, recipes["two"])
        run(rank, folder, recipes["whole"])
        run(rank, folder, recipes["part"], 2)
        run(rank, folder, recipes["part"])
        run(rank, folder, recipes["shards"], 5)
        run(rank, folder, recipes["generates"])
    finally:
        gc.collect()  # layers in shards hold the group, which must end before the process does
        distributed.destroy_process_group()


def curves(rank: int, folder: Path) -> None:
    """Curve and weights of each phase, also with weights in shards."""
    with joined(CPU) as workers:
        torch.save({phase: trained(phase, workers) for phase in PHASES}, folder / f"{rank}.pt")
        torch.save(
            {case: trained(phase, workers, **of) for case, (phase, of) in SHARDS.items()}, folder / f"{rank}-shards.pt"
        )


def trained(
    phase: str,
    workers: Workers = ALONE,
    learns: str = "nothing",
    again: bool = False,
    shards: bool = False,
    precision: str = "float32",
) -> dict[str, Any]:
    """6 steps: by one worker, which accumulates, or its share of them by one of two. `learns`: of LLM and encoder; `again`:
    activations are computed again.
    """
    parts = {part: {"model": part, "learns": learns} for part in ("llm", "encoder")}
    recipe = tiny.recipe(phase=phase, run={"precision": precision}, **parts)
    network = tiny.network(recipe)
    network.train()
    groups = PHASES[recipe.phase].learns(network, recipe)
    if not workers.first:
        with torch.no_grad():
            groups[0].parameters[0].add_(1.0)  # as if this one had drawn other weights
    if again:
        compute_again(network)
    make_alike(groups, workers)
    if shards:
        groups = shard(network, groups, recipe, CPU)
    optimiser = torch.optim.SGD([{"params": group.parameters, "lr": 1e-2} for group in groups], foreach=False)
    losses = []
    for rows in STEPS:
        shared = shared_out(rows, workers, shards)
        batches = [replace(tiny.batch(network, some), spare=spare) for some, spare in shared]
        losses.append(step(network, batches, groups, optimiser, recipe, workers))
    in_parts = sum(in_shards(value) for value in network.parameters())
    learnt = whole({name: value.detach() for name, value in network.named_parameters() if value.requires_grad}, True)
    return {
        "losses": [[one.loss, *one.terms.values(), *one.norms.values()] for one in losses],
        "weights": {name: value.clone() for name, value in learnt.items()},
        "in_shards": in_parts,
    }


def exploded(rank: int, folder: Path) -> None:
    """The second worker has a row that gives no number: both stop, and say which row; nothing has moved."""
    recipe = tiny.recipe(phase="answer")
    network = tiny.network(recipe)
    groups = PHASES[recipe.phase].learns(network, recipe)
    before = [parameter.detach().clone() for parameter in groups[0].parameters]
    batch = tiny.batch(network, [rank])
    if rank == 1:
        batch.mel[0, 0, 0] = float("nan")
    with joined(CPU) as workers:
        try:
            step(network, [batch], groups, torch.optim.SGD(network.parameters(), 1.0), recipe, workers)
        except Exploded as error:
            still = all(torch.equal(a, b) for a, b in zip(before, groups[0].parameters, strict=True))
            (folder / f"{rank}.txt").write_text(f"{error}; still {still}")


def run(rank: int, folder: Path, recipe: TrainRecipe, last: int | None = None) -> None:
    """A run, or its first `last` steps, behind which the second worker wants to stop."""
    asked = [0]

    def stopped() -> bool:
        asked[0] += 1
        return rank == 1 and last is not None and asked[0] > last

    with (folder / f"said-{rank}.txt").open("a") as said:
        fit(recipe, lambda line: print(line, file=said), CPU, stopped)
