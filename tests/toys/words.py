"""query_text -> query_spoken, with no engine."""

from voxsmith.stages.context import Context, Row
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    pass


def run(row: Row, context: Context):  # type: ignore[no-untyped-def]
    return {"query_spoken": row["query_text"].lower()}
    yield


STAGE = Stage(
    name="toy_words",
    config=Config,
    reads=lambda config: ("query_text",),
    writes=lambda config: ("query_spoken",),
    run=run,
)
