"""How good a clip sounds."""

from dataclasses import dataclass
from typing import ClassVar

from voxsmith.stages.requests.base import Reply, Request


@dataclass(frozen=True)
class Score(Reply):
    mos: float


@dataclass(frozen=True)
class Rate(Request):
    """How good does this clip sound?"""

    clip: bytes
    reply: ClassVar[type] = Score
