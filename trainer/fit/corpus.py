"""The data of a run: rows sorted out, and the steps that they make."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxsmith.models import references
from voxsmith.models.chat import Chat
from voxsmith.models.teacher_identity import TeacherIdentity, teacher_identity
from voxsmith.schemas.tasks import Task, said_in, task, usual
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import Built
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.accounts import no_row, noted, reasons
from voxsmith.trainer.data.collate import Collate
from voxsmith.trainer.data.exports import Export
from voxsmith.trainer.data.features import Features
from voxsmith.trainer.data.mixture import Limits, Place, Source, costs, drawn, sort_out, tokens
from voxsmith.trainer.data.unit_kind import Kind, agree, unit_kind
from voxsmith.trainer.networks.whisper import FRAME_RATE
from voxsmith.trainer.recipe import Data, TrainRecipe


@dataclass
class Corpus:
    """The data of a recipe, sorted out, and what makes batches of it."""

    sources: list[Source]
    collate: Collate

    @property
    def rows(self) -> int:
        return sum(len(source.usable) for source in self.sources)


def corpus(
    data: list[Data],
    recipe: TrainRecipe,
    built: Built,
    chat: Chat,
    features: Features | None = None,
    states: Features | None = None,
) -> Corpus:
    """Open the exports and sort out their rows. `features` and `states`: what is kept of the encoder and of the LLM, of rows that
    are learned.

    Raises BadExport, also where no row is left.
    """
    decoder = built.network.decoder if recipe.phase == "units" else None
    limits = Limits(
        lambda text: len(chat.answer(text)),
        decoder.most_units if decoder else None,
        decoder.blank if decoder else 0,
        teacher=_teacher(recipe, chat) if data and recipe.teaches == "stored" else None,
    )
    sources = [_source(named) for named in data]
    for source in sources:
        sort_out(source, limits)
        if decoder is not None and source.task.units:
            source.kind = unit_kind(source.export, source.task.units)
    agree(sources, *_learned(recipe))
    collate = Collate(
        sources,
        chat,
        bins=built.network.encoder.config.num_mel_bins,
        embeddings=built.network.embeddings,
        seconds=recipe.encoder.padded_to,
        filled=built.network.seconds,
        units=recipe.phase == "units",
        teacher=recipe.teaches == "live",
        stored=recipe.distil.temperature if recipe.teaches == "stored" else None,
        words=int(built.network.llm.config.vocab_size),
        features=features,
        states=states,
    )
    sorted_out = Corpus(sources, collate)
    if data and not sorted_out.rows:
        raise no_row(data[0].path, (source.left_out for source in sources))
    return sorted_out


def _source(data: Data) -> Source:
    export = Export(Path(data.path), data.split)
    of = data.of or usual(data.task, export.columns)
    text = data.text or said_in(of, export.columns)
    return Source(export, task(data.task, of, data.to, text), data.weight)


def _teacher(recipe: TrainRecipe, chat: Chat) -> Callable[[Task], TeacherIdentity]:
    """Which teacher the rows of a task must have asked."""
    model = references.identity(recipe.llm.model)
    return lambda of: teacher_identity(model, chat, of.request, recipe.distil.temperature)


def _learned(recipe: TrainRecipe) -> tuple[Kind, str]:
    """What the units are that a decoder has learned which this run goes on with, and where."""
    places = [Path(recipe.out) / recipe.name, *([Path(recipe.start)] if recipe.start else [])]
    for place in map(checkpoint.named, places):
        if kind := checkpoint.unit_kind(place):
            return kind, str(place)
    return {}, ""


def steps(train: Corpus, recipe: TrainRecipe, workers: int = 1) -> int | None:
    """Steps of the whole run; None where the clock decides."""
    schedule = recipe.schedule
    if schedule.minutes:
        return None
    if schedule.steps:
        return schedule.steps
    assert schedule.epochs is not None
    return max(1, round(schedule.epochs * len(planned(train, recipe, 0, workers)[1])))


def planned(
    train: Corpus, recipe: TrainRecipe, epoch: int, workers: int = 1
) -> tuple[list[Place], list[list[list[int]]]]:
    """The rows of the epoch, and for each step those of each micro-batch of all workers: the same for 2 workers as for one that
    accumulates 2.
    """
    places = drawn(train.sources, recipe.seed, epoch)
    schedule = recipe.schedule
    padded_to = recipe.encoder.padded_to
    seconds = [padded_to] * len(places) if padded_to else costs(train.sources, places)
    # Clips of one length have as many embeddings.
    read = tokens(train.sources, places, 0.0 if padded_to else FRAME_RATE / recipe.adapter.group)
    return places, batches.plan(seconds, schedule.budget, recipe.seed, epoch, schedule.accumulate * workers, read)


def summary(named: list[Data], sorted_out: Corpus) -> Iterator[str]:
    """A line for each export: its rows, and those left out by reason."""
    for data, source in zip(named, sorted_out.sources, strict=True):
        hours = sum(source.seconds) / 3600
        yield f"{data.path}: {len(source.usable)} rows, {hours:.2f} h, for the task {data.task}"
        yield from reasons(source.left_out)


def described(train: Corpus, recipe: TrainRecipe) -> list[dict[str, Any]]:
    """What a run notes of its data."""
    return [
        noted(data.path, source.export, len(source.usable), source.digest, source.left_out, source.kind)
        for data, source in zip(recipe.data, train.sources, strict=True)
    ]
