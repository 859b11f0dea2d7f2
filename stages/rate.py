"""`rate`: how good a clip sounds, as a model predicts listeners would say."""

from pydantic import Field

from voxsmith.schemas.columns import Of, full_name
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.mos import Rate
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    """Settings of `rate`."""

    of: Of
    attempts: int = Field(1, ge=1, description="how often the text is spoken at most")
    attempt: int = Field(
        1, ge=0, description="which try this is; 0: the clip isn't tried again, nobody of ours spoke it"
    )


def rate(row: Row, context: Context) -> Asking:
    """Writes the attempt's mos, 1 to 5."""
    (clip,), (mos,) = _reads(context.config), _writes(context.config)
    score = yield Rate(clip=row[clip]["bytes"])
    return {mos: score.mos}


def _reads(config: Config) -> tuple[str, ...]:
    return (full_name(config.of, "audio", config.attempt),)


def _writes(config: Config) -> tuple[str, ...]:
    return (full_name(config.of, "mos", config.attempt),)


STAGE = Stage(
    name="rate",
    config=Config,
    reads=_reads,
    writes=_writes,
    run=rate,
    engine="mos",
    from_pipeline=("attempt", "attempts"),
)
