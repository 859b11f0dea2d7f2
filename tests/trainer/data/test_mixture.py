"""Which rows are used: units against torch's own CTC, and exports mixed by weight, counted by hand through a recipe's epochs."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.helpers.made_corpus import row, tone, write_corpus
from tests.trainer import folders
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.build import build, chat_of
from voxsmith.trainer.data import batches
from voxsmith.trainer.data.exports import Export
from voxsmith.trainer.data.mixture import Limits, Source, repeated, sort_out
from voxsmith.trainer.fit.corpus import Corpus, corpus, planned, summary
from voxsmith.trainer.recipe import TrainRecipe


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=9), st.integers(1, 16))
def test_frames_hold_units_and_a_blank_between_two_that_are_alike(units: list[int], frames: int) -> None:
    """An alignment exists, as torch's CTC finds, exactly where there are frames for all of these."""
    scores = torch.zeros(frames, 1, 4).log_softmax(-1)
    loss = F.ctc_loss(scores, torch.tensor([units]), torch.tensor([frames]), torch.tensor([len(units)]), blank=3)
    assert math.isfinite(float(loss)) == (len(units) + repeated(units) <= frames)


def foreign(folder: Path, rows: list[list[int]]) -> Export:
    """An export of somebody else: bare, its units not merged."""
    clip = {"bytes": tone(0.5), "path": "x.flac"}
    values = {
        "id": [f"row-{number}" for number in range(len(rows))],
        "query_audio": [clip] * len(rows),
        "query_text": ["Who?"] * len(rows),
        "query_duration": [0.5] * len(rows),
        "answer_text": ["a b c"] * len(rows),
        "answer_units": rows,
    }
    datasets.Dataset.from_dict(values).save_to_disk(str(folder))
    return Export(folder)


def test_rows_whose_units_have_no_room_are_left_out_by_reason(tmp_path: Path) -> None:
    """Three tokens of two frames: a decoder whose first block is one frame has 1 + 2 x 2 = 5."""
    rows = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [1, 1, 2, 2], [1, 1, 2, 3], [2, 2, 2]]
    source = Source(foreign(tmp_path, rows), TASKS["answer"])
    sort_out(source, Limits(lambda text: len(text.split()), lambda tokens: 1 + 2 * (tokens - 1), units=7))
    scores = torch.zeros(5, 1, 8).log_softmax(-1)
    fits = [
        bool(F.ctc_loss(scores, torch.tensor([one]), torch.tensor([5]), torch.tensor([len(one)]), blank=7).isfinite())
        for one in rows
    ]
    assert source.usable == [number for number, one in enumerate(fits) if one] == [0, 3, 4]
    assert source.left_out == {
        "more units than the decoder can say": 1,
        "more units than the decoder can say, with a blank between two that are alike": 1,
    }


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixture")
    folders.llm(folder / "llm")
    folders.whisper(folder / "whisper")
    write_corpus(folder / "large", [row(i) for i in range(12)], [])
    write_corpus(folder / "small", [row(i) for i in range(20, 28)], [])
    return folder


def mixed(ready: Path, weights: tuple[float, ...], **changes: Any) -> tuple[TrainRecipe, Corpus]:
    """`large` (12 rows), `small` (8 rows), and `small` once more to be transcribed."""
    data = [
        {"path": str(ready / name), "task": task, "weight": weight}
        for (name, task), weight in zip((("large", "answer"), ("small", "answer"), ("small", "transcribe")), weights)
    ]
    keys: dict[str, Any] = {
        "name": "mixed",
        "phase": "answer",
        "data": data,
        "llm": {"model": str(ready / "llm")},
        "encoder": {"model": str(ready / "whisper")},
        "adapter": {"kind": "stack_projector", "group": 4, "hidden": 32},
        "schedule": {"epochs": 1, "budget": 2.0},
    }
    of = TrainRecipe.model_validate(keys | changes)
    built = build(of)
    return of, corpus(of.data, of, built, chat_of(built, of))


def test_an_epoch_has_each_export_s_rows_as_often_as_its_weight_says(ready: Path) -> None:
    of, data = mixed(ready, (1.5, 0.25, 1.0))
    seen: Counter[tuple[int, int]] = Counter()
    for epoch in range(8):
        places, steps = planned(data, of, epoch)
        assert sorted(number for step in steps for batch in step for number in batch) == list(range(len(places)))
        each = Counter(place.source for place in places)
        assert each == {0: 18, 1: 2, 2: 8}  # 12 x 1.5, 8 x 0.25, 8
        often = Counter((place.source, place.row) for place in places)
        assert sorted(often[0, number] for number in range(12)) == [1] * 6 + [2] * 6
        assert max(often[1, number] for number in range(8)) == 1 and all(often[2, number] == 1 for number in range(8))
        seen += often
    assert sum(seen.values()) == 8 * 28 and len(set(seen)) > 12 + 8 + 2, "the same share each epoch"
    assert planned(data, of, 3) == planned(data, of, 3) != planned(data, of, 4)


def test_a_batch_holds_rows_of_several_exports_each_with_its_own_request(ready: Path) -> None:
    of, data = mixed(ready, (1.0, 1.0, 1.0), schedule={"epochs": 1, "budget": 100.0})
    places, steps = planned(data, of, 0)
    ((batch,),) = steps
    made = data.collate([places[number] for number in batch])
    assert len(made.ids) == 28 and len(set(made.ids)) == 20, "small is there twice"
    answers = Counter(int((labels != -100).sum()) for labels in made.labels)
    chat = data.collate.chat
    long = len(chat.answer(row(0)["answer_text"]))
    short = Counter(len(chat.answer(row(i)["query_text"])) for i in range(20, 28))
    assert answers == Counter({long: 20}) + short


def test_shares_of_workers_are_those_of_one_that_accumulates(ready: Path) -> None:
    of, data = mixed(ready, (1.0, 0.5, 1.0), schedule={"epochs": 1, "budget": 2.0, "accumulate": 2})
    one, alone = (
        planned(data, of, 0, workers=2),
        mixed(ready, (1.0, 0.5, 1.0), schedule={"epochs": 1, "budget": 2.0, "accumulate": 4}),
    )
    assert one == planned(alone[1], alone[0], 0) and all(len(step) == 4 for step in one[1])
    costs = [data.sources[place.source].seconds[place.row] for place in one[0]]
    assert all(len(batch) * max(costs[n] for n in batch) <= 2.0 for step in one[1] for batch in step if len(batch) > 1)
    assert 0.5 < batches.filled(costs, one[1]) <= 1.0


def test_the_summary_has_a_line_for_each(ready: Path) -> None:
    of, data = mixed(ready, (1.0, 1.0, 1.0))
    assert [line.rpartition("/")[2] for line in summary(of.data, data)] == [
        "large: 12 rows, 0.00 h, for the task answer",
        "small: 8 rows, 0.00 h, for the task answer",
        "small: 8 rows, 0.00 h, for the task transcribe",
    ]
