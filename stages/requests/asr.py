"""What speech recognition is asked, and what it hears."""

from dataclasses import dataclass
from typing import ClassVar

from voxsmith.stages.requests.base import Reply, Request


@dataclass(frozen=True)
class Heard(Reply):
    text: str


@dataclass(frozen=True)
class Transcribe(Request):
    """What is said in this clip? `careful`: a quick reply was doubtful; an engine that has a slower way takes it."""

    clip: bytes
    language: str = "en"
    careful: bool = False
    reply: ClassVar[type] = Heard
