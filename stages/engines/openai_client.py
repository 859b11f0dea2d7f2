"""Asking a server that speaks the OpenAI protocol, through the `openai` client: what language models and voices share.

Requests flow one by one, as many at a time as `resources.concurrency` says. Failures of the environment (no connection,
silence, 429, 5xx, a broken reply) are retried with exponential backoff. Whatever a server does is no verdict on a row, but
for words that it refuses where it takes others.
"""

import asyncio
import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from pydantic import Field, field_validator

from voxsmith.models.loading import one_line
from voxsmith.models.openai_protocol import Models, Unreadable, complaint, read
from voxsmith.models.references import ModelMissing
from voxsmith.models.server_address import server_address
from voxsmith.schemas.names import closest
from voxsmith.schemas.resources import Resources
from voxsmith.schemas.retry_after import seconds_to_wait
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Engine, EngineConfig, Refused, Unavailable
from voxsmith.stages.engines.event_loop import EventLoop, cancel_the_others

LARGEST = 4 * 2**20  # bytes of a reply beside what its text or audio may need: wrappings, an echo, a list of models
LONGEST_PAUSE = 120.0  # seconds; where a server asks for a longer pause the request is pending
TRY_AGAIN = {408, 409, 425, 429}  # and all from 500 on
ABOUT_THE_REQUEST = (400, 413, 422)  # what a server may say of one request alone
UNTAKEN = "the server doesn't take such requests: look at the engine's model and extra"
# What servers say of a request that doesn't fit: OpenAI's code, llama.cpp's type, words of vLLM, TGI and others.
TOO_LONG = ("context_length_exceeded", "exceed_context_size", "context length", "context size", "too many tokens")
OF_REPLIES = ("max_tokens", "max_completion_tokens", "completion")  # or its reply: that is the recipe's fault
FILTERED = ("content_filter", "content_policy_violation")
_LOOK = 5.0  # seconds that `trouble` waits
T = TypeVar("T")
Send = Callable[[], Awaitable[Any]]  # gives a raw response of `openai`
Plainly = Callable[[], Awaitable[Any]]
log = logging.getLogger(__name__)


class ServerResources(Resources):
    """Waiting for a server takes no core."""

    num_cpus: float = Field(0.1, ge=0, description="of Ray's CPUs, an actor")
    concurrency: int = Field(16, ge=1, description="requests under way at a time, an actor")
    patience: float = Field(7200, gt=0, description="as for others; longer than all attempts at a request take")

    @property
    def at_once(self) -> int | None:
        return self.concurrency if self.concurrency > 64 else None


class ServerConfig(EngineConfig):
    """Settings of every backend that asks such a server."""

    base_url: str = Field(description="where the server is, up to /v1")
    model: str = Field(description="the name by which the server knows the model")
    revision: str = Field("", description="of the served model; change it when the server gets other weights")
    extra: dict[str, Any] = Field({}, description="more fields of each request's body; null leaves one out")
    licence: str = Field("unknown", description="terms of what the model makes")
    api_key_env: str = Field(
        "OPENAI_API_KEY", description="environment variable that holds the key, where one is needed"
    )
    timeout: float = Field(120, gt=0, description="seconds that a reply may take")
    retries: int = Field(6, ge=0, description="attempts after the first")
    backoff: float = Field(0.5, ge=0, description="seconds before the first retry; twice as long before each other")
    resources: ServerResources = ServerResources()

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return server_address(url)

    @field_validator("extra")
    @classmethod
    def _is_json(cls, extra: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(extra, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"it goes into the body of requests, which is JSON: {error}") from None
        return extra


class Again(Exception):
    """This try failed; another may not. `pause`: seconds that the server asks for first."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


class Answer(NamedTuple):
    """What came over the wire. `pause`: seconds that the server asks to be left alone; `location`: where it sends askers on."""

    status: int
    body: bytes
    pause: float
    location: str


class Client:
    """Talks to the server in an event loop of its own thread."""

    def __init__(self, config: ServerConfig) -> None:
        import openai

        from voxsmith.models.bounded_http import BoundedClient

        self.config = config
        self.key = os.environ.get(config.api_key_env, "").strip()
        if not (self.key.isascii() and self.key.isprintable()):  # the library's error would hold the key
            raise ModelMissing(
                f"the environment variable {config.api_key_env} holds no key: it has signs that no key has"
            )
        self.client = openai.AsyncOpenAI(
            base_url=config.base_url,
            api_key=self.key or "none",
            max_retries=0,
            timeout=config.timeout,
            default_headers={"Accept-Encoding": "identity"},
            http_client=BoundedClient(),
        )
        self._places = asyncio.Semaphore(config.resources.concurrency)
        self._not_before = 0.0  # when the server wants to be asked again (time.monotonic)
        self._replies = 0
        self._down = False  # nothing came through while a request used up its attempts
        self.usage: Counter[str] = Counter()
        self._loop = EventLoop(type(self).__name__)
        self.start = self._loop.start

    def close(self) -> None:
        """Requests under way become Unavailable."""
        self._loop.close(self._close())

    async def _close(self) -> None:
        await cancel_the_others()
        await self.client.close()

    async def insist(self, try_once: Callable[[], Awaitable[T]]) -> T:
        """Try, and try again. While the server is down each request is tried just once, so that a run ends soon.

        Raises Refused or Unavailable and nothing else: what goes wrong between here and a server judges no row.
        """
        try:
            async with self._places:
                before, tries = self._replies, 1 if self._down else self.config.retries + 1
                for done in range(1, tries + 1):
                    self.usage["retries"] += done > 1
                    if (ahead := self._not_before - time.monotonic()) > 0:
                        await asyncio.sleep(ahead + self._pause(1))
                    try:
                        reply = await try_once()
                    except Again as failure:
                        if done == tries or failure.pause > LONGEST_PAUSE:
                            self._down = self._replies == before
                            raise Unavailable(f"{failure} ({done} {'try' if done == 1 else 'tries'})") from None
                        self._not_before = max(self._not_before, time.monotonic() + failure.pause)
                        await asyncio.sleep(self._pause(done))
                    else:
                        self._replies += 1
                        self._down = False
                        return reply
        except (Refused, Unavailable):
            raise
        except asyncio.CancelledError:
            raise Unavailable("the engine was closed") from None
        except Exception as error:
            log.exception("what %s sent could not be dealt with", self.config.base_url)
            raise Unavailable(f"{self.config.base_url}: {self.quote(one_line(error))}") from None
        raise AssertionError("there is at least one try")

    def _pause(self, failures: int) -> float:
        """Seconds: the backoff doubled for each failure, shortened by chance, so that requests don't come in waves."""
        whole: float = self.config.backoff * 2 ** (failures - 1)
        return min(LONGEST_PAUSE, whole) * random.uniform(0.5, 1)

    async def exchange(self, path: str, send: Send, plainly: Plainly | None, more: int = 0) -> bytes:
        """The body of the server's reply: LARGEST bytes and `more` at most. Raises Again, Unavailable or Refused.

        `send` asks for it; `plainly` asks the same in plain words, None where it is plain already.
        """
        answer = await self._fetch(path, send, LARGEST + more)
        if not 200 <= answer.status < 300:
            raise await self._status(path, answer, plainly)
        return answer.body

    async def _fetch(self, path: str, send: Send, most: int) -> Answer:
        """What the server answers, of whatever status. Raises Again or Unavailable."""
        import openai

        from voxsmith.models.bounded_http import MOST, BadBody

        where = self.config.base_url + path
        MOST.set(most)
        try:
            async with asyncio.timeout(self.config.timeout):
                response = (await send()).http_response
        except openai.APIStatusError as error:
            response = error.response
        except (TimeoutError, openai.APITimeoutError):
            raise Again(
                f"{where}: no reply within {self.config.timeout:g} s; "
                "lower the engine's resources.concurrency, or raise its timeout"
            ) from None
        except (BadBody, openai.APIConnectionError) as error:
            cause = error if isinstance(error, BadBody) else error.__cause__ or error
            if isinstance(cause, BadBody):
                raise Again(f"{where}: {cause}") from None
            why = self.quote(str(cause) or type(cause).__name__)
            raise Again(f"{where}: no connection, or one that broke: {why}; is the server running there?") from None
        except Exception as error:  # of as many kinds as there are libraries below
            raise Again(f"{where}: {self.quote(one_line(error))}") from None
        pause = seconds_to_wait(response.headers.get("retry-after")) or 0.0
        return Answer(response.status_code, bytes(response.content), pause, response.headers.get("location", ""))

    async def _status(self, path: str, answer: Answer, plainly: Plainly | None) -> Exception:
        """What a status that isn't 200 means. It is a verdict on the row only where a server says in JSON what is wrong with
        the request, or a proxy says that it is too long; and only where the row's words are shown to be at fault, and not
        settings: see `judged`.
        """
        status, said = answer.status, complaint(answer.body)
        message = self.quote(said.message)
        what = f"{self.config.base_url}{path}: status {status}" + (f": {message}" if message else "")
        if "insufficient_quota" in said.kind:
            return Unavailable(f"{what}; the account has no credit left")
        if status in TRY_AGAIN or status >= 500:
            return Again(what, answer.pause)
        if status in (401, 403):
            has = "set, but not taken" if self.key else "not set"
            return Unavailable(f"{what}; the key comes from the environment variable {self.config.api_key_env}: {has}")
        if status < 400:
            elsewhere = self.quote(answer.location)
            return Unavailable(f"{what}; it sends requests on to '{elsewhere}': where that is right, it is base_url")
        if status == 404 or "model_not_found" in said.kind:
            return Unavailable(f"{what}; {await self._advice()}")
        if not (said.is_json or status == 413):
            return Again(f"{what}; {self.doubt()}")
        if status not in ABOUT_THE_REQUEST:
            return Unavailable(f"{what}; {UNTAKEN}")
        if any(sign in said.kind for sign in FILTERED):
            return await self.judged(Refused("content_filter", message), what, plainly)
        if status == 413 or any(sign in said.kind for sign in TOO_LONG):
            refused = Refused("prompt_too_long", message)
            # Plain words are short, so they get through: but where it is the reply that would be too long.
            is_certain = plainly is not None and said.is_protocol and not any(word in said.kind for word in OF_REPLIES)
            return refused if is_certain else await self.judged(refused, what, plainly)
        return await self.judged(Refused("bad_request", message), what, plainly)

    async def judged(self, refused: Refused, what: str, plainly: Plainly | None) -> Exception:
        """The same request in plain words tells: where that gets through, the row's words are at fault; where it doesn't, the
        settings or the server are, and no row is judged. Raises what asking so raises: Again or Unavailable.
        """
        if plainly is None:
            return Unavailable(f"{what}; {UNTAKEN}")
        await plainly()
        return refused

    def quote(self, text: str) -> str:
        """What a server said: its start, in one line, without the key, which some repeat."""
        text = text.replace(self.key, "***") if self.key else text
        return " ".join(text[:5000].split())[:500]

    def doubt(self) -> str:
        return f"is base_url right? It usually ends in /v1; it is {self.config.base_url}"

    async def _advice(self) -> str:
        """What the server has, where it says so."""
        try:
            names = await self._names()
        except (Again, Unavailable):
            return self.doubt()
        near = closest(self.config.model, names)
        return f"the server has {self.quote(', '.join(names))}" + (f"; did you mean '{near}'?" if near else "")

    async def _names(self) -> list[str]:
        """The server's models. Raises Again or Unavailable."""
        answer = await self._fetch("/models", self.client.models.with_raw_response.list, LARGEST)
        where = self.config.base_url
        if not 200 <= answer.status < 300:
            env = self.config.api_key_env
            raise Unavailable(f"{where} answers with status {answer.status}; {self.doubt()}; the key comes from {env}")
        try:
            return [model.id for model in read(Models, answer.body).data]
        except Unreadable as error:
            raise Unavailable(f"{where} lists no models in the OpenAI protocol ({error}); {self.doubt()}") from None

    async def trouble(self) -> str:
        """What stands in the way of using the server now; "" where it answers and has the model."""
        try:
            names = await self._names()
        except Again as error:
            where = self.config.base_url
            return f"no server answers at {where}: {str(error).removeprefix(f'{where}/models: ')}"
        except Unavailable as error:
            return str(error)
        if self.config.model in names:
            return ""
        return f"the server has no model '{self.config.model}'; it has {self.quote(', '.join(names)) or 'none'}"


def trouble(config: ServerConfig) -> str:
    """What stands in the way of using the server now; "" where it answers and has the model."""
    try:
        client = Client(config.model_copy(update={"timeout": min(_LOOK, config.timeout)}))
    except ModelMissing as error:
        return str(error)
    try:
        return client.start(client.trouble()).result()
    finally:
        client.close()


def server_backend(
    name: str,
    config: type[ServerConfig],
    load: Callable[[Any], Engine],
    more: Callable[[Any], dict[str, Any]] = lambda config: {},
) -> Backend[Any]:
    """A backend that asks such a server. Its identity holds neither the address nor the key: the same model elsewhere gives
    the same replies. `more`: settings of its own that shape replies.

    A server makes its batches of whatever comes, so its replies are not promised to be batch-invariant.
    """

    def identity(settings: ServerConfig) -> dict[str, Any]:
        model = f"{settings.model}@{settings.revision}" if settings.revision else settings.model
        return {"backend": name, "model": model, "extra": settings.extra, **more(settings)}

    return Backend(
        name=name,
        config=config,
        load=load,
        identity=identity,
        models=lambda settings: (),
        licence=lambda settings: str(settings.licence),
        packages=("openai",),
        extra="quickstart",
        trouble=trouble,
    )
