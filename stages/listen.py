"""`listen`: what ASR hears in a clip, how far that is from the text, and what the signal itself shows."""

from pydantic import Field

from voxsmith.models.audio import clipping, decode, longest_silence, tail_level
from voxsmith.models.text.wer import error_rates
from voxsmith.schemas.columns import Side
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.stage import Stage, StageConfig

DOUBTFUL = 0.05  # word error rate beyond which a clip is heard again, carefully: then the ASR may be what failed


class Config(StageConfig):
    """Settings of `listen`."""

    of: Side
    language: str = Field("en", description="that is spoken, as Whisper writes it")
    attempts: int = Field(1, ge=1, description="how often the text is spoken at most")
    attempt: int = Field(1, ge=1, description="which try this is")


def listen(row: Row, context: Context) -> Asking:
    """Writes heard, wer, cer, duration, silence, clipping, tail of the attempt (voxsmith.schemas.columns says what they are)."""
    config: Config = context.config
    clip = row[f"{config.of}_audio_{config.attempt}"]["bytes"]
    heard = yield Transcribe(clip=clip, language=config.language)
    wer, cer = error_rates(row[f"{config.of}_text"], heard.text)
    if wer > DOUBTFUL:
        heard = yield Transcribe(clip=clip, language=config.language, careful=True)
        wer, cer = error_rates(row[f"{config.of}_text"], heard.text)
    samples, rate = decode(clip)
    measures = {
        "heard": heard.text,
        "wer": wer,
        "cer": cer,
        "duration": len(samples) / rate,
        "silence": longest_silence(samples, rate),
        "clipping": clipping(samples),
        "tail": tail_level(samples, rate),
    }
    return {f"{config.of}_{name}_{config.attempt}": value for name, value in measures.items()}


STAGE = Stage(
    name="listen",
    config=Config,
    reads=lambda config: (f"{config.of}_audio_{config.attempt}", f"{config.of}_text"),
    writes=lambda config: tuple(
        f"{config.of}_{name}_{config.attempt}"
        for name in ("heard", "wer", "cer", "duration", "silence", "clipping", "tail")
    ),
    run=listen,
    engine="asr",
    from_pipeline=("attempt", "attempts"),
    packages=("WeTextProcessing",),
    extra="quickstart",
)
