"""`normalise`: a text as the voice gets it, every number, sign and abbreviation written out."""

import re

from voxsmith.schemas.columns import Side
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.spoken import spoken


class Config(StageConfig):
    """Settings of `normalise`."""

    of: Side


def normalise(row: Row, context: Context) -> Asking:
    """Writes {of}_spoken. Raises Reject where nothing is left to say."""
    text = row[f"{context.config.of}_text"]
    said = spoken(text)
    if not re.search(r"[^\W\d_]", said):
        raise Reject("unspeakable", "nothing in this text can be said aloud", text)
    return {f"{context.config.of}_spoken": said}
    yield  # a stage's function is a generator, even where it asks nothing


STAGE = Stage(
    name="normalise",
    config=Config,
    reads=lambda config: (f"{config.of}_text",),
    writes=lambda config: (f"{config.of}_spoken",),
    run=normalise,
    packages=("WeTextProcessing",),
    extra="quickstart",
)
