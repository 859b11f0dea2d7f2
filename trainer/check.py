"""What a run would use and do, by arithmetic, before anything is loaded: config.json and the tokenizer of models are enough."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from voxsmith.models.chat import Chat
from voxsmith.schemas.errors import RecipeError
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import Built, chat_of, outline
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.length import SECONDS
from voxsmith.trainer.data.mixture import Source, repeated
from voxsmith.trainer.fit.corpus import Corpus, corpus, planned, steps, summary
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.fit.teacher import which_teacher
from voxsmith.trainer.flops import Operations
from voxsmith.trainer.memory import GIB, Memory, Size, memory
from voxsmith.trainer.networks.whisper import MEL_RATE
from voxsmith.trainer.probe import Bucket, probe
from voxsmith.trainer.recipe import TrainRecipe

_USABLE = 0.9  # of a device's memory: the rest is the allocator's and the libraries'
_LENGTHS = (2.5, 5.0, 10.0, 20.0, SECONDS)  # seconds of a clip
_ROOM = 1.5  # over the most units a token of the corpus


class DoesNotFit(Exception):
    """The device is too small for the recipe's largest batch."""


@dataclass(frozen=True)
class Lengths:
    """Of a source's usable rows, int64 [n] each: tokens of the answer, and of the transcript. `units`: of those where units are
    learned, [n] or empty.
    """

    answer: np.ndarray
    transcript: np.ndarray
    units: np.ndarray


def check(recipe: TrainRecipe, gib: float | None = None, tried_on: torch.device | None = None) -> Iterator[str]:
    """A line for each of it; trains nothing. `gib`: memory of the device that is meant; without, this machine's. `tried_on`: a device
    on which the largest batches are tried, with the models' weights.

    Raises BadExport, BadCheckpoint, ModelMissing, NoTemplate as `fit` does, RecipeError where nothing can be tried, and behind the
    last line DoesNotFit.
    """
    if tried_on is not None and recipe.run.shards:
        raise RecipeError(
            "--probe tries one process: it can't try run.shards; without it, arithmetic says what each takes"
        )
    built = outline(recipe)
    chat = chat_of(built, recipe)
    train, held_out = corpus(recipe.data, recipe, built, chat), corpus(recipe.validation, recipe, built, chat)
    yield from summary(recipe.data, train)
    yield from summary(recipe.validation, held_out)
    start = checkpoint.named(Path(recipe.start)) if recipe.start and os.path.exists(recipe.start) else None
    yield from _start(recipe, built, start)
    yield from which_teacher(recipe, start)
    groups = PHASES[recipe.phase].learns(built.network, recipe)
    lengths = [_lengths(source, recipe, chat) for source in train.sources]
    sizes = _Sizes(recipe, built, chat, train, lengths)
    yield from _epoch(recipe, train, sizes)
    for group in groups:
        count = sum(parameter.numel() for parameter in group.parameters)
        yield f"{group.name}: {count / 1e6:.1f} M parameters learn, at {group.lr:g}"
    if recipe.phase == "units":
        yield from _upsampling(recipe, train, chat)
    device, room = _device(gib)
    lines, fits = _memory(recipe, built, train, sizes, device, room)
    yield from lines
    buckets = list(_buckets(recipe, built, train, sizes, room))
    for bucket in buckets:
        yield f"  clips up to {bucket.longest:g} s: {bucket.count} rows; a batch of {bucket.most} fits"
    if tried_on is not None:
        yield "tried with made-up rows:"
        results = []
        for line, bucket in probe(recipe, buckets, tried_on):
            yield line
            results.append(bucket)
        buckets = results
    yield _proposed(recipe, buckets)
    if not fits:
        raise DoesNotFit(
            f"the largest batch does not fit into the {room / GIB:.1f} GiB of {device}; what would is above"
        )


def _start(recipe: TrainRecipe, built: Built, place: Path | None) -> Iterator[str]:
    if place is not None:
        checkpoint.check_weights(place, built.network)
        yield f"start: {place}"
        yield from checkpoint.heard_otherwise(place, recipe)
    elif recipe.start:
        yield f"start: {recipe.start} isn't there yet: `fit` needs it; run the earlier phase first"


def _lengths(source: Source, recipe: TrainRecipe, chat: Chat) -> Lengths:
    task = source.task
    columns = (task.answer, task.text, *((task.units,) if recipe.phase == "units" and task.units else ()))
    answer, transcript, units = [], [], []
    for values in source.export.runs(columns, source.usable):
        answer += [len(ids) + 1 for ids in chat.ids(values[task.answer])]
        transcript += [len(ids) for ids in chat.ids(values[task.text])] if recipe.teaches == "live" else []
        units += [len(said) for said in values[columns[2]]] if len(columns) > 2 else []
    return Lengths(np.array(answer), np.array(transcript), np.array(units))


class _Sizes:
    """Sizes of batches, of rows by their places in an epoch."""

    def __init__(self, recipe: TrainRecipe, built: Built, chat: Chat, train: Corpus, lengths: list[Lengths]) -> None:
        self._padded_to = recipe.encoder.padded_to
        self._lengths, self._sources, self._network = lengths, train.sources, built.network
        prompts = [chat.around_speech(source.task.request) for source in train.sources]
        self.operations = Operations(built.network, recipe).of
        self._prompts = [len(prompt.before) + len(prompt.after) for prompt in prompts]

    def row(self, source: int, row: int) -> Size:
        of = self._lengths[source]
        mel = round((self._padded_to or self._sources[source].seconds[row]) * MEL_RATE)
        heard = int(self._network.embeddings(torch.tensor([mel]))[0])
        answer, prompt = int(of.answer[row]), self._prompts[source]
        taught = prompt + int(of.transcript[row]) + answer if len(of.transcript) else 0
        return Size(1, mel, heard, prompt + heard + answer, answer, taught, int(of.units[row]) if len(of.units) else 0)


def _together(sizes: list[Size]) -> Size:
    """Of a batch of these rows: each as long as the longest."""
    return Size(
        len(sizes), *(max(getattr(size, name) for size in sizes) for name in list(Size.__dataclass_fields__)[1:])
    )


def _epoch(recipe: TrainRecipe, train: Corpus, sizes: _Sizes) -> Iterator[str]:
    places, plan = planned(train, recipe, 0, recipe.run.processes)
    rows = [sizes.row(place.source, place.row) for place in places]
    each = recipe.schedule.accumulate * recipe.run.processes
    fill = batches.filled([row.mel for row in rows], plan)
    yield (
        f"an epoch: {len(places)} rows in {len(plan)} steps of {each} {'batch' if each == 1 else 'batches'}, "
        f"{fill:.0%} of their seconds and {batches.filled([row.tokens for row in rows], plan):.0%} of their tokens no padding"
    )
    yield (
        f"  {sum(row.tokens for row in rows):,} tokens: {sum(row.answer for row in rows):,} of answers, "
        f"{sum(row.heard for row in rows):,} of speech"
    )
    total = steps(train, recipe, recipe.run.processes)
    yield f"the run: {total} steps" if total else f"the run: {recipe.schedule.minutes:g} minutes by the clock"
    operations = sum(sizes.operations(row) for row in rows)
    yield f"  {operations:.2e} operations an epoch" + (
        f", {operations * total / len(plan):.2e} in all" if total else ""
    )


def _upsampling(recipe: TrainRecipe, train: Corpus, chat: Chat) -> Iterator[str]:
    """Frames a token: 1.5 times the most units a token, of all rows with units, also of those that are left out. The blank
    between two like units counts as one.
    """
    assert recipe.decoder is not None
    units, tokens = [], []
    for source in train.sources:
        task = source.task
        assert task.units is not None
        for values in source.export.runs((task.answer, task.units)):
            rows = [(text, said) for text, said in zip(*values.values(), strict=True) if text and said]
            units += [len(said) + repeated(said) for _, said in rows]
            tokens += [len(ids) + 1 for ids in chat.ids([text for text, _ in rows])]
    count, states = np.array(units), np.array(tokens)
    ratio = count / states
    wanted = math.ceil(_ROOM * float(ratio.max()))
    if not recipe.decoder.phase:  # a row holds 1 + upsampling * (states - 1)
        wanted = max(wanted, math.ceil(float(((count - 1) / np.maximum(1, states - 1)).max())))
    yield (
        f"units a token: {ratio.mean():.1f} on average, {np.percentile(ratio, 95):.1f} in 95 % of the rows, "
        f"{ratio.max():.1f} at most: decoder.upsampling is {recipe.decoder.upsampling}, proposed is {wanted}"
    )


def _device(gib: float | None) -> tuple[str, float]:
    """What computes, and its bytes of memory."""
    if gib is not None:
        return "the device meant", gib * GIB
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(), float(torch.cuda.get_device_properties(0).total_memory)
    return "this machine, without a GPU,", float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _memory(
    recipe: TrainRecipe, built: Built, train: Corpus, sizes: _Sizes, device: str, room: float
) -> tuple[list[str], bool]:
    """What is said of it, and whether the largest batch fits."""
    places, plan = planned(train, recipe, 0, recipe.run.processes)
    there = [[places[row] for row in rows] for step in plan for rows in step if rows]
    whole = [_together([sizes.row(place.source, place.row) for place in rows]) for rows in there]
    over = _over(recipe)
    needs = [memory(built, recipe, size, over) for size in whole]
    largest = max(range(len(needs)), key=lambda number: needs[number].total)
    fits = needs[largest].total <= _USABLE * room
    lines = [
        _parts(needs[largest], whole[largest], over),
        f"{device} has {room / GIB:.1f} GiB: {'it fits' if fits else 'it does not fit'}",
    ]
    if recipe.run.shards or not fits:
        lines += _shared_out(recipe, built, whole[largest], room)
    if needs[largest].fixed > _USABLE * room:
        lines.append(
            "  the weights alone are too much: learn lora, take a smaller model, or several GPUs with weights in shards"
        )
    return lines, fits


def _over(recipe: TrainRecipe) -> int:
    """Processes over which weights are in shards."""
    return recipe.run.processes if recipe.run.shards else 1


def _shared_out(recipe: TrainRecipe, built: Built, size: Size, room: float) -> Iterator[str]:
    """Which number of processes has room for this batch, each with a device as large."""
    needs = {count: memory(built, recipe, size, count).total for count in (2, 4, 8, 16, 32, 64)}
    said = ", ".join(f"{count} {need / GIB:.1f} GiB" for count, need in needs.items())
    enough = next((count for count, need in needs.items() if need <= _USABLE * room), None)
    yield f"  with run.shards each of several processes takes: {said}"
    yield (
        f"  {enough} processes are enough" if enough else "  not even 64 processes are enough: a smaller batch, perhaps"
    )


def _parts(need: Memory, size: Size, over: int) -> str:
    parts = ", ".join(
        f"{name} {getattr(need, name) / GIB:.2f}"
        for name in ("weights", "gradients", "moments", "activations", "logits")
    )
    whose = f" of each of {over} processes" if over > 1 else ""
    return (
        f"memory{whose}: {need.total / GIB:.2f} GiB: {parts}; for the largest batch, {size.rows} rows of "
        f"{size.mel / MEL_RATE:.1f} s and {size.tokens} tokens"
    )


def _buckets(recipe: TrainRecipe, built: Built, train: Corpus, sizes: _Sizes, room: float) -> Iterator[Bucket]:
    """Of each length, how many rows fit beside the weights."""
    shortest = 0.0
    for longest in _LENGTHS:
        rows = [
            sizes.row(number, row)
            for number, source in enumerate(train.sources)
            for row, seconds in enumerate(source.seconds)
            if shortest < (recipe.encoder.padded_to or seconds) <= longest
        ]
        shortest = longest
        if not rows:
            continue
        row = replace(_together(rows), rows=1)
        need = memory(built, recipe, row, _over(recipe))
        most = int((_USABLE * room - need.fixed) // max(1, need.total - need.fixed))
        yield Bucket(longest, len(rows), row, max(0, most))


def _proposed(recipe: TrainRecipe, buckets: list[Bucket]) -> str:
    """The budget that no bucket's batch goes beyond."""
    budget = min(bucket.most * bucket.seconds for bucket in buckets)
    if budget < 1:
        return "  not even a row of each length fits: set run.checkpointing, or take a smaller model"
    return f"  schedule.budget is {recipe.schedule.budget:g} s a batch; up to {math.floor(budget)} s fit"
