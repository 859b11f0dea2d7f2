"""A step of the peers' work as a stage from outside, `peer.trivial` in a recipe."""

from typing import Any

from pydantic import Field
from work import RATE, STEPS

from voxsmith.stages.context import Context, Row
from voxsmith.stages.stage import Stage, StageConfig

# By kind, the column that each step reads, and at last what the third writes; of ours, as there are no others.
COLUMNS = {
    "text": ("instruction", "query_text", "query_attempts", "answer_text"),
    "audio": ("instruction", "query_audio", "query_mos", "answer_text"),
}
THEIRS = {"text": ("text", "shouted", "words", "told"), "audio": ("text", "clip", "level", "told")}


class Config(StageConfig):
    kind: str
    step: int = Field(ge=0, le=2)
    sample_rate: int = RATE


def run(row: Row, context: Context):  # type: ignore[no-untyped-def]
    kind, step = context.config.kind, context.config.step
    given: Any = row[COLUMNS[kind][step]]
    if kind == "audio" and step == 1:
        given = given["bytes"]
    made = STEPS[kind][step]({THEIRS[kind][step]: given})[THEIRS[kind][step + 1]]
    if kind == "audio" and step == 0:
        made = {"bytes": made, "path": f"{row['id']}.wav"}
    return {COLUMNS[kind][step + 1]: made}
    yield


STAGE = Stage(
    name="trivial",
    config=Config,
    reads=lambda config: (COLUMNS[config.kind][config.step],),
    writes=lambda config: (COLUMNS[config.kind][config.step + 1],),
    run=run,
)
