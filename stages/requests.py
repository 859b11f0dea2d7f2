"""What engines are asked, and what they reply.

A request is fully resolved: the same request to the same engine means the same reply, so the digest of the two names
it. Replies pack to bytes, because they are kept raw, before parsing and checks.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from schemas.text import clean


@dataclass(frozen=True)
class Reply:
    """A reply that is a few plain values; packs to JSON. A server's JSON may hold what no file can: texts are cleaned."""

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            if isinstance(value, str):
                object.__setattr__(self, name, clean(value))

    def pack(self) -> bytes:
        return json.dumps(self.__dict__, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(**json.loads(data))


@dataclass(frozen=True)
class Completion(Reply):
    text: str
    finish: str  # "stop", or "length" where the token limit cut the text
    tokens: int  # generated
    teacher: dict[str, Any] | None = None  # of an engine that tells it: the likeliest tokens at each place, llm_vllm.py

    def pack(self) -> bytes:
        told = {name: value for name, value in self.__dict__.items() if value is not None}
        return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True)
class Heard(Reply):
    text: str


@dataclass(frozen=True)
class Score(Reply):
    mos: float


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
class Clip:
    """A finished clip: a mono 16-bit FLAC file. Packs to itself."""

    flac: bytes

    def pack(self) -> bytes:
        return self.flac

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(data)


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
class Request:
    """Base of all requests. `kept` is whether its reply goes into the store."""

    reply: ClassVar[type]
    kept: ClassVar[bool] = True

    def digest(self, engine: str) -> bytes:
        """16 bytes that name the reply of the engine whose identity has the digest `engine`."""
        parts = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        text = json.dumps([engine, type(self).__name__, parts], sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Complete(Request):
    """Go on with `prompt`, or answer `messages` ((role, content) pairs); exactly one of them is given."""

    prompt: str | None = None
    messages: tuple[tuple[str, str], ...] | None = None
    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    json_schema: str | None = None  # JSON text; the reply must satisfy it
    head: str = ""  # the start of `prompt` that many requests share: an engine may keep its state
    reply: ClassVar[type] = Completion


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


@dataclass(frozen=True)
class Transcribe(Request):
    """What is said in this clip? `careful`: a quick reply was doubtful; an engine that has a slower way takes it."""

    clip: bytes
    language: str = "en"
    careful: bool = False
    reply: ClassVar[type] = Heard


@dataclass(frozen=True)
class Rate(Request):
    """How good does this clip sound?"""

    clip: bytes
    reply: ClassVar[type] = Score


@dataclass(frozen=True)
class Embed(Request):
    """Whose voice is in this clip, or in the voice bank's clip that has the digest `reference`?"""

    clip: bytes = b""
    reference: str = ""
    reply: ClassVar[type] = Voiceprint


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


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    return value
