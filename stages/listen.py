"""`listen`: what ASR hears in a clip, how far that is from the text, and what the signal itself shows.

A clip that was spoken here has attempts: each is held against its text. One that nobody of ours spoke has none. What was
heard in it may be what its text is made of, so that text isn't read; `verify` compares them.
"""

from pydantic import Field

from voxsmith.models.audio import clipping, decode, longest_silence, tail_level
from voxsmith.models.text.wer import error_rates
from voxsmith.schemas.columns import AUGMENTED, Of, Own, full_name, text_column
from voxsmith.schemas.languages import LanguageCode
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.text.row_language import language_of

DOUBTFUL = 0.05  # word error rate beyond which a clip is heard again, carefully: then the ASR may be what failed
_RATES = ("wer", "cer")
_SIGNAL = ("duration", "silence", "clipping", "tail")


class Config(StageConfig):
    """Settings of `listen`."""

    of: Of
    text: Own | None = Field(
        None, description="whose text is said in the clip, if not its own: query, where a query's clip was augmented"
    )
    language: LanguageCode = Field(
        "en", description="that is spoken, as Whisper writes it; a recorded clip's own comes first"
    )
    attempts: int = Field(1, ge=1, description="how often the text is spoken at most")
    attempt: int = Field(1, ge=0, description="which try this is; 0: the clip has no tries, nobody of ours spoke it")


def listen(row: Row, context: Context) -> Asking:
    """Writes heard, wer and cer (of an attempt alone), duration, silence, clipping, tail (voxsmith.schemas.columns says
    what they are).
    """
    config: Config = context.config
    clip = row[full_name(config.of, "audio", config.attempt)]["bytes"]
    text = next((text for name in _texts(config) if (text := row.get(name))), "")
    language = language_of(row, config.language)
    heard = yield Transcribe(clip=clip, language=language)
    rates = error_rates(text, heard.text) if text else (0.0, 0.0)
    if rates[0] > DOUBTFUL:
        heard = yield Transcribe(clip=clip, language=language, careful=True)
        rates = error_rates(text, heard.text)
    samples, rate = decode(clip)
    signal = (len(samples) / rate, longest_silence(samples, rate), clipping(samples), tail_level(samples, rate))
    values = (heard.text, *(rates if config.attempt else ()), *signal)
    return dict(zip(_writes(config), values, strict=True))


def _texts(config: Config) -> tuple[str, ...]:
    """The columns of which the first says when to listen carefully: of a clip that was recorded, what its source says."""
    if config.text:
        return (text_column(config.text),)
    if config.of == AUGMENTED:
        return text_column("row"), text_column("query")
    return (text_column(config.of) if config.attempt else full_name(config.of, "source_transcript"),)


def _reads(config: Config) -> tuple[str, ...]:
    return (full_name(config.of, "audio", config.attempt), *(_texts(config) if config.attempt else ()))


def _writes(config: Config) -> tuple[str, ...]:
    names = ("heard", *(_RATES if config.attempt else ()), *_SIGNAL)
    return tuple(full_name(config.of, name, config.attempt) for name in names)


STAGE = Stage(
    name="listen",
    config=Config,
    reads=_reads,
    optional=lambda config: () if config.attempt else (*_texts(config), "language"),
    writes=_writes,
    run=listen,
    engine="asr",
    from_pipeline=("attempt", "attempts"),
    packages=("kitten-text-processing",),
    extra="quickstart",
)
