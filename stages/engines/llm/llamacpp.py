"""LLM: a GGUF model in llama.cpp (xllamacpp), inside the process. The embedded default.

One request at a time, so that a reply doesn't depend on what else is asked; more speed comes from more actors.
llama.cpp's prompt cache is used for the shared heads of prompts alone, a slot for each head: before each request its
slot is brought to just that head, so what follows is always computed in the same pieces. (With the cache left to itself,
replies depend on their order.)
"""

import json
import os
import re
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from pydantic import Field

from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import installed
from voxsmith.models.openai_protocol import Reply, Unreadable, Usage, checked
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion

_ERROR = re.compile(r"^\S+ E +\S+: +(.+)$", re.M)  # a line of llama.cpp's log: when, E, who, what


class Config(EngineConfig):
    """Settings of `llm_llamacpp`."""

    model: str = Field(
        "smollm2-135m-instruct", description="a GGUF file, a folder with one, or a name in the catalogue"
    )
    context: int = Field(4096, ge=256, le=2**20, description="tokens of prompt and reply together at most")
    heads: int = Field(3, ge=1, description="prompts whose shared head stays computed; changes no reply")


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": "llm_llamacpp",
        "version": installed(config.resources.python, "xllamacpp"),
        "model": catalogue.identity(config.model),
        "context": config.context,
    }


class LlamaCpp(Batching):
    def __init__(self, config: Config) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(_gguf(catalogue.resolve(config.model)))
        params.n_ctx = config.context * config.heads
        params.n_parallel = config.heads
        params.kv_unified = False  # each slot has its own cache
        params.cache_prompt = False
        params.warmup = False
        params.verbosity = -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.resources.threads
        params.n_gpu_layers = -1 if config.resources.num_gpus else 0
        try:
            self.server = xllamacpp.Server(params)
        except RuntimeError as error:  # which says nothing
            raise RuntimeError(f"{params.model.path}: {_why(params) or error}") from None
        self.slots: dict[str, int] = {}  # the head that each slot was brought to, the longest unused first
        self.count = config.heads
        super().__init__(batch=1)  # what waits is sorted all the same, and a refused prompt costs no other its reply

    def cost(self, request: Request) -> float:
        """Requests with one head go together: bringing a slot to another costs as much as a long prompt."""
        return float(zlib.crc32(request.head.encode())) if isinstance(request, Complete) else 0.0

    def answer(self, requests: list[Request]) -> list[Completion]:
        return [self._one(request) for request in requests if isinstance(request, Complete)]

    def _slot(self, head: str) -> int:
        """The slot that has been brought to `head`; what has no head takes a slot too."""
        slot = self.slots.pop(head, None)
        known = slot is not None
        if slot is None:
            free = set(range(self.count)) - set(self.slots.values())
            slot = min(free) if free else self.slots.pop(next(iter(self.slots)))
        self.slots[head] = slot
        if head:
            body = {"prompt": head, "max_tokens": 0, "id_slot": slot}
            if not known:
                self.server.handle_completions(body | {"cache_prompt": False})
            self.server.handle_completions(body | {"cache_prompt": True})
        return slot

    def _one(self, request: Complete) -> Completion:
        head = request.head if (request.prompt or "").startswith(request.head) else ""
        body: dict[str, Any] = {
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop),
            "seed": request.seed,
            "id_slot": self._slot(head),
            "cache_prompt": bool(head),
        }
        if request.json_schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"schema": json.loads(request.json_schema)},
            }
        if request.messages is not None:
            body["messages"] = [{"role": role, "content": content} for role, content in request.messages]
            reply = self.server.handle_chat_completions(body)
        else:
            reply = self.server.handle_completions(body | {"prompt": request.prompt})
        completion, read = _completion(reply)
        self.usage["prompt_tokens"] += read
        return completion

    def close(self) -> None:
        super().close()
        del self.server


def _completion(reply: dict[str, Any]) -> tuple[Completion, int]:
    """The reply as llama.cpp gives it, and the tokens of the prompt.

    Raises Refused where the prompt is at fault, Unavailable otherwise.
    """
    if "choices" not in reply:
        error = reply.get("error", reply)
        message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
        if "context size" in message or "exceed" in message:
            raise Refused("prompt_too_long", message)
        raise Unavailable(f"llama.cpp: {message}")
    try:
        whole = checked(Reply, reply)
    except Unreadable as error:
        raise Unavailable(f"llama.cpp: a reply that can't be read: {error}") from None
    choice, usage = whole.choices[0], whole.usage or Usage()
    finish = "length" if choice.finish_reason == "length" else "stop"
    return Completion(choice.said_or_thought, finish, usage.completion_tokens or 0), usage.prompt_tokens or 0


def _why(params: Any) -> str:
    """llama.cpp tells why in what it prints alone: it is tried once more, and listened to. The first error that it names."""
    import xllamacpp

    params.verbosity = 1  # errors
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            xllamacpp.Server(params)
        except RuntimeError:
            pass
        finally:
            os.dup2(before, 2)
            os.close(before)
        printed.seek(0)
        match = _ERROR.search(printed.read().decode(errors="replace"))
    return match[1][:300] if match else ""


def _gguf(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(path.glob("*.gguf"))
    if not files:
        raise ModelMissing(f"{path} holds no GGUF file")
    return files[0]


BACKEND = Backend(
    name="llm_llamacpp",
    config=Config,
    load=LlamaCpp,
    identity=identity,
    batch_invariant=True,
    packages=("xllamacpp",),
    extra="quickstart",
)
