"""`normalise`: a text as the voice gets it; of English every number, sign and abbreviation is written out."""

import re

from pydantic import Field

from voxsmith.models.text.unsaid import unsaid
from voxsmith.schemas.columns import Spoken, full_name, text_column
from voxsmith.schemas.languages import LanguageCode
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.row_language import language_of, language_read
from voxsmith.stages.text.said_otherwise import said_otherwise
from voxsmith.stages.text.spoken import plain, spoken


class Config(StageConfig):
    """Settings of `normalise`."""

    of: Spoken
    language: LanguageCode = Field(
        "en", description="of rows that have no `language`; in others but en the voice reads numbers and signs itself"
    )


def normalise(row: Row, context: Context) -> Asking:
    """Writes the group's spoken. Raises Reject where nothing is left to say, or a figure or sign would be said wrongly."""
    config: Config = context.config
    text = row[text_column(config.of)]
    in_english = language_of(row, config.language)[:2] == "en"
    if in_english and (parts := unsaid(text)[1]):
        raise Reject("unspeakable", f"code, patterns and entities have no spoken form: {parts[0]!r}", text)
    # What is written out is written out in English.
    said = spoken(text) if in_english else plain(text)
    if not re.search(r"[^\W\d_]", said):
        raise Reject("unspeakable", "nothing in this text can be said aloud", text)
    if in_english and (fault := said_otherwise(text, said)):
        raise Reject(fault.reason, fault.message, text)
    return {full_name(config.of, "spoken"): said}
    yield  # a stage's function is a generator, even where it asks nothing


STAGE = Stage(
    name="normalise",
    config=Config,
    reads=lambda config: (text_column(config.of),),
    optional=lambda config: language_read(config.of),
    writes=lambda config: (full_name(config.of, "spoken"),),
    run=normalise,
    packages=("kitten-text-processing",),
    extra="quickstart",
)
