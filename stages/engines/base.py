"""What engines share: settings that each has in a recipe, errors, and the queue that fills batches."""

import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sized
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from voxsmith.models.lost_gpu import gpu_is_lost, which_gpu
from voxsmith.models.out_of_memory import out_of_memory
from voxsmith.schemas.paths import beside_if_there
from voxsmith.schemas.resources import Resources
from voxsmith.schemas.strict import Strict
from voxsmith.stages.requests.base import Request

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger(__name__)


class Unavailable(Exception):
    """The environment failed (timeout, 429, 5xx, out of memory): no verdict on the row; it stays pending."""


class Refused(Exception):
    """The engine can't take this request, and a retry won't help: a verdict on the row."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message = reason, message


class EngineLost(Exception):
    """The engine answers no request any more, and loading it again in this process won't help: its process has to end."""


class Mismatch(Unavailable, TypeError):
    """A backend's code gives replies that don't match the requests. No row is at fault: they stay pending."""


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
    """A loaded model. It may have a `usage`, a counter of what replies don't show: `prompt_tokens`, `retries`."""

    def submit(self, request: Request) -> "Future[Any]":
        """The reply, later. The future raises `Unavailable`, `Refused` or `EngineLost`; anything else is the engine's fault."""
        ...

    def close(self) -> None: ...


class Batching(ABC):
    """An engine that works on a list of requests at a time: one worker thread that takes what is waiting.

    It serves several callers at once, so that one shard's requests fill the batch that another's tail leaves empty.
    """

    def __init__(self, batch: int = 1) -> None:
        self.name = type(self).__name__  # for messages; `Backend.load` puts the backend's name in its place
        self.batch = batch
        self.usage: Counter[str] = Counter()
        self._waiting: queue.SimpleQueue[tuple[Request, Future[Any]] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, daemon=True, name=type(self).__name__)
        self._worker.start()

    @abstractmethod
    def answer(self, requests: list[Request]) -> list[Any]:
        """The replies, in order. Raising makes each request be tried alone; where memory ran out, half of them first."""

    def cost(self, request: Request) -> float:
        """How long the request is: requests of similar cost are batched together, because padding costs time."""
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
            taken.sort(key=lambda item: self._cost(item[0]))
            while taken:
                now = taken[: self.batch]  # which may be smaller after each
                taken = taken[len(now) :]
                self._settle(now)

    def _cost(self, request: Request) -> float:
        """0 where the backend's `cost` fails, on a request of another kind, say: `answer` then says so for that request alone,
        while an error here would end the thread, and with it all requests that wait.
        """
        try:
            return self.cost(request)
        except Exception as error:  # of any kind: a backend may be anybody's
            log.debug("%s has no cost for a %s: %s", self.name, type(request).__name__, error)
            return 0.0

    def _settle(self, items: list[tuple[Request, "Future[Any]"]]) -> None:
        try:
            replies = self.answer([request for request, _ in items])
            count = len(replies) if isinstance(replies, Sized) else "no list of"
            if count != len(items):  # one of another kind is among them; nothing may end this thread
                kinds = ", ".join(sorted({type(request).__name__ for request, _ in items}))
                raise Mismatch(f"{self.name} has {count} replies to {len(items)} requests ({kinds})")
        except Exception as error:
            verdict = self._verdict(error)
            if len(items) == 1 or isinstance(verdict, EngineLost):
                for _, future in items:
                    future.set_exception(verdict)
                return
            size = 1 if verdict is error else self._halved(len(items))  # where memory ran out, it would again
            for start in range(0, len(items), size):
                self._settle(items[start : start + size])
            return
        for (_, future), reply in zip(items, replies, strict=True):
            future.set_result(reply)

    def in_halves(self, work: Callable[[list[T]], list[R]], items: list[T], alone: Callable[[T], str]) -> list[R]:
        """What `work` makes of all items at once; where memory doesn't suffice, of the halves of them, down to one item.

        For an engine that cuts requests into parts, of which one request may have many. Raises Unavailable where memory
        doesn't suffice for one item: `alone` says what that item is, and what to do.
        """
        try:
            return work(items)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # Out of the `except`, which would keep the failed pass's tensors in memory.
        if len(items) == 1:
            raise Unavailable(f"{self.name}: out of memory on {alone(items[0])}")
        middle = self._halved(len(items))
        return self.in_halves(work, items[:middle], alone) + self.in_halves(work, items[middle:], alone)

    def _halved(self, count: int) -> int:
        """So many don't fit into memory at once: the batch is half of that from now on."""
        self.batch = count // 2
        self.usage["halved_batches"] += 1
        log.warning("%s: a batch of %d doesn't fit into memory: halved", self.name, count)
        return self.batch

    def _verdict(self, error: Exception) -> Exception:
        """The error that a request gets: another one where the machine is at fault, which each library says in its own way."""
        if isinstance(error, Refused | Unavailable):
            return error
        if gpu_is_lost(error):
            return EngineLost(f"{self.name} on {which_gpu()}: {str(error).splitlines()[0]}")
        if out_of_memory(error):
            return Unavailable(
                f"{self.name}: out of memory on one request alone; fewer replicas a machine, or a smaller model"
            )
        return error
