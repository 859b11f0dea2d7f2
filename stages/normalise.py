"""`normalise`: a text as the voice gets it, every number, sign and abbreviation written out."""

import re

from voxsmith.schemas.columns import Spoken, full_name, text_column
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.spoken import spoken


class Config(StageConfig):
    """Settings of `normalise`."""

    of: Spoken


def normalise(row: Row, context: Context) -> Asking:
    """Writes the group's spoken. Raises Reject where nothing is left to say."""
    text = row[text_column(context.config.of)]
    said = spoken(text)
    if not re.search(r"[^\W\d_]", said):
        raise Reject("unspeakable", "nothing in this text can be said aloud", text)
    return {full_name(context.config.of, "spoken"): said}
    yield  # a stage's function is a generator, even where it asks nothing


STAGE = Stage(
    name="normalise",
    config=Config,
    reads=lambda config: (text_column(config.of),),
    writes=lambda config: (full_name(config.of, "spoken"),),
    run=normalise,
    packages=("WeTextProcessing",),
    extra="quickstart",
)
