"""What a run is fed with: epoch after epoch as planned, from any place on, with and without processes."""

from itertools import islice
from typing import Any

import pytest
import torch

from tests.trainer import tiny
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data.mixture import Place, Source
from voxsmith.trainer.fit.corpus import Corpus, planned
from voxsmith.trainer.fit.stream import stream
from voxsmith.trainer.fit.workers import Workers
from voxsmith.trainer.recipe import TrainRecipe

NOTHING: Any = None


def names(places: list[Place]) -> Batch:
    """In place of what collate makes: a batch that says which rows it was asked for."""
    some = torch.zeros(len(places), 1)
    return Batch(tuple(str(place.row) for place in places), *[some] * 6)


def corpus(rows: int) -> Corpus:
    seconds = [1.0 + row % 5 for row in range(rows)]
    letters = [7 * row % 30 for row in range(rows)]
    return Corpus([Source(NOTHING, TASKS["answer"], 1.5, list(range(rows)), seconds, letters)], NOTHING)


def wanted(of: Corpus, recipe: TrainRecipe, epoch: int, rank: int, count: int) -> list[list[tuple[str, ...]]]:
    places, steps = planned(of, recipe, epoch, count)
    mine = [[rows for rows in one[rank::count] if rows] for one in steps]
    return [[tuple(str(places[row].row) for row in rows) for rows in one] for one in mine]


@pytest.mark.parametrize("processes", [0, 2])
@pytest.mark.parametrize(("rank", "count"), [(0, 1), (1, 2)])
def test_epochs_come_as_planned_from_any_step_on(processes: int, rank: int, count: int) -> None:
    recipe = tiny.recipe(schedule={"steps": 1, "budget": 9.0, "accumulate": 2}, run={"workers": processes})
    train = corpus(11)
    train.collate = names  # type: ignore[assignment]
    epochs = [wanted(train, recipe, epoch, rank, count) for epoch in range(3)]
    state = State(epoch=0, place=2)
    got = []
    for batches in islice(
        stream(train, recipe, state, torch.device("cpu"), Workers(count, rank)), sum(map(len, epochs)) - 2
    ):
        assert [batch.ids for batch in batches] == epochs[state.epoch][state.place]
        state.place += 1
        got.append(batches)
    assert state.epoch == 2 and state.place == len(epochs[2]) and len(got) > 4


def test_a_worker_without_rows_is_fed_with_nothing() -> None:
    recipe = tiny.recipe(schedule={"steps": 1, "budget": 9.0}, run={"workers": 1})
    train = corpus(1)
    train.collate = names  # type: ignore[assignment]
    train.sources[0].weight = 1.0
    assert list(islice(stream(train, recipe, State(), torch.device("cpu"), Workers(2, 1)), 3)) == [[], [], []]
