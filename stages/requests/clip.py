"""A recorded clip, asked for by where it is."""

from dataclasses import dataclass
from typing import ClassVar

from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip


@dataclass(frozen=True)
class ReadClip(Request):
    """The clip at `place` (the text of a ClipReference) of the recipe's source `source`: mono, at `sample_rate`
    hertz.

    `channel`: the one to take, counted from 0; None: all of them, mixed. `misnamed`: whether a file may be of another
    format than its name says. `max_clipping`: largest share of the clip with flat tops (voxsmith.models.clipped),
    measured before it is resampled, which rounds them.
    """

    place: str
    source: str
    sample_rate: int = 16000
    channel: int | None = None
    misnamed: bool = False
    max_clipping: float = 1.0
    reply: ClassVar[type] = Clip


@dataclass(frozen=True)
class ReadClipAgain(ReadClip):
    """The same, of a clip that the store doesn't keep."""

    kept: ClassVar[bool] = False
