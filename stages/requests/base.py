"""What all requests and replies share: how they are named, and how they are kept."""

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Self

from voxsmith.schemas.hashing import hashed
from voxsmith.schemas.text import clean


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
class Request:
    """Base of all requests. `reply` is the class of what an engine says to it; `kept`: whether that goes into the store."""

    reply: ClassVar[type[Any]]
    kept: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        if not isinstance(getattr(cls, "reply", None), type):
            raise TypeError(
                f"the request {cls.__name__} lacks its reply: write `reply: ClassVar[type] = …`, the reply's class"
            )

    def digest(self, engine: str) -> bytes:
        """16 bytes that name the reply of the engine whose identity has the digest `engine`."""
        parts = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        text = json.dumps([engine, _kind(type(self)), parts], sort_keys=True, ensure_ascii=False)
        return hashed(text, 16)


def _kind(request: type[Request]) -> str:
    """Names the class. Of one from outside also by its module, and by what its reply holds: another shape is asked anew."""
    if request.__module__.startswith("voxsmith.stages.requests."):
        return request.__name__
    reply = request.reply
    held = [field.name for field in fields(reply)] if is_dataclass(reply) else []
    return f"{request.__module__}.{request.__qualname__} -> {reply.__module__}.{reply.__qualname__}({', '.join(held)})"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    return value
