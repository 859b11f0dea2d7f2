"""`fit_babble`: voices of the corpus for babble, of as many speakers, from a pinned sample of its rows."""

import io
from collections.abc import Generator, Iterator
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from voxsmith.models.audio import BadAudio, decode, level, resample, trim
from voxsmith.schemas.columns import Own, full_name
from voxsmith.stages.context import Context, Row
from voxsmith.stages.stage import Stage, StageConfig

RATE = 16000  # hertz
_MOST = 1000.0  # seconds of all voices, 32 MB: each request for babble has them with it
_LEVEL = -23.0  # dBFS of active speech: no voice is louder than others


class Config(StageConfig):
    """Settings of `fit_babble`."""

    of: Own = Field("row", description="whose clips; row: of the utterances that rows are")
    sample_rows: int = Field(
        256, ge=1, description="rows among which the voices are found; some more, where a shard is cut"
    )
    voices: int = Field(
        32, ge=3, le=1000, description="voices that are kept, each of another speaker where they are known"
    )
    seconds: float = Field(8.0, ge=1, le=30, description="of each voice; a shorter clip is repeated")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.voices * self.seconds > _MOST:
            raise ValueError(
                f"{self.voices} voices of {self.seconds:g} s are {self.voices * self.seconds:,.0f} s, and {_MOST:,.0f} s in all "
                "are the most; take fewer or shorter ones"
            )
        return self


def fit_babble(rows: Iterator[Row], context: Context) -> Generator[Any, Any, dict[str, bytes]]:
    """Returns {"babble": an .npy file, int16 [voices, seconds x 16000]}.

    Those speakers are taken whose hashes are least, and of each the row whose seed is least: which they are depends neither
    on the order of rows nor on shards, and no more clips than `voices` are held at a time.
    Raises ValueError where no clip has speech.
    """
    config: Config = context.config
    audio = full_name(config.of, "audio")
    kept: dict[int, tuple[int, bytes]] = {}  # by the hash of the speaker
    for row in rows:
        who = context.seed_for(str(row.get("speaker") or row["id"]), 0)
        seed = context.seed_for(row["id"])
        if who not in kept and len(kept) == config.voices and who > max(kept):
            continue
        if who not in kept or seed < kept[who][0]:
            kept[who] = seed, row[audio]["bytes"]
        if len(kept) > config.voices:
            del kept[max(kept)]
    count = round(config.seconds * RATE)
    voices = [voice for _, (_, clip) in sorted(kept.items()) if len(voice := _voice(clip))]
    if not voices:
        raise ValueError(f"none of {len(kept)} clips has speech that could be a voice of babble")
    file = io.BytesIO()
    np.save(file, np.stack([np.resize(voice, count) for voice in voices]), allow_pickle=False)
    return {"babble": file.getvalue()}
    yield


def _voice(clip: bytes) -> np.ndarray:
    """The clip's speech as int16 [n] at 16 kHz, levelled; nothing where there is none."""
    try:
        samples, rate = decode(clip)
    except BadAudio:
        return np.zeros(0, np.int16)
    spoken = level(resample(trim(samples, rate), rate, RATE), RATE, _LEVEL)
    return np.asarray(np.round(np.clip(spoken, -1, 1) * 32767), np.int16)


STAGE = Stage(
    name="fit_babble",
    config=Config,
    reads=lambda config: (full_name(config.of, "audio"),),
    optional=lambda config: ("speaker",),
    writes=lambda config: (),
    run=fit_babble,
    each="recipe",
    fits="babble",
    same_code=("57cca4f349bc775ece5d5eecbad77056",),
)
