"""What a reply came to: tokens written, seconds of audio spoken or heard. For the figures of a run; part of no key.

What a reply doesn't show an engine may count itself, in a `usage` of its own: `prompt_tokens`, `retries`.
"""

from typing import Any

from voxsmith.stages.requests.augment import Augment
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.clip import ReadClip
from voxsmith.stages.requests.llm import Completion
from voxsmith.stages.requests.tts import Clip

_AT, _LENGTH = 18, 8  # in a FLAC file: 20 bits sample rate, 8 bits channels and depth, 36 bits samples (RFC 9639, 8.2)


def usage_of(request: Request, reply: Any) -> dict[str, float]:
    """Figures by name: `completion_tokens`, `spoken_seconds`, `read_seconds` (of recorded clips), `heard_seconds`."""
    figures: dict[str, float] = {}
    if isinstance(reply, Completion):
        figures["completion_tokens"] = reply.tokens
    if isinstance(reply, Clip) and not isinstance(request, Augment):
        figures["read_seconds" if isinstance(request, ReadClip) else "spoken_seconds"] = seconds_of(reply.flac)
    if clip := getattr(request, "clip", None):
        figures["heard_seconds"] = seconds_of(clip)
    return figures


def seconds_of(flac: bytes) -> float:
    """The length of a FLAC file, from its header; 0 where it is none."""
    if not flac.startswith(b"fLaC"):
        return 0.0
    packed = int.from_bytes(flac[_AT : _AT + _LENGTH], "big")
    rate, samples = packed >> 44, packed & (2**36 - 1)
    return samples / rate if rate else 0.0
