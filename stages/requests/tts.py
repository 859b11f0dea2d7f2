"""What a voice is asked to say, and the clip that comes of it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from voxsmith.stages.requests.base import Request


@dataclass(frozen=True)
class Clip:
    """A finished clip: a mono 16-bit FLAC file. Packs to itself."""

    flac: bytes

    def pack(self) -> bytes:
        return self.flac

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(data)


@dataclass(frozen=True)
class Speak(Request):
    """Say `text` as `voice`; trim silence, even out loudness to `loudness` dBFS, resample to `sample_rate`."""

    text: str
    voice: str
    speed: float = 1.0
    seed: int = 0
    sample_rate: int = 24000
    loudness: float = -23.0
    reference: str = ""  # digest of the clip, and its text, that the voice is cloned from
    finish: str = ""  # digest of the code that trims and levels, so that a change there speaks again
    reply: ClassVar[type] = Clip
