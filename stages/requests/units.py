"""Discrete units of clips, and speech made of units."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip


@dataclass(frozen=True)
class Units:
    """One codebook index a frame, uint16 [frames], not merged."""

    frames: np.ndarray

    def pack(self) -> bytes:
        return self.frames.astype("<u2").tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(np.frombuffer(data, "<u2"))


@dataclass(frozen=True)
class Features:
    """Encoder output, float32 [frames, width]. Too large to keep: asked for only while fitting."""

    frames: np.ndarray

    def pack(self) -> bytes:
        raise TypeError("encoder features are not kept in the store")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        raise TypeError("encoder features are not kept in the store")


@dataclass(frozen=True)
class Encode(Request):
    """Encoder features of this clip."""

    clip: bytes
    reply: ClassVar[type] = Features
    kept: ClassVar[bool] = False


@dataclass(frozen=True)
class Quantise(Request):
    """The nearest centroid for each frame of this clip. `codebook` is the bytes of an .npy file, or b"": the engine's own."""

    clip: bytes
    codebook: bytes
    reply: ClassVar[type] = Units


@dataclass(frozen=True)
class Vocode(Request):
    """Speech for these units: uint16 [n] as little-endian bytes. `durations` likewise, in frames; b"": as predicted."""

    units: bytes
    durations: bytes = b""
    reply: ClassVar[type] = Clip
