"""LLM: any server that speaks the OpenAI protocol (vLLM, llama.cpp, a paid one), many requests at a time."""

import asyncio
import json
import os
import random
import threading
from concurrent.futures import Future
from typing import Any, ClassVar

from pydantic import Field

from stages.engines.base import EngineConfig, Refused, Unavailable
from stages.requests import Complete, Completion, Request

KIND = "llm"
BATCH_INVARIANT = False
_BAD_PROMPT = ("context", "too long", "maximum", "tokens")
_BACKOFF = 0.5  # seconds before the second try; doubles, with jitter
_LONGEST_WAIT = 30.0  # seconds


class Config(EngineConfig):
    """Settings of `llm_openai`. Where the server is and how it is asked are machine settings: they are in no key."""

    base_url: str = Field(description="where the server is, e.g. http://127.0.0.1:8000/v1")
    model: str = Field(description="the model's name at the server")
    licence: str = Field("unknown", description="terms of what the model makes")
    api_key_env: str = Field("OPENAI_API_KEY", description="name of the environment variable that holds the key")
    timeout: float = Field(120.0, gt=0, description="seconds a request may take")
    retries: int = Field(4, ge=0, description="further tries after a failure of the world")
    concurrency: int = Field(16, ge=1, description="requests under way at a time")


def identity(config: Config) -> dict[str, Any]:
    return {"backend": "llm_openai", "model": config.model}


def models(config: Config) -> tuple[str, ...]:
    return ()


def licence(config: Config) -> str:
    return config.licence


def load(config: Config) -> "OpenAI":
    return OpenAI(config)


class OpenAI:
    """A client with an event loop of its own; requests of all shards share its places."""

    batch_invariant: ClassVar[bool] = False

    def __init__(self, config: Config) -> None:
        import openai

        self.config = config
        self.openai = openai
        self.client = openai.AsyncOpenAI(
            base_url=config.base_url,
            api_key=os.environ.get(config.api_key_env) or "none",
            timeout=config.timeout,
            max_retries=0,
        )
        self.places = asyncio.Semaphore(config.concurrency)
        self.failures = 0  # in a row, over all requests: a server that is down is not asked by each row at length
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="llm_openai")
        self.thread.start()

    def submit(self, request: Request) -> "Future[Completion]":
        if not isinstance(request, Complete):
            raise TypeError(f"an LLM can't answer a {type(request).__name__}")
        return asyncio.run_coroutine_threadsafe(self._ask(request), self.loop)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.client.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _ask(self, request: Complete) -> Completion:
        async with self.places:
            tries = 1 if self.failures > 2 * self.config.concurrency else self.config.retries + 1
            for number in range(1, tries + 1):
                try:
                    reply = await self._once(request)
                except _Passing as failure:
                    self.failures += 1
                    if number == tries:
                        raise Unavailable(f"{self.config.base_url}: {failure}; asked {number} times") from None
                    await asyncio.sleep(_wait(number, failure.after))
                else:
                    self.failures = 0
                    return reply
        raise AssertionError("unreachable")

    async def _once(self, request: Complete) -> Completion:
        """One try. Raises _Passing where another may help, Unavailable or Refused where not."""
        try:
            return self._completion(await self._send(request))
        except self.openai.APITimeoutError:
            raise _Passing(f"no reply within {self.config.timeout:g} s") from None
        except self.openai.APIConnectionError as error:
            raise _Passing(f"no connection ({error.__cause__ or error})") from None
        except (self.openai.RateLimitError, self.openai.InternalServerError) as error:
            raise _Passing(f"status {error.status_code}", _retry_after(error.response.headers)) from None
        except (self.openai.AuthenticationError, self.openai.PermissionDeniedError) as error:
            advice = f"put a valid key into the environment variable {self.config.api_key_env}"
            raise Unavailable(f"{self.config.base_url}: status {error.status_code}: {advice}") from None
        except self.openai.NotFoundError:
            there = await self._names()
            raise Unavailable(f"{self.config.base_url}: no model '{self.config.model}'; there is {there}") from None
        except self.openai.APIStatusError as error:
            raise _refusal(error.status_code, str(error.message)) from None
        except (json.JSONDecodeError, self.openai.APIResponseValidationError, self.openai.APIError) as error:
            raise _Passing(f"a reply that can't be read ({type(error).__name__})") from None

    async def _send(self, request: Complete) -> Any:
        options: dict[str, Any] = {
            "model": self.config.model,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "seed": request.seed,
        }
        if request.messages is None:
            return await self.client.completions.create(prompt=request.prompt or "", **options)
        messages: Any = [{"role": role, "content": content} for role, content in request.messages]
        if request.json_schema is not None:
            schema = {"name": "reply", "schema": json.loads(request.json_schema), "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        return await self.client.chat.completions.create(messages=messages, **options)

    def _completion(self, reply: Any) -> Completion:
        if not getattr(reply, "choices", None):
            raise _Passing("a reply without choices")
        choice = reply.choices[0]
        text = choice.text if hasattr(choice, "text") else choice.message.content
        tokens = reply.usage.completion_tokens if reply.usage else 0
        return Completion(text or "", "length" if choice.finish_reason == "length" else "stop", tokens)

    async def _names(self) -> str:
        try:
            return ", ".join([model.id async for model in self.client.models.list()]) or "none"
        except self.openai.OpenAIError:
            return "no list of models"


class _Passing(Exception):
    """A failure that another try may not meet. `after`: seconds that the server asks to wait."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


def _wait(number: int, after: float | None) -> float:
    """Seconds before the next try: what the server asks for, or twice as long each time, with jitter."""
    if after is not None:
        return min(after, _LONGEST_WAIT)
    return min(_BACKOFF * 2 ** (number - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.5)


def _retry_after(headers: Any) -> float | None:
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return None


def _refusal(status: int, message: str) -> Refused:
    if "content" in message and ("filter" in message or "policy" in message):
        return Refused("content_filter", message)
    if any(word in message.lower() for word in _BAD_PROMPT):
        return Refused("prompt_too_long", message)
    return Refused("bad_request", f"status {status}: {message}")
