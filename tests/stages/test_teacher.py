"""`teacher`: which texts are read, and what is written of them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from tests.helpers.talk import drive
from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.schemas.columns import column
from voxsmith.schemas.tasks import TASKS
from voxsmith.stages import teacher
from voxsmith.stages.context import Context
from voxsmith.stages.requests.teacher import Read, ReadAnswer

ROW = {
    "id": "r",
    "transcript": "It is",
    "continuation": "late.",
    "query_text": "Why?",
    "answer_text": "So.",
    "translation_de": "Es ist",
}
PROBABILITIES = np.array([[0.5, 0.25], [0.9, 0.05], [0.25, 0.125]])
READ = Read(TopLogProbs.of(np.array([[5, 70000]] * 3), np.log(PROBABILITIES), np.zeros((3, 2))), "model m")


@pytest.mark.parametrize(
    ("settings", "read"),
    [
        ({}, ("It is", "late.")),
        ({"task": "transcribe"}, ("It is", "It is")),
        ({"task": "transcribe", "of": "query"}, ("Why?", "Why?")),
        ({"task": "answer", "of": "query"}, ("Why?", "So.")),
        ({"task": "translate", "to": "de"}, ("It is", "Es ist")),
    ],
)
def test_it_reads_the_texts_of_the_task_with_its_request(settings: dict[str, Any], read: tuple[str, str]) -> None:
    config = teacher.Config.model_validate(settings)
    written, (request,) = drive(teacher.teacher(ROW, Context(config)), lambda request: READ)
    assert isinstance(request, ReadAnswer) and (request.transcript, request.answer) == read
    assert {*read} == {ROW[name] for name in teacher.STAGE.reads(config)}
    assert set(written) == set(teacher.STAGE.writes(config))
    wanted = TASKS[config.task].request.replace("English", "German")
    assert request.request == (wanted if settings.get("to") else TASKS[config.task].request)


def test_what_it_writes_fits_its_columns() -> None:
    written, _ = drive(teacher.teacher(ROW, Context(teacher.Config())), lambda request: READ)
    for name, value in written.items():
        declared = column(name)
        assert declared is not None
        back = pa.array([value], declared.type).to_pylist()[0]
        assert back == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)
    assert written["teacher_continue_mass"] == pytest.approx((0.75 + 0.95 + 0.375) / 3, abs=1e-6)
    assert written["teacher_continue_least_mass"] == pytest.approx(0.375, abs=1e-6)
    assert written["teacher_continue_ids"][0][:2] == [5, 70000 - 65536] and written["teacher_continue_ids_high"][0][
        :2
    ] == [0, 1]


def test_a_language_that_there_is_not() -> None:
    with pytest.raises(ValidationError, match="no language 'xx'; there is ar, "):
        teacher.Config(to="xx")
