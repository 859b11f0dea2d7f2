"""`speak`: the text as a clip. A query's voice is drawn for its conversation; later attempts speak what failed."""

from typing import Self

from pydantic import Field, model_validator

from voxsmith.models.audio import FINISH
from voxsmith.schemas.columns import Spoken, full_name, text_column
from voxsmith.schemas.hashing import hashed, hashed_hex
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.tts import Speak
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.verdict import MEASURES, clip_fault, measures


class Config(StageConfig):
    """Settings of `speak`."""

    of: Spoken
    voices: tuple[str, ...] = Field(min_length=1, description="one is drawn for each conversation; '*': any there is")
    sample_rate: int = Field(24000, ge=8000, description="hertz of the clips")
    loudness: float = Field(-23.0, le=0, description="dBFS of active speech")
    speeds: tuple[float, ...] = Field(
        (1.0, 0.9, 1.1), min_length=1, description="of each attempt: a second must differ"
    )
    attempts: int = Field(1, ge=1, le=9, description="tries at most until a clip passes its checks")
    attempt: int = Field(1, ge=1, description="which try this is")
    references: dict[str, str] = Field(default_factory=dict, description="digests of what voices are cloned from")

    @model_validator(mode="after")
    def _each_attempt_differs(self) -> Self:
        tries = max(self.attempts, self.attempt)
        if tries > len(self.speeds):
            raise ValueError(
                f"attempts is {tries} but speeds has {len(self.speeds)}: a voice that draws nothing would say the same "
                "again; give a speed for each attempt, or lower attempts"
            )
        return self


def speak(row: Row, context: Context) -> Asking:
    """Writes the attempt's audio and voice; both null where the attempt before has passed."""
    config: Config = context.config
    group, attempt = config.of, config.attempt
    if attempt > 1:
        before = measures(row, group, attempt - 1)
        if before["duration"] is None or clip_fault(before, row[text_column(group)], context.checks) is None:
            return {}
    voice = draw_voice(row["conversation_id"], config.voices)
    clip = yield Speak(
        text=row[full_name(group, "spoken")],
        voice=voice,
        speed=config.speeds[attempt - 1],
        seed=context.seed_for(row["id"], attempt),
        sample_rate=config.sample_rate,
        loudness=config.loudness,
        reference=config.references.get(voice, ""),
        finish=FINISH,
    )
    path = f"{hashed_hex(clip.flac, 16)}.flac"
    return dict(zip(_writes(config), ({"bytes": clip.flac, "path": path}, voice), strict=True))


def draw_voice(conversation: str, voices: tuple[str, ...]) -> str:
    """Rendezvous hashing: a voice that is added takes only the conversations that fall to it."""
    return max(voices, key=lambda voice: hashed(f"{conversation}\n{voice}"))


def _needed(config: Config) -> tuple[str, ...]:
    if config.attempt == 1:
        return ()
    return tuple(full_name(config.of, name, config.attempt - 1) for name in MEASURES)


def _reads(config: Config) -> tuple[str, ...]:
    spoken = full_name(config.of, "spoken")
    return (spoken,) if config.attempt == 1 else (spoken, text_column(config.of))


def _writes(config: Config) -> tuple[str, str]:
    return full_name(config.of, "audio", config.attempt), full_name(config.of, "voice", config.attempt)


STAGE = Stage(
    name="speak",
    config=Config,
    reads=_reads,
    optional=_needed,
    writes=_writes,
    run=speak,
    engine="tts",
    from_pipeline=("attempt", "references"),
    checks=lambda config: None if config.attempt == 1 else full_name(config.of, "clip"),
    kept_as=lambda config: _writes(config)[0],
    packages=("kitten-text-processing",),
    extra="quickstart",
)
