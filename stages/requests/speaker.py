"""Whose voice is in a clip."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from voxsmith.stages.requests.base import Request


@dataclass(frozen=True)
class Voiceprint:
    """Whose voice it is, float32 [width], of length 1: the product of two is their likeness, 1 where they are the same."""

    vector: np.ndarray

    def pack(self) -> bytes:
        return self.vector.astype("<f4").tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(np.frombuffer(data, "<f4"))


@dataclass(frozen=True)
class Embed(Request):
    """Whose voice is in this clip, or in the voice bank's clip that has the digest `reference`?"""

    clip: bytes = b""
    reference: str = ""
    reply: ClassVar[type] = Voiceprint
