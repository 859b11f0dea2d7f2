"""A training run from its recipe to its last checkpoint."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from voxsmith.schemas.hashing import hashed
from voxsmith.trainer import checkpoint
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import Built, build
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.collate import Collate
from voxsmith.trainer.data.exports import BadExport, Export
from voxsmith.trainer.data.mixture import Limits, Place, Source, costs, drawn, sort_out
from voxsmith.trainer.data.prompts import Chat
from voxsmith.trainer.data.tasks import TASKS
from voxsmith.trainer.fit.log import Log
from voxsmith.trainer.fit.loop import PHASES, Workers, step
from voxsmith.trainer.fit.schedule import share
from voxsmith.trainer.recipe import Data, TrainRecipe

_CLIP = 30.0  # seconds


@dataclass
class Corpus:
    """The data of a recipe, sorted out, and what makes batches of it."""

    sources: list[Source]
    collate: Collate

    @property
    def rows(self) -> int:
        return sum(len(source.usable) for source in self.sources)


def corpus(data: list[Data], recipe: TrainRecipe, built: Built, chat: Chat) -> Corpus:
    """Open the exports and sort out their rows. Raises BadExport, also where no row is left."""
    decoder = built.network.decoder if recipe.phase == "units" else None
    limits = Limits(
        lambda text: len(chat.answer(text)), decoder.most_units if decoder else None, decoder.blank if decoder else 0
    )
    sources = [Source(Export(Path(one.path), one.split), TASKS[one.task], one.weight) for one in data]
    for source in sources:
        sort_out(source, limits)
    collate = Collate(
        sources,
        chat,
        bins=built.network.encoder.config.num_mel_bins,
        embeddings=built.network.embeddings,
        seconds=_CLIP if recipe.encoder.pad_to_30s else None,
        units=recipe.phase == "units",
        teacher=recipe.phase == "distil",
    )
    made = Corpus(sources, collate)
    if data and not made.rows:
        reasons = ", ".join(f"{count} {reason}" for source in sources for reason, count in source.left_out.items())
        raise BadExport(f"{data[0].path}: no row can be used: {reasons or 'it is empty'}")
    return made


def fit(recipe: TrainRecipe, say: Callable[[str], None], device: torch.device) -> Path:
    """Train, or go on where the run's latest checkpoint is; its last checkpoint. SIGTERM and Ctrl-C save first.

    Raises BadExport, BadCheckpoint, ModelMissing, Exploded, OSError.
    """
    folder = Path(recipe.out) / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
    built = build(recipe)
    if recipe.start:
        checkpoint.load_weights(Path(recipe.start), built.network)
    chat = Chat(built.tokenizer, recipe.llm.system)
    train, held_out = corpus(recipe.data, recipe, built, chat), corpus(recipe.validation, recipe, built, chat)
    (folder / "data.json").write_text(json.dumps(_described(train, recipe), indent=1), encoding="utf-8")
    for line in _summary(recipe.data, train):
        say(line)
    network = built.network.to(device)
    groups = PHASES[recipe.phase].learns(network, recipe)
    optimiser = torch.optim.AdamW(
        [{"params": group.parameters, "lr": group.lr} for group in groups],
        betas=recipe.schedule.betas,
        weight_decay=recipe.schedule.weight_decay,
    )
    state = State()
    if earlier := checkpoint.checkpoints(folder):
        state = checkpoint.resume(earlier[-1], network, optimiser)
        say(f"goes on from {earlier[-1]}")
    total = _steps(train, recipe)
    with Log(folder, total) as log, _stopping() as stop:
        began, saved = time.monotonic() - state.seconds, state.step
        for rows in _steps_of(train, recipe, state, device):
            done = _progress(state, recipe, total, time.monotonic() - began)
            if done >= 1 or stop():
                break
            # Of the middle of the step, so that neither the first nor the last one stands still.
            factor = share(done + (0.5 / total if total else 0.0), recipe.schedule.warmup, recipe.schedule.least)
            for group, settings in zip(groups, optimiser.param_groups, strict=True):
                settings["lr"] = group.lr * factor
            start = time.monotonic()
            losses = step(network, rows, groups, optimiser, recipe, Workers())
            state.step, state.place = state.step + 1, state.place + 1
            state.seconds = time.monotonic() - began
            rates = {group.name: group.lr * factor for group in groups}
            say(log.step(state.step, losses, rates, _figures(rows, time.monotonic() - start)))
            if held_out.rows and state.step % recipe.run.validate_every == 0:
                say(log.validation(state.step, validate(built, held_out, recipe, device)))
            if state.step % recipe.run.save_every == 0:
                saved = _save(folder, built, optimiser, state, recipe)
        if saved != state.step or not checkpoint.checkpoints(folder):
            _save(folder, built, optimiser, state, recipe)
        if held_out.rows:
            say(log.validation(state.step, validate(built, held_out, recipe, device)))
    return checkpoint.checkpoints(folder)[-1]


def check(recipe: TrainRecipe) -> Iterator[str]:
    """What a run would use and do, a line each; trains nothing. Raises as `fit` does."""
    built = build(recipe)
    if recipe.start:
        checkpoint.load_weights(Path(recipe.start), built.network)
    chat = Chat(built.tokenizer, recipe.llm.system)
    train, held_out = corpus(recipe.data, recipe, built, chat), corpus(recipe.validation, recipe, built, chat)
    yield from _summary(recipe.data, train)
    yield from _summary(recipe.validation, held_out)
    places, planned = _planned(train, recipe, 0)
    fill = batches.filled(costs(train.sources, places), planned)
    yield f"an epoch: {len(planned)} steps of {recipe.schedule.accumulate} batches, {fill:.0%} of their seconds no padding"
    total = _steps(train, recipe)
    yield f"the run: {total} steps" if total else f"the run: {recipe.schedule.minutes:g} minutes by the clock"
    for group in PHASES[recipe.phase].learns(built.network, recipe):
        count = sum(parameter.numel() for parameter in group.parameters)
        yield f"{group.name}: {count / 1e6:.1f} M parameters learn, at {group.lr:g}"
    still = sum(value.numel() * value.element_size() for value in built.network.parameters() if not value.requires_grad)
    learning = sum(value.numel() for value in built.network.parameters() if value.requires_grad)
    # A gradient and AdamW's two moments, all float32, beside each weight that learns.
    yield f"memory before activations: {(still + learning * 16) / 2**30:.2f} GiB"


def validate(built: Built, data: Corpus, recipe: TrainRecipe, device: torch.device) -> dict[str, float]:
    """Means of the phase's terms over held-out rows."""
    phase, network = PHASES[recipe.phase], built.network
    was_training = network.training
    network.eval()
    places = drawn(data.sources, recipe.seed, 0)[: recipe.run.validate_rows]
    planned = batches.plan(costs(data.sources, places), recipe.schedule.budget, recipe.seed, 0)
    sums: dict[str, float] = {}
    counted: dict[str, int] = {}
    with torch.no_grad():
        for (rows,) in planned:
            batch = data.collate([places[row] for row in rows]).to(device)
            for name, term in phase.terms(network, batch, recipe).items():
                sums[name] = sums.get(name, 0.0) + float(term.sum)
                counted[name] = counted.get(name, 0) + int(phase.counts(batch)[name])
    network.train(was_training)
    return {name: value / max(1, counted[name]) for name, value in sums.items()}


def _steps(train: Corpus, recipe: TrainRecipe) -> int | None:
    """Steps of the whole run; None where the clock decides."""
    schedule = recipe.schedule
    if schedule.minutes:
        return None
    if schedule.steps:
        return schedule.steps
    assert schedule.epochs is not None
    return max(1, round(schedule.epochs * len(_planned(train, recipe, 0)[1])))


def _planned(train: Corpus, recipe: TrainRecipe, epoch: int) -> tuple[list[Place], list[list[list[int]]]]:
    """The rows of the epoch, and for each step those of each micro-batch."""
    places = drawn(train.sources, recipe.seed, epoch)
    schedule = recipe.schedule
    return places, batches.plan(costs(train.sources, places), schedule.budget, recipe.seed, epoch, schedule.accumulate)


def _steps_of(train: Corpus, recipe: TrainRecipe, state: State, device: torch.device) -> Iterator[list[Batch]]:
    """Micro-batches of each step from where the run is, epoch after epoch, without end. Moves `state` to the next epoch."""
    while True:
        places, planned = _planned(train, recipe, state.epoch)
        ahead = planned[state.place :]
        wanted = [[[places[row] for row in rows] for rows in one if rows] for one in ahead]
        flat = [rows for one in wanted for rows in one]
        loader = DataLoader(flat, batch_size=None, num_workers=recipe.run.workers, collate_fn=train.collate)
        made = iter(loader)
        for one in wanted:
            yield [next(made).to(device) for _ in one]
        state.epoch, state.place = state.epoch + 1, 0


def _progress(state: State, recipe: TrainRecipe, total: int | None, seconds: float) -> float:
    if total is not None:
        return state.step / total
    assert recipe.schedule.minutes is not None
    return seconds / (60 * recipe.schedule.minutes)


def _save(folder: Path, built: Built, optimiser: torch.optim.Optimizer, state: State, recipe: TrainRecipe) -> int:
    checkpoint.save(folder, built.network, optimiser, state, recipe)
    checkpoint.prune(folder, recipe.run.keep, None)
    return state.step


def _figures(rows: list[Batch], seconds: float) -> dict[str, float]:
    tokens = sum(int(batch.attended.sum()) for batch in rows)
    places = sum(batch.attended.numel() for batch in rows)
    audio = sum(int(batch.mel_lengths.sum()) for batch in rows) / 100
    return {
        "s/step": seconds,
        "tokens/s": tokens / seconds,
        "audio s/s": audio / seconds,
        "fill": tokens / max(1, places),
    }


def _summary(named: list[Data], sorted_out: Corpus) -> Iterator[str]:
    for data, source in zip(named, sorted_out.sources, strict=True):
        hours = sum(source.seconds) / 3600
        yield f"{data.path}: {len(source.usable)} rows, {hours:.2f} h, for the task {data.task}"
        for reason, count in sorted(source.left_out.items()):
            yield f"  {count} rows left out: {reason}"


def _described(train: Corpus, recipe: TrainRecipe) -> list[dict[str, Any]]:
    return [
        {
            "path": data.path,
            "export_key": source.export.manifest.get("export_key"),
            "rows": len(source.usable),
            "digest": hashed(json.dumps(source.usable), 16).hex(),
            "left_out": dict(source.left_out),
        }
        for data, source in zip(recipe.data, train.sources, strict=True)
    ]


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
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
