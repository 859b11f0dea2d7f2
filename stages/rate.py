"""`rate`: how good a clip sounds, as a model predicts listeners would say."""

from pydantic import Field

from voxsmith.schemas.columns import Side
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.mos import Rate
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    """Settings of `rate`."""

    of: Side
    attempts: int = Field(1, ge=1, description="how often the text is spoken at most")
    attempt: int = Field(1, ge=1, description="which try this is")


def rate(row: Row, context: Context) -> Asking:
    """Writes {of}_mos_{attempt}, 1 to 5."""
    config: Config = context.config
    score = yield Rate(clip=row[f"{config.of}_audio_{config.attempt}"]["bytes"])
    return {f"{config.of}_mos_{config.attempt}": score.mos}


STAGE = Stage(
    name="rate",
    config=Config,
    reads=lambda config: (f"{config.of}_audio_{config.attempt}",),
    writes=lambda config: (f"{config.of}_mos_{config.attempt}",),
    run=rate,
    engine="mos",
    from_pipeline=("attempt", "attempts"),
)
