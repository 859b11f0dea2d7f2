"""`read_clip`: the recorded clip that a row's reference leads to, as mono FLAC; what is no clip is rejected."""

from typing import Literal

from pydantic import Field, model_validator

from voxsmith.models.audio import SILENT, active_level, decode
from voxsmith.schemas.clip_reference import ClipReference, ranged
from voxsmith.schemas.columns import Recorded, full_name
from voxsmith.schemas.hashing import hashed_hex
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.requests.clip import ReadClip, ReadClipAgain
from voxsmith.stages.stage import Stage, StageConfig


class Config(StageConfig):
    """Settings of `read_clip`."""

    of: Recorded = Field("row", description="whose clip; row: of the utterance that the row is")
    keep: Literal["clip", "reference"] = Field(
        "clip",
        description="what the store keeps; reference: names alone, each stage that listens reads the recording again",
    )
    sample_rate: int = Field(16000, ge=8000, le=48000, description="hertz of the clips")
    min_seconds: float = Field(0.3, ge=0, description="shortest clip")
    max_seconds: float = Field(40.0, gt=0, le=3600, description="longest clip")
    min_level: float = Field(-55.0, le=0, description="quietest speech, dBFS of what isn't silent")
    max_clipping: float = Field(
        0.01,
        ge=0,
        le=1,
        description="largest share of the clip, in 10 ms, with flat tops; another value reads all clips again",
    )
    channel: int | None = Field(
        None, ge=0, description="channel to take, from 0, where the source names none; without: all, mixed"
    )
    misnamed: bool = Field(
        False, description="whether a file may be of another format than its name says (MP3 named .wav)"
    )

    @model_validator(mode="after")
    def _some_length(self) -> "Config":
        if self.min_seconds >= self.max_seconds:
            raise ValueError(
                f"min_seconds is {self.min_seconds:g}, max_seconds {self.max_seconds:g}: no clip is between"
            )
        return self


def read_clip(row: Row, context: Context) -> Asking:
    """Writes the group's audio. A clip is named by its samples: the same have one name whatever file they were in."""
    config: Config = context.config
    (where, _), (audio,) = _reads(config), _writes(config)
    place = row[where]
    listed = _listed_seconds(place)
    if listed is not None and listed > config.max_seconds:  # nobody has to read it to know
        raise _too_long(listed, config)
    request = ReadClip if config.keep == "clip" else ReadClipAgain
    clip = yield request(
        place=place,
        source=row["source"],
        sample_rate=config.sample_rate,
        channel=config.channel,
        misnamed=config.misnamed,
        max_clipping=config.max_clipping,
    )
    samples, rate = decode(clip.flac)
    seconds = len(samples) / rate
    if seconds < config.min_seconds:
        raise Reject("too_short", f"the clip lasts {seconds:.2f} s; at least {config.min_seconds:g} s are asked for")
    if seconds > config.max_seconds:
        raise _too_long(seconds, config)
    loudness = active_level(samples, rate)
    if loudness <= SILENT:
        raise Reject("silent", "nothing is in the clip but silence")
    if loudness < config.min_level:
        raise Reject("too_quiet", f"the clip is at {loudness:.0f} dBFS; at least {config.min_level:g} is asked for")
    kept = clip.flac if config.keep == "clip" else None
    return {audio: {"bytes": kept, "path": f"{hashed_hex(samples.tobytes(), 16)}.flac"}}


def _listed_seconds(clip: str) -> float | None:
    try:
        reference = ClipReference.parse(clip)
    except ValueError as error:
        raise Reject("bad_reference", str(error), clip) from None
    return reference.duration if ranged(reference) else reference.length


def _too_long(seconds: float, config: Config) -> Reject:
    return Reject(
        "too_long",
        f"the clip lasts {seconds:.1f} s; at most {config.max_seconds:g} s are asked for: cut the recording at its pauses",
    )


def _reads(config: Config) -> tuple[str, ...]:
    return (full_name(config.of, "clip"), "source")


def _writes(config: Config) -> tuple[str, ...]:
    return (full_name(config.of, "audio"),)


STAGE = Stage(
    name="read_clip",
    config=Config,
    reads=_reads,
    writes=_writes,
    run=read_clip,
    engine="clips",
    kept_as=lambda config: _writes(config)[0] if config.keep == "clip" else None,
    by_name=lambda config: _writes(config) if config.keep == "reference" else (),
)
