"""A training run from its recipe to its last checkpoint."""

import json
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from time import monotonic

import numpy as np
import torch

from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import build, chat_of
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.fit.corpus import corpus, described, steps, summary
from voxsmith.trainer.fit.features import kept_features, kept_states, with_frames, with_states
from voxsmith.trainer.fit.generation import Generation
from voxsmith.trainer.fit.log import Log
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.fit.meter import Meter
from voxsmith.trainer.fit.saving import save
from voxsmith.trainer.fit.schedule import share
from voxsmith.trainer.fit.started import started
from voxsmith.trainer.fit.still import Still
from voxsmith.trainer.fit.stream import stream
from voxsmith.trainer.fit.teacher import which_teacher
from voxsmith.trainer.fit.validation import loss_of, validate
from voxsmith.trainer.fit.watch import Watch
from voxsmith.trainer.fit.workers import Workers, joined, make_alike
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases.terms import Group
from voxsmith.trainer.phases.what_learns import compute_again
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.shards import shard


def fit(
    recipe: TrainRecipe,
    say: Callable[[str], None],
    device: torch.device,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Train, or go on where the run's latest checkpoint is; its last checkpoint. What makes `stopped` true saves the step under way,
    and ends.

    Where processes are joined (`workers.joined`), all of them call this, and see the run's folder: the first one writes and
    speaks for all. Raises BadExport, BadCheckpoint, ModelMissing, Exploded, Moved, CantWrite, OSError.
    """
    if device.index is not None:
        torch.cuda.set_device(device)  # for the random state, and for what NCCL gathers
    with joined(device) as workers:
        return _fit(recipe, say if workers.first else lambda line: None, device, workers, stopped)


def _fit(
    recipe: TrainRecipe, say: Callable[[str], None], device: torch.device, workers: Workers, stop: Callable[[], bool]
) -> Path:
    folder = Path(recipe.out) / recipe.name
    if workers.first:
        folder.mkdir(parents=True, exist_ok=True)
    built = build(recipe)
    if before := checkpoint.named(Path(recipe.start)) if recipe.start else None:
        checkpoint.load_weights(before, built.network)
    chat = chat_of(built, recipe)
    features, states = kept_features(recipe), kept_states(recipe)
    train = corpus(recipe.data, recipe, built, chat, features, states)
    held_out = corpus(recipe.validation, recipe, built, chat)
    if workers.first:
        (folder / "recipe.json").write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
        data = described(train, recipe)
        (folder / checkpoint.DATA).write_text(json.dumps(data, indent=1), encoding="utf-8")
        for remark in started(folder, data, device, workers.count):
            say(remark)
    for line in summary(recipe.data, train):
        say(line)
    for line in (*(checkpoint.heard_otherwise(before, recipe) if before else ()), *which_teacher(recipe, before)):
        say(line)
    groups = _placed(built.network, recipe, device, workers)
    network = built.network
    optimiser = torch.optim.AdamW(
        [{"params": group.parameters, "lr": group.lr} for group in groups],
        betas=recipe.schedule.betas,
        weight_decay=recipe.schedule.weight_decay,
        foreach=False if recipe.run.shards else None,  # tensors in shards and whole ones don't go together
    )
    if not workers.first:  # another dropout than the first one's
        torch.manual_seed(int(np.random.SeedSequence([recipe.seed, workers.rank]).generate_state(1)[0]))
    batches_a_step = recipe.schedule.accumulate * workers.count
    state = State(batches=batches_a_step)
    if earlier := checkpoint.checkpoints(folder):
        state = checkpoint.resume(earlier[-1], network, optimiser, workers.rank)
        say(f"goes on from {earlier[-1]}")
        # With more or fewer batches a step, about as far in the epoch; with as many, exactly.
        state.place, state.batches = round(state.place * state.batches / batches_a_step), batches_a_step
    still, watch, meter = Still(network, groups), Watch(recipe), Meter(network, recipe, device, workers)
    for group in groups:
        count = sum(parameter.numel() for parameter in group.parameters)
        say(f"{group.name}: {count:,} parameters learn, at {group.lr:g}")
    say(f"{still.numbers:,} parameters stand still")
    total = steps(train, recipe, workers.count)
    generation = Generation(built, recipe, chat, held_out, device, workers)
    with (
        Log(folder, total, recipe.schedule.minutes) if workers.first else nullcontext() as log,
        closing(stream(train, recipe, state, device, workers)) as batches,
    ):
        validated = saved = state.step

        def keep(validates: bool, saves: bool) -> None:
            """Look at the rows that are held out, and save where it is time to, or the best that there was."""
            nonlocal validated, saved
            if validates and held_out.rows:
                validated = state.step
                values = validate(built, held_out, recipe, device, workers)
                if log is not None:
                    say(log.validation(state.step, values))
                if state.best is None or loss_of(values, recipe) < state.best:
                    state.best, state.best_step, saves = loss_of(values, recipe), state.step, True
            if saves:
                still.compare()
                save(folder, network, optimiser, state, recipe, workers)
                saved = state.step

        began = monotonic() - state.seconds
        for rows in meter.waiting(batches):
            rows = [with_frames(batch, network, recipe, features) for batch in rows]
            rows = [with_states(batch, network, recipe, states) for batch in rows]
            done = _progress(state, recipe, total, monotonic() - began)
            done, stops = _agreed(done, stop(), workers)
            if done >= 1 or stops:
                break
            # Of the middle of the step, so that neither the first nor the last one stands still.
            factor = share(done + (0.5 / total if total else 0.0), recipe.schedule.warmup, recipe.schedule.least)
            for group, settings in zip(groups, optimiser.param_groups, strict=True):
                settings["lr"] = group.lr * factor
            losses = step(network, rows, groups, optimiser, recipe, workers, watch)
            still.look()
            state.step, state.place = state.step + 1, state.place + 1
            state.seconds = monotonic() - began
            rates, figures = {group.name: group.lr * factor for group in groups}, meter.figures(rows)
            if losses.remark:
                say(f"step {state.step}: {losses.remark}")
            if log is not None:
                say(log.step(state.step, losses, rates, figures, state.seconds))
            due = [state.step % often == 0 for often in (recipe.run.validate_every, recipe.run.save_every)]
            if (values := generation(state.step)) and log is not None:
                say(log.validation(state.step, values))
            keep(*due)
        keep(validated != state.step, saved != state.step or not checkpoint.checkpoints(folder))
    return checkpoint.checkpoints(folder)[-1]


def _placed(network: SpeechLLM, recipe: TrainRecipe, device: torch.device, workers: Workers) -> list[Group]:
    """Put the network on the device, or this worker's shards of it; what learns."""
    groups: list[Group] = PHASES[recipe.phase].learns(network, recipe)
    if recipe.run.checkpointing:
        compute_again(network)
    if not recipe.run.shards or workers.count == 1:
        network.to(device)
    make_alike(groups, workers)
    if recipe.run.shards and workers.count > 1:
        groups = shard(network, groups, recipe, device)  # from the CPU: a GPU needn't hold all of it
    return groups


def _progress(state: State, recipe: TrainRecipe, total: int | None, seconds: float) -> float:
    if total is not None:
        return state.step / total
    assert recipe.schedule.minutes is not None
    return seconds / (60 * recipe.schedule.minutes)


def _agreed(done: float, stops: bool, workers: Workers) -> tuple[float, bool]:
    """The first worker's clock counts, and one worker that stops stops all: in the same step."""
    both = workers.total(torch.tensor([done if workers.first else 0.0, float(stops)], dtype=torch.float64))
    return float(both[0]), bool(both[1] > 0)
