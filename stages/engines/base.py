"""What every engine backend shares: its place in a recipe, its errors, and the queue that fills its batches."""

import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from concurrent.futures import Future
from types import ModuleType
from typing import Any, ClassVar, Protocol

from pydantic import Field, ValidationInfo, field_validator

from models.lost_gpu import card_is_lost, which_card
from models.out_of_memory import out_of_memory
from schemas.paths import beside_if_there
from schemas.resources import Resources
from schemas.strict import Strict
from stages.requests.base import Request

_GIVEN_BACK = 60.0  # seconds within which the memory on a card of a process that was killed is free again
_LOOKS = 5.0  # seconds between two tries to load into it
log = logging.getLogger(__name__)


class Unavailable(Exception):
    """The world failed (timeout, 429, 5xx, out of memory): no verdict on the row; it stays pending."""


class Refused(Exception):
    """The engine can't take this request however often it is asked: a verdict on the row."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message = reason, message


class EngineLost(Exception):
    """The engine will answer nobody any more, and loading it anew in this process won't help: its process has to go."""


class EngineConfig(Strict):
    """Base of a backend's settings in the recipe (the keys beside `backend`).

    Files that `model`, `codebook`, `bank` and `source` name are looked for beside the recipe, then where the command runs.
    """

    licence: str = Field("", description="terms of the model, where its own files don't tell; in no key")
    resources: Resources = Resources()

    @field_validator("model", "codebook", "bank", "source", check_fields=False)
    @classmethod
    def _beside_the_recipe(cls, value: Any, info: ValidationInfo) -> Any:
        named = isinstance(value, str) and value
        if not named or (info.field_name == "model" and "/" not in value):  # a bare name is one of the catalogue
            return value
        return beside_if_there(value, info)


class Engine(Protocol):
    """A loaded model. `batch_invariant`: no reply depends on what else is asked at the same time.

    It may have a `usage`, a counter of what it took that replies don't show: `prompt_tokens`, `retries`.
    """

    batch_invariant: ClassVar[bool]

    def submit(self, request: Request) -> "Future[Any]":
        """The reply, later. The future raises `Unavailable`, `Refused` or `EngineLost`; anything else is the engine's fault."""
        ...

    def close(self) -> None: ...


def loaded(backend: ModuleType, config: EngineConfig) -> Engine:
    """The engine. A card is given away while the memory of who had it before is still being freed: that is waited for."""
    end = time.monotonic() + _GIVEN_BACK
    while True:
        try:
            engine: Engine = backend.load(config)
            return engine
        except Exception as error:
            if not config.resources.num_gpus or not out_of_memory(error) or time.monotonic() > end:
                raise
            log.warning("%s; it is tried again", error)
        time.sleep(_LOOKS)


class Batching(ABC):
    """An engine that works on a list of requests at a time: one worker thread that takes what is waiting.

    It serves several callers at once, so that one shard's requests fill the batch that another's tail leaves empty.
    """

    batch_invariant: ClassVar[bool] = True

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.usage: Counter[str] = Counter()
        self._waiting: queue.SimpleQueue[tuple[Request, Future[Any]] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, daemon=True, name=type(self).__name__)
        self._worker.start()

    @abstractmethod
    def answer(self, requests: list[Request]) -> list[Any]:
        """The replies, in order. Raising makes each request be tried alone; where memory ran out, half of them first."""

    def cost(self, request: Request) -> float:
        """What the request's length is: requests of like cost go together, where padding costs."""
        return 0.0

    def submit(self, request: Request) -> "Future[Any]":
        future: Future[Any] = Future()
        self._waiting.put((request, future))
        return future

    def close(self) -> None:
        self._waiting.put(None)
        self._worker.join(timeout=30)

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            taken = [first]
            while not self._waiting.empty():
                if (item := self._waiting.get()) is None:
                    self._waiting.put(None)
                    break
                taken.append(item)
            taken.sort(key=lambda item: self.cost(item[0]))
            while taken:
                now = taken[: self.batch]  # which may be smaller after each
                taken = taken[len(now) :]
                self._settle(now)

    def _settle(self, items: list[tuple[Request, "Future[Any]"]]) -> None:
        try:
            replies = self.answer([request for request, _ in items])
            if len(replies) != len(items):  # one of another kind is among them; nothing may end this thread
                kinds = ", ".join(sorted({type(request).__name__ for request, _ in items}))
                raise TypeError(f"{type(self).__name__} has {len(replies)} replies to {len(items)} requests ({kinds})")
        except Exception as error:
            verdict = self._verdict(error)
            if len(items) == 1 or isinstance(verdict, EngineLost):
                for _, future in items:
                    future.set_exception(verdict)
                return
            size = 1
            if verdict is not error:  # memory ran out, and would again
                size = self.batch = len(items) // 2
                log.warning("%s: %d requests don't fit into memory at once: halved", type(self).__name__, len(items))
                self.usage["halved_batches"] += 1
            for start in range(0, len(items), size):
                self._settle(items[start : start + size])
            return
        for (_, future), reply in zip(items, replies, strict=True):
            future.set_result(reply)

    def _verdict(self, error: Exception) -> Exception:
        """Where the machine is at fault, which each library tells in its own way, the error that says so."""
        name = type(self).__module__.rpartition(".")[2]  # as recipes have it
        if isinstance(error, Refused | Unavailable):
            return error
        if card_is_lost(error):
            return EngineLost(f"{name} on {which_card()}: {str(error).splitlines()[0]}")
        if out_of_memory(error):
            return Unavailable(
                f"{name}: out of memory on one request alone; fewer replicas a machine, or a smaller model"
            )
        return error
