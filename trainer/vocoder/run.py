"""A vocoder's training run, from its recipe to its last checkpoint."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from voxsmith.models import references
from voxsmith.models.mel_form import GRIFFIN_LIM, HOP, RATE, SETTINGS
from voxsmith.models.mel_network import MelNetwork
from voxsmith.models.mel_vocoder import build
from voxsmith.trainer import checkpoint
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.exports import BadExport
from voxsmith.trainer.data.unit_kind import Kind, difference
from voxsmith.trainer.fit.log import Log
from voxsmith.trainer.fit.loop import Exploded, Losses
from voxsmith.trainer.fit.saving import keep_best
from voxsmith.trainer.fit.schedule import share
from voxsmith.trainer.fit.started import started
from voxsmith.trainer.fit.stream import drawn_from, next_batch, without_signals
from voxsmith.trainer.vocoder import losses
from voxsmith.trainer.vocoder.data import Answers, Sounds, answers
from voxsmith.trainer.vocoder.recipe import VocoderRecipe


def settings(recipe: VocoderRecipe, kind: Kind) -> dict[str, Any]:
    """What vocoder.json says."""
    network = recipe.network.model_dump(exclude={"lr"})
    named = {"units": recipe.units, "frame_rate": recipe.frame_rate, "generator": recipe.generator}
    return named | network | {"kind": kind}


def check(recipe: VocoderRecipe) -> Iterator[str]:
    """A line for each of what a run would do; trains nothing. Raises BadExport as `fit` does."""
    train, held_out = answers(recipe.data, recipe), answers(recipe.validation, recipe)
    yield from train.summary()
    yield from held_out.summary()
    network = build(settings(recipe, {}))
    count = sum(parameter.numel() for parameter in network.parameters())
    yield f"vocoder: {count / 1e6:.1f} M parameters learn, at {recipe.network.lr:g}"
    plan = _planned(train, recipe, 0)
    yield f"an epoch: {len(train.places)} rows in {len(plan)} steps, {batches.filled(train.seconds, plan):.0%} of their seconds no padding"
    total = _steps(train, recipe)
    yield f"the run: {total} steps" if total else f"the run: {recipe.schedule.minutes:g} minutes by the clock"
    yield from _generator(recipe)


def _generator(recipe: VocoderRecipe) -> Iterator[str]:
    """Training doesn't need it; who listens does. Raises ModelMissing for a name that isn't known."""
    if recipe.generator != GRIFFIN_LIM and not references.available(recipe.generator):
        yield f"generator: {recipe.generator} isn't on this machine; to hear the result, get it: voxsmith fetch {recipe.generator}"


def fit(
    recipe: VocoderRecipe,
    say: Callable[[str], None],
    device: torch.device,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Train, or go on where the run's latest checkpoint is; its last checkpoint. What makes `stopped` true saves the step under way,
    and ends. Raises BadExport, BadCheckpoint, ModelMissing, Exploded, OSError.
    """
    folder = Path(recipe.out) / recipe.name
    train, held_out = answers(recipe.data, recipe), answers(recipe.validation, recipe)
    for line in (*train.summary(), *_generator(recipe)):
        say(line)
    earlier = checkpoint.checkpoints(folder)
    if earlier and (other := difference(train.kinds[0], checkpoint.unit_kind(earlier[-1]))):
        raise BadExport(
            f"{recipe.data[0].path}: its units have {other} as in {earlier[-1]}, where the run would go on; give it another name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
    (folder / checkpoint.DATA).write_text(json.dumps(train.described(), indent=1), encoding="utf-8")
    for remark in started(folder, train.described(), device):
        say(remark)
    torch.manual_seed(recipe.seed)
    network = build(settings(recipe, {})).to(device)
    schedule = recipe.schedule
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.network.lr, betas=schedule.betas, weight_decay=schedule.weight_decay
    )
    state = State(batches=schedule.accumulate)
    if earlier:
        state = checkpoint.resume(earlier[-1], network, optimiser)
        say(f"goes on from {earlier[-1]}")
    described = {SETTINGS: json.dumps(settings(recipe, train.kinds[0]), indent=1)}

    def save() -> None:
        checkpoint.save(folder, network, optimiser, state, recipe, files=described)
        keep_best(folder, state, recipe.run.keep)

    total = _steps(train, recipe)
    with Log(folder, total, schedule.minutes) as log, closing(_steps_of(train, recipe, state, device)) as steps:
        began, saved, validated = time.monotonic() - state.seconds, state.step, state.step

        def keep(validates: bool, saves: bool) -> None:
            """Look at the rows that are held out, and save where it is time to, or the best that there was."""
            nonlocal validated, saved
            if validates and held_out.places:
                validated, values = state.step, validate(network, held_out, recipe, device)
                say(log.validation(state.step, values))
                if state.best is None or sum(values.values()) < state.best:
                    state.best, state.best_step, saves = sum(values.values()), state.step, True
            if saves:
                save()
                saved = state.step

        for sounds in steps:
            clock = (time.monotonic() - began) / (60 * schedule.minutes) if schedule.minutes else 0.0
            done = state.step / total if total else clock
            if done >= 1 or stopped():
                break
            factor = share(done + (0.5 / total if total else 0.0), schedule.warmup, schedule.least)
            for group in optimiser.param_groups:
                group["lr"] = recipe.network.lr * factor
            start = time.monotonic()
            values = step(network, sounds, optimiser, recipe)
            state.step, state.place, state.seconds = state.step + 1, state.place + 1, time.monotonic() - began
            seconds = sum(float(batch.inside.sum()) for batch in sounds) * HOP / RATE
            took = time.monotonic() - start
            figures = {"s/step": took, "audio s/s": seconds / took}
            say(log.step(state.step, values, {"vocoder": recipe.network.lr * factor}, figures, state.seconds))
            keep(*(state.step % often == 0 for often in (recipe.run.validate_every, recipe.run.save_every)))
        keep(validated != state.step, saved != state.step or not checkpoint.checkpoints(folder))
    return checkpoint.checkpoints(folder)[-1]


def step(
    network: MelNetwork, sounds: Sequence[Sounds], optimiser: torch.optim.Optimizer, recipe: VocoderRecipe
) -> Losses:
    """One update from all batches as if they were one. Raises Exploded: then nothing has moved."""
    totals = {name: sum(float(losses.counts(batch)[name]) for batch in sounds) for name in losses.NAMES}
    sums = dict.fromkeys(losses.NAMES, 0.0)
    optimiser.zero_grad(set_to_none=True)
    for batch in sounds:
        with _autocast(batch.mel.device, recipe):
            terms = losses.terms(network, batch)
        loss = sum(term.weight * term.sum / totals[name] for name, term in terms.items())
        if not bool(torch.isfinite(loss)):
            raise Exploded(f"the loss is {float(loss.detach())} with the rows {', '.join(batch.ids)}")
        loss.backward()
        for name, term in terms.items():
            sums[name] += float(term.sum.detach())
    norm = float(torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.schedule.clip))
    if norm - norm != 0:
        names = ", ".join(name for batch in sounds for name in batch.ids)
        raise Exploded(f"a gradient is no finite number with the rows {names}")
    optimiser.step()
    means = {name: sums[name] / totals[name] for name in losses.NAMES}
    return Losses(means, sum(means.values()), {"vocoder": norm})


def validate(network: MelNetwork, data: Answers, recipe: VocoderRecipe, device: torch.device) -> dict[str, float]:
    """Means of the terms over held-out rows."""
    network.eval()
    sums, totals = dict.fromkeys(losses.NAMES, 0.0), dict.fromkeys(losses.NAMES, 0.0)
    seconds = data.seconds[: recipe.run.validate_rows]
    with torch.no_grad():
        for (rows,) in batches.plan(seconds, recipe.schedule.budget, recipe.seed, 0):
            batch = data.collate(rows).to(device)
            terms, counts = losses.terms(network, batch), losses.counts(batch)
            for name in losses.NAMES:
                sums[name] += float(terms[name].sum)
                totals[name] += float(counts[name])
    network.train()
    return {name: sums[name] / max(1.0, totals[name]) for name in losses.NAMES}


def _autocast(device: torch.device, recipe: VocoderRecipe) -> Any:
    return torch.autocast(device.type, torch.bfloat16) if recipe.run.precision == "bf16" else nullcontext()


def _planned(train: Answers, recipe: VocoderRecipe, epoch: int) -> list[list[list[int]]]:
    """For each step of the epoch the rows of its batches."""
    schedule = recipe.schedule
    return batches.plan(train.seconds, schedule.budget, recipe.seed, epoch, schedule.accumulate)


def _steps(train: Answers, recipe: VocoderRecipe) -> int | None:
    """Steps of the whole run; None where the clock decides."""
    schedule = recipe.schedule
    if schedule.epochs:
        return max(1, round(schedule.epochs * len(_planned(train, recipe, 0))))
    return schedule.steps


def _steps_of(
    train: Answers, recipe: VocoderRecipe, state: State, device: torch.device
) -> Generator[list[Sounds], None, None]:
    """Batches of each step from where the run is, epoch after epoch, without end. Moves `state` to the next epoch. Close it."""
    while True:
        wanted = [[rows for rows in planned if rows] for planned in _planned(train, recipe, state.epoch)[state.place :]]
        loader = DataLoader(
            [rows for rows_of_step in wanted for rows in rows_of_step],
            batch_size=None,
            num_workers=recipe.run.workers,
            collate_fn=train.collate,
            generator=torch.Generator(),  # else it draws a seed from dropout's
            worker_init_fn=without_signals,
        )
        with drawn_from(loader) as loaded:
            for rows_of_step in wanted:
                yield [next_batch(loaded).to(device) for _ in rows_of_step]
        state.epoch, state.place = state.epoch + 1, 0
