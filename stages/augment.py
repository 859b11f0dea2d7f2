"""`augment`: the clip once more, with noise, a room, a telephone, a codec or the like put on it; the clean one stays."""

import json
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from voxsmith.models.clip_note import note_of
from voxsmith.models.interpreter import version_of
from voxsmith.schemas.columns import Own, full_name
from voxsmith.schemas.hashing import hashed_hex
from voxsmith.stages.augmentation.draw import ORDER, drawn
from voxsmith.stages.augmentation.effects import PRESETS, Codec, Gain, Noise, Room, Speed, Telephone
from voxsmith.stages.context import Asking, Context, Row
from voxsmith.stages.requests.augment import Augment
from voxsmith.stages.stage import Stage, StageConfig

if TYPE_CHECKING:
    from voxsmith.stages.engines.backend import Backend


class Config(StageConfig):
    """Settings of `augment`. Effects are put on in this order."""

    of: Own = Field("row", description="whose clip; row: of the utterance that the row is")
    preset: Literal["moshi", "ultravox", "none"] = Field(
        "none", description="settings of effects, of which those that are given take the place"
    )
    speed: Speed = Speed()
    room: Room = Room()
    noise: Noise = Noise()
    gain: Gain = Gain()
    telephone: Telephone = Telephone()
    codec: Codec = Codec()

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("preset") not in PRESETS:
            return given
        filled = dict(given)
        for name, values in PRESETS[given["preset"]].items():
            own = given.get(name, {})
            filled[name] = values | own if isinstance(own, dict) else own
        return filled

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any(getattr(self, name).p for name in ORDER):
            raise ValueError(
                f"no effect has a p above 0: name a preset ({', '.join(PRESETS)}), or give an effect, say noise: {{p: 0.3}}"
            )
        return self

    @property
    def babbles(self) -> bool:
        return self.noise.p > 0 and "babble" in self.noise.kinds


def augment(row: Row, context: Context) -> Asking:
    """Writes augmented_audio, at the rate of the clip, and augmentation. A clip that draws no effect is written as it is."""
    config: Config = context.config
    clip = row[_audio(config)]
    effects = drawn(config, context.seed_for(row["id"]))
    if not effects:
        return {"augmented_audio": clip, "augmentation": "[]"}
    babble = any(effect.get("kind") == "babble" for effect in effects)
    reply = yield Augment(
        clip=clip["bytes"],
        effects=json.dumps(effects),
        babble=context.artifacts["babble"] if babble else b"",
    )
    path = f"{hashed_hex(reply.flac, 16)}.flac"
    return {"augmented_audio": {"bytes": reply.flac, "path": path}, "augmentation": note_of(reply.flac)}


def _audio(config: Config) -> str:
    return full_name(config.of, "audio")


def _refuses_engine(config: Config, backend: "Backend[Any]", settings: Any) -> str:
    for effect, folder, what in (("noise", "noises", "noises"), ("room", "rooms", "impulse responses")):
        wanted = getattr(config, effect)
        if wanted.p and "folder" in wanted.kinds and getattr(settings, folder, None) == "":
            return f"{effect}.kinds has 'folder', and the engine has no folder of {what}: give it `{folder}: FOLDER`"
    if config.codec.p and "amr_nb" in config.codec.kinds and not version_of(settings.resources.python, "av"):
        return "codec.kinds has 'amr_nb', which takes PyAV: pip install av, or name other codecs"
    return ""


STAGE = Stage(
    name="augment",
    config=Config,
    reads=lambda config: (_audio(config),),
    writes=lambda config: ("augmented_audio", "augmentation"),
    artifacts=lambda config: ("babble",) if config.babbles else (),
    run=augment,
    engine="augmenter",
    kept_as=lambda config: "augmented_audio",
    refuses_engine=_refuses_engine,
)
