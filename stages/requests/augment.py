"""What is to be put on a clip. The clip that comes back says in its own note what was put on it."""

from dataclasses import dataclass
from typing import ClassVar

from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip


@dataclass(frozen=True)
class Augment(Request):
    """Put `effects` on the clip, in order: JSON, a list of objects with a key "effect", all values given.

    `babble`: the voices of babble, an .npy file; empty where none of the effects wants them. The reply is a FLAC file as
    sampled as the clip, whose note (voxsmith.models.clip_note) is that list, with what the engine chose itself.
    """

    clip: bytes
    effects: str
    babble: bytes = b""
    reply: ClassVar[type] = Clip
