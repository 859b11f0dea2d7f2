"""A training run from its recipe to its last checkpoint."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from voxsmith.trainer import checkpoint
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build, chat_of
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.fit.corpus import Corpus, corpus, described, planned, steps, summary
from voxsmith.trainer.fit.features import kept_features, kept_states, with_frames, with_states
from voxsmith.trainer.fit.generation import Generation
from voxsmith.trainer.fit.log import Log
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.fit.schedule import share
from voxsmith.trainer.fit.validation import validate
from voxsmith.trainer.fit.workers import Workers, joined, make_alike
from voxsmith.trainer.phases.what_learns import compute_again
from voxsmith.trainer.recipe import TrainRecipe


def fit(
    recipe: TrainRecipe,
    say: Callable[[str], None],
    device: torch.device,
    stopped: Callable[[], bool] | None = None,
) -> Path:
    """Train, or go on where the run's latest checkpoint is; its last checkpoint. SIGTERM and Ctrl-C save first, or what makes
    `stopped` true in their place.

    Where processes are joined (`workers.joined`), all of them call this, and see the run's folder: the first one writes and
    speaks for all. Raises BadExport, BadCheckpoint, ModelMissing, Exploded, OSError.
    """
    if device.index is not None:
        torch.cuda.set_device(device)  # for the random state, and for what NCCL gathers
    with joined(device) as workers, stopping() if stopped is None else nullcontext(stopped) as stop:
        return _fit(recipe, say if workers.first else lambda line: None, device, workers, stop)


def _fit(
    recipe: TrainRecipe, say: Callable[[str], None], device: torch.device, workers: Workers, stop: Callable[[], bool]
) -> Path:
    folder = Path(recipe.out) / recipe.name
    built = build(recipe)
    if before := checkpoint.named(Path(recipe.start)) if recipe.start else None:
        checkpoint.load_weights(before, built.network)
    chat = chat_of(built, recipe)
    features, states = kept_features(recipe), kept_states(recipe)
    train = corpus(recipe.data, recipe, built, chat, features, states)
    held_out = corpus(recipe.validation, recipe, built, chat)
    if workers.first:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.json").write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
        (folder / checkpoint.DATA).write_text(json.dumps(described(train, recipe), indent=1), encoding="utf-8")
    for line in (*summary(recipe.data, train), *(checkpoint.heard_otherwise(before, recipe) if before else ())):
        say(line)
    network = built.network.to(device)
    groups = PHASES[recipe.phase].learns(network, recipe)
    if recipe.run.checkpointing:
        compute_again(network)
    make_alike(groups, workers)
    optimiser = torch.optim.AdamW(
        [{"params": group.parameters, "lr": group.lr} for group in groups],
        betas=recipe.schedule.betas,
        weight_decay=recipe.schedule.weight_decay,
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
    total = steps(train, recipe, workers.count)
    generation = Generation(built, recipe, chat, held_out, device, workers)
    with Log(folder, total) if workers.first else nullcontext() as log:
        began, saved = time.monotonic() - state.seconds, state.step
        for made in _steps_of(train, recipe, state, device, workers):
            rows = [with_frames(batch, network, recipe, features) for batch in made]
            rows = [with_states(batch, network, recipe, states) for batch in rows]
            done = _progress(state, recipe, total, time.monotonic() - began)
            done, stops = _agreed(done, stop(), workers)
            if done >= 1 or stops:
                break
            # Of the middle of the step, so that neither the first nor the last one stands still.
            factor = share(done + (0.5 / total if total else 0.0), recipe.schedule.warmup, recipe.schedule.least)
            for group, settings in zip(groups, optimiser.param_groups, strict=True):
                settings["lr"] = group.lr * factor
            start = time.monotonic()
            losses = step(network, rows, groups, optimiser, recipe, workers)
            state.step, state.place = state.step + 1, state.place + 1
            state.seconds = time.monotonic() - began
            rates = {group.name: group.lr * factor for group in groups}
            figures = _figures(rows, time.monotonic() - start, workers)
            if log is not None:
                say(log.step(state.step, losses, rates, figures))
            if held_out.rows and state.step % recipe.run.validate_every == 0:
                values = validate(built, held_out, recipe, device, workers)
                if log is not None:
                    say(log.validation(state.step, values))
            if (values := generation(state.step)) and log is not None:
                say(log.validation(state.step, values))
            if state.step % recipe.run.save_every == 0:
                saved = _save(folder, built, optimiser, state, recipe, workers)
        if saved != state.step or not checkpoint.checkpoints(folder):
            _save(folder, built, optimiser, state, recipe, workers)
        if held_out.rows:
            values = validate(built, held_out, recipe, device, workers)
            if log is not None:
                say(log.validation(state.step, values))
    return checkpoint.checkpoints(folder)[-1]


def _steps_of(
    train: Corpus, recipe: TrainRecipe, state: State, device: torch.device, workers: Workers
) -> Iterator[list[Batch]]:
    """This worker's micro-batches of each step from where the run is, epoch after epoch, without end. Moves `state` to the next
    epoch. At the end of an epoch a worker may have none.
    """
    while True:
        places, whole = planned(train, recipe, state.epoch, workers.count)
        mine = [one[workers.rank :: workers.count] for one in whole[state.place :]]
        wanted = [[[places[row] for row in rows] for rows in one if rows] for one in mine]
        flat = [rows for one in wanted for rows in one]
        loader = DataLoader(
            flat,
            batch_size=None,
            num_workers=recipe.run.workers,
            collate_fn=train.collate,
            generator=torch.Generator(),  # else it draws a seed from dropout's, also where a run goes on amid an epoch
        )
        made = iter(loader)
        for one in wanted:
            yield [next(made).to(device) for _ in one]
        state.epoch, state.place = state.epoch + 1, 0


def _progress(state: State, recipe: TrainRecipe, total: int | None, seconds: float) -> float:
    if total is not None:
        return state.step / total
    assert recipe.schedule.minutes is not None
    return seconds / (60 * recipe.schedule.minutes)


def _agreed(done: float, stops: bool, workers: Workers) -> tuple[float, bool]:
    """The first worker's clock counts, and one worker that stops stops all: in the same step."""
    both = workers.total(torch.tensor([done if workers.first else 0.0, float(stops)], dtype=torch.float64))
    return float(both[0]), bool(both[1] > 0)


def _save(
    folder: Path,
    built: Built,
    optimiser: torch.optim.Optimizer,
    state: State,
    recipe: TrainRecipe,
    workers: Workers,
) -> int:
    random = workers.gathered(checkpoint.random_state())
    if workers.first:
        checkpoint.save(folder, built.network, optimiser, state, recipe, random)
        checkpoint.prune(folder, recipe.run.keep, None)
    workers.gathered("it is there")  # the others wait until it is
    return state.step


def _figures(rows: list[Batch], seconds: float, workers: Workers) -> dict[str, float]:
    """Of all workers."""
    tokens = sum(int(batch.attended.sum()) for batch in rows)
    places = sum(batch.attended.numel() for batch in rows)
    frames = sum(int(batch.mel_lengths.sum()) for batch in rows)
    tokens, places, frames = workers.total(torch.tensor([tokens, places, frames])).tolist()
    return {
        "s/step": seconds,
        "tokens/s": tokens / seconds,
        "audio s/s": frames / 100 / seconds,
        "fill": tokens / max(1, places),
    }


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT has come: the step under way is finished and saved."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda which, _: came.append(which)) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
