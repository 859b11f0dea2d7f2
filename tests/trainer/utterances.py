"""A small export of rows that are one utterance, with what a teacher thinks of them: texts made up, tones as clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets.table import InMemoryTable

from tests.helpers.made_corpus import ANSWER, TASKS, tone
from tests.helpers.talk import drive
from voxsmith.schemas.columns import COLUMNS, column
from voxsmith.stages import teacher
from voxsmith.stages.context import Context
from voxsmith.stages.engines.teacher import transformers

OTHERS = {"translation_de": pa.string()}


def utterance(number: int) -> dict[str, Any]:
    words = ANSWER.split()
    seconds = 0.5 + 0.1 * (number % 4)
    return {
        "id": f"u{number}",
        "audio": {"bytes": tone(seconds, hertz=200 + 20 * number), "path": f"u{number}.flac"},
        "duration": seconds,
        "transcript": TASKS[number % len(TASKS)][1],
        "continuation": " ".join(words[number % 3 : 4 + number % 5]),
        "translation_de": TASKS[number % len(TASKS)][0],
    }


def export(folder: Path, llm: Path, rows: int, read: Sequence[dict[str, Any]] = ({},), **changes: Any) -> Path:
    """`read`: settings of the stage `teacher`, once for each task; `changes`: of all rows."""
    made = [utterance(number) for number in range(rows)]
    engine = transformers.BACKEND.load(transformers.Config(model=str(llm)))
    for settings in read:
        config = teacher.Config.model_validate(settings)
        for row in made:
            row |= drive(teacher.teacher(row, Context(config)), lambda asked: engine.submit(asked).result(60))[0]
    engine.close()
    made = [row | changes for row in made]
    schema = pa.schema([(name, OTHERS.get(name) or column(name, COLUMNS).type) for name in made[0]])  # type: ignore[union-attr]
    datasets.Dataset(InMemoryTable(pa.Table.from_pylist(made, schema))).save_to_disk(str(folder))
    return folder
