"""An engine that answers at once and writes down what it was asked. Some words make it fail in a given way."""

import ctypes
import glob
import os
import time
from pathlib import Path
from typing import Any

from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.requests.llm import Complete, Completion


class Config(EngineConfig):
    model: str = "toy"
    log: str = ""  # a file that gets a line for each request
    down: str = ""  # while this file exists the engine is unavailable for prompts with the word "down"
    delay: float = 0.0
    gate: str = ""  # a file that says "COUNT PATTERN": while it is there and COUNT files match, requests wait
    pids: str = ""  # a folder that gets a file named by the process of each actor


def identity(config: Config) -> dict[str, Any]:
    return {"backend": "toys.llm", "model": config.model}


class Engine(Batching):
    def __init__(self, config: Config) -> None:
        super().__init__(config.resources.batch)
        self.config, self.is_lost = config, False
        if config.pids:
            (Path(config.pids) / str(os.getpid())).touch()

    def answer(self, requests: list[Any]) -> list[Completion]:
        return [self._one(request) for request in requests]

    def _one(self, request: Complete) -> Completion:
        prompt = request.prompt or ""
        time.sleep(self.config.delay)
        while _is_closed(self.config.gate):
            time.sleep(0.01)
        if "down" in prompt and self.config.down and Path(self.config.down).exists():
            raise Unavailable("the toy server is down")
        if "refuse" in prompt:
            raise Refused("refused", "the toy refuses this")
        if "mistype" in prompt and not Path(self.config.log).with_name("mended").exists():
            return prompt  # type: ignore[return-value]
        if "explode" in prompt:
            raise RuntimeError("boom")
        if "card" in prompt or self.is_lost:  # a lost card answers nothing any more
            self.is_lost = True
            raise RuntimeError("CUDA error: device-side assert triggered")
        if "hang" in prompt:
            self._write_down(prompt)
            time.sleep(3600)
        if "segfault" in prompt:
            ctypes.string_at(0)
        self._write_down(prompt)
        self.usage["prompt_tokens"] += len(prompt.split())
        return Completion(prompt.upper(), "stop", len(prompt.split()))

    def _write_down(self, prompt: str) -> None:
        if self.config.log:
            with open(self.config.log, "a") as file:
                file.write(f"{prompt}\n")


def _is_closed(gate: str) -> bool:
    try:
        count, pattern = Path(gate).read_text().split(" ", 1) if gate else ("0", "")
    except FileNotFoundError:
        return False
    return bool(gate) and len(glob.glob(pattern)) >= int(count)


BACKEND = Backend(
    name="llm_toy",
    config=Config,
    load=Engine,
    identity=identity,
    models=lambda config: (),
    licence=lambda config: "CC0-1.0",
    batch_invariant=True,
)
