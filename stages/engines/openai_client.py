"""Asking a server that speaks the OpenAI protocol, through the `openai` client: what language models and voices share.

Requests flow one by one, as many at a time as `resources.concurrency` says. Failures of the environment (no connection,
silence, 429, 5xx, a broken reply) are retried with exponential backoff, and are never a verdict on a row.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from voxsmith.schemas.names import closest
from voxsmith.schemas.resources import Resources
from voxsmith.schemas.retry_after import seconds_to_wait
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Engine, EngineConfig, Refused, Unavailable
from voxsmith.stages.engines.event_loop import EventLoop, cancel_the_others

LONGEST_PAUSE = 120.0  # seconds; where a server asks for a longer pause the request is pending
TRY_AGAIN = {408, 409, 425, 429}  # and all from 500 on
# What servers say of a request that doesn't fit: OpenAI's code, llama.cpp's type, words of vLLM, TGI and others.
TOO_LONG = ("context_length_exceeded", "exceed_context_size", "context length", "context size", "too many tokens")
FILTERED = ("content_filter", "content_policy_violation")
T = TypeVar("T")


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
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"'{url}' is no address of a server; one looks like http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("an address holds no key: put it into the environment variable of api_key_env")
        return url.rstrip("/")


class Again(Exception):
    """This try failed; another may not. `pause`: seconds that the server asks for first."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


class Client:
    """Talks to the server in an event loop of its own thread."""

    def __init__(self, config: ServerConfig) -> None:
        import openai

        self.config = config
        self.key = os.environ.get(config.api_key_env, "").strip()
        self.client = openai.AsyncOpenAI(
            base_url=config.base_url, api_key=self.key or "none", max_retries=0, timeout=config.timeout
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
        """Try, and try again. While the server is down each request is tried just once, so that a run ends soon."""
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
        except asyncio.CancelledError:
            raise Unavailable("the engine was closed") from None
        raise AssertionError("there is at least one try")

    def _pause(self, failures: int) -> float:
        """Seconds: the backoff doubled for each failure, shortened by chance, so that requests don't come in waves."""
        whole: float = self.config.backoff * 2 ** (failures - 1)
        return min(LONGEST_PAUSE, whole) * random.uniform(0.5, 1)

    async def exchange(
        self, path: str, send: Callable[[], Awaitable[Any]], plainly: Callable[[], Awaitable[Any]] | None
    ) -> bytes:
        """The body of the server's reply. Raises Again, Unavailable or Refused.

        `send` asks for it; `plainly` asks the same in plain words, None where it is plain already.
        """
        import openai

        where = self.config.base_url + path
        try:
            async with asyncio.timeout(self.config.timeout):
                raw = await send()
            return bytes(raw.http_response.content)
        except openai.APIStatusError as error:
            raise await self._status(where, error, plainly) from None
        except (TimeoutError, openai.APITimeoutError):
            raise Again(
                f"{where}: no reply within {self.config.timeout:g} s; "
                "lower the engine's resources.concurrency, or raise its timeout"
            ) from None
        except openai.APIConnectionError as error:
            cause = str(error.__cause__ or error)
            raise Again(f"{where}: no connection, or one that broke: {cause}; is the server running there?") from None

    async def _status(self, where: str, error: Any, plainly: Callable[[], Awaitable[Any]] | None) -> Exception:
        """What a status that isn't 200 means: whether the request is at fault or the environment.

        Of a 400 that doesn't say what it is about, the same request in plain words tells: where that gets through, the
        row's words are at fault; where it doesn't, the settings are, and no row is judged.
        """
        status = error.status_code
        body = error.body if isinstance(error.body, dict) else {}
        message = self.quote(str(body.get("message") or body.get("detail") or error.message))
        kind = f"{body.get('code')} {body.get('type')} {message}".lower()
        what = f"{where}: status {status}: {message}"
        if "insufficient_quota" in kind:
            return Unavailable(f"{what}; the account has no credit left")
        if status in TRY_AGAIN or status >= 500:
            return Again(what, seconds_to_wait(error.response.headers.get("retry-after")) or 0.0)
        if status in (401, 403):
            has = "set, but not taken" if self.key else "not set"
            return Unavailable(f"{what}; the key comes from the environment variable {self.config.api_key_env}: {has}")
        if any(sign in kind for sign in FILTERED):
            return Refused("content_filter", message)
        if status == 413 or any(sign in kind for sign in TOO_LONG):
            return Refused("prompt_too_long", message)
        if status == 404 or "model_not_found" in kind:
            return Unavailable(f"{what}; {await self._advice()}")
        if plainly is None:
            return Unavailable(f"{what}; the server doesn't take such requests: look at the engine's model and extra")
        await plainly()
        return Refused("bad_request", message)

    def quote(self, text: str) -> str:
        """What a server said: its start, without the key, which some repeat."""
        return (text.replace(self.key, "***") if self.key else text)[:500]

    async def _advice(self) -> str:
        """What the server has, where it says so."""
        import openai

        try:
            names = [model.id async for model in self.client.models.list()]
        except openai.OpenAIError:
            return f"is base_url right? It usually ends in /v1; it is {self.config.base_url}"
        near = closest(self.config.model, names)
        return f"the server has {', '.join(names)}" + (f"; did you mean '{near}'?" if near else "")


def trouble(config: ServerConfig) -> str:
    """What stands in the way of using the server now; "" where it answers and has the model."""
    import openai

    key = os.environ.get(config.api_key_env, "").strip() or "none"
    client = openai.OpenAI(base_url=config.base_url, api_key=key, max_retries=0, timeout=5)
    try:
        names = [model.id for model in client.models.list()]
    except openai.APIConnectionError:
        return f"no server answers at {config.base_url}"
    except openai.APIStatusError as error:
        return f"{config.base_url} answers with status {error.status_code}; the key comes from {config.api_key_env}"
    return "" if config.model in names else f"the server has no model '{config.model}'; it has {', '.join(names)}"


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
