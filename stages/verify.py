"""`verify`: is what a recorded clip's transcript says what ASR heard in the clip? If not, the row is mislabelled.

Of an augmented clip the same comparison tells when it has become too hard to understand.
"""

from pydantic import Field

from voxsmith.schemas.columns import AUGMENTED, Of, Own, full_name, text_column
from voxsmith.schemas.languages import LanguageCode
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.mislabelled import hold
from voxsmith.stages.text.row_language import language_of

MISLABELLED, TOO_HARD = "mislabelled", "too_hard"


class Config(StageConfig):
    """Settings of `verify`."""

    of: Of = Field("row", description="whose clip, which nobody of ours spoke; row: of the utterance that the row is")
    text: Own | None = Field(
        None, description="whose text is said in the clip, if not its own: query, where a query's clip was augmented"
    )
    language: LanguageCode = Field("en", description="of rows that have no `language`")
    reject: bool = Field(True, description="whether a row beyond the limits is a reject; false: it is only measured")


def verify(row: Row, context: Context) -> Asking:
    """Writes wer and cer of what was heard against the text. Raises Reject: mislabelled; too_hard of an augmented clip."""
    config: Config = context.config
    text, heard = row[_text(config)], row[full_name(config.of, "heard")]
    held = hold(text, heard, language_of(row, config.language), context.checks.of(row.get("source")))
    if held.fault and config.reject:
        reason = TOO_HARD if config.of == AUGMENTED else MISLABELLED
        raise Reject(reason, held.fault, f"written: {text}\nheard: {heard}")
    return dict(zip(_writes(config), (held.errors.wer, held.errors.cer), strict=True))
    yield  # a stage's function is a generator, even where it asks nothing


def _text(config: Config) -> str:
    return text_column(config.text or config.of)


def _writes(config: Config) -> tuple[str, ...]:
    return full_name(config.of, "wer"), full_name(config.of, "cer")


STAGE = Stage(
    name="verify",
    config=Config,
    reads=lambda config: (_text(config), full_name(config.of, "heard"), "source"),
    optional=lambda config: ("language",),
    writes=_writes,
    run=verify,
    checks=lambda config: "augmented" if config.of == AUGMENTED else "recorded",
    packages=("kitten-text-processing",),
    extra="quickstart",
)
