"""Engines without a model: the real interface, and replies that depend on the request alone, as slow as the recipe says.

For measuring the pipeline itself, and for trying a recipe's shape before a GPU is rented. `tts_null` writes what it was
asked to say into the clip's comment, and `asr_null` reads it there, so that rows go through all checks of clips.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.requests.base import Request


class Config(EngineConfig):
    """Settings that all null engines have."""

    latency: float = Field(0.0, ge=0, description="seconds a request; in no key")
    model: str = Field("null", description="another name stands for another model: everything is asked again")
    trace: str = Field("", description="a folder where each actor writes when it began and ended each reply; in no key")


C = TypeVar("C", bound=Config)


def identity(config: Config) -> dict[str, Any]:
    return {"backend": "null", "model": config.model}


def null_backend(name: str, config: type[C], load: Callable[[C], "Null"]) -> Backend[C]:
    return Backend(
        name=name,
        config=config,
        load=load,
        identity=identity,
        models=lambda config: (),
        licence=lambda config: "CC0-1.0",
        batch_invariant=True,
    )


class Null(Batching):
    """Answers one request after another. A subclass says what."""

    def __init__(self, config: Config) -> None:
        self.latency = config.latency
        name = f"{type(self).__name__.lower()}.{os.getpid()}"
        self.trace = open(Path(config.trace) / name, "a", buffering=1) if config.trace else None  # noqa: SIM115
        super().__init__(config.resources.batch)

    def answer(self, requests: list[Request]) -> list[Any]:
        return [self._slowly(request) for request in requests]

    def _slowly(self, request: Request) -> Any:
        start = time.monotonic()
        reply = self.reply(request)
        time.sleep(max(0.0, self.latency - (time.monotonic() - start)))
        if self.trace:
            self.trace.write(f"{start:.6f} {time.monotonic():.6f}\n")
        return reply

    def reply(self, request: Request) -> Any:
        raise self.misled(request)

    def misled(self, request: Request) -> TypeError:
        return TypeError(f"{self.name} is asked a {type(request).__name__}")
