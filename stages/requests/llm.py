"""What a language model is asked, and what it replies."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from voxsmith.stages.requests.base import Reply, Request


@dataclass(frozen=True)
class Completion(Reply):
    text: str
    finish: str  # "stop", or "length" where the token limit cut the text
    tokens: int  # generated
    teacher: dict[str, Any] | None = None  # of an engine that tells it: the likeliest tokens at each place, llm_vllm.py

    def pack(self) -> bytes:
        values = {name: value for name, value in self.__dict__.items() if value is not None}
        return json.dumps(values, ensure_ascii=False, sort_keys=True).encode()


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
