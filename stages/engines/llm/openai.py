"""LLM: any server that speaks the OpenAI protocol (vLLM, llama.cpp, a hosted one), through the `openai` client."""

import json
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.openai_client import Again, Client, ServerConfig, server_backend
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion

_CHARACTERS = 32  # of a token at most: what is longer comes from a server that doesn't keep to max_tokens


class Config(ServerConfig):
    """Settings of `llm_openai`."""


class OpenAI(Client):
    def submit(self, request: Request) -> "Future[Completion]":
        if not isinstance(request, Complete):
            raise TypeError(f"a language model can't take a {type(request).__name__}")
        return self.start(self.insist(lambda: self._try(request)))

    async def _try(self, request: Complete) -> Completion:
        """One exchange. Raises Again, Unavailable or Refused."""
        chat = request.messages is not None
        path = "/chat/completions" if chat else "/completions"
        api = self.client.chat.completions if chat else self.client.completions
        body = _body(self.config, request)
        subject = {name: body.pop(name) for name in ("model", "messages", "prompt") if name in body}
        plain = _in_plain_words(request)
        content = await self.exchange(
            path,
            lambda: api.with_raw_response.create(**subject, extra_body=body),
            None if plain == request else lambda: self._try(plain),
        )
        try:
            reply = json.loads(content)
            self.usage["prompt_tokens"] += int((reply.get("usage") or {}).get("prompt_tokens") or 0)
            return _completion(reply, request.max_tokens)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            start = self.quote(content.decode(errors="replace"))
            where = self.config.base_url + path
            raise Again(f"{where}: a reply that isn't the OpenAI protocol's ({error!r}): {start}") from None


def _body(config: ServerConfig, request: Complete) -> dict[str, Any]:
    """The request as the protocol has it."""
    body: dict[str, Any] = {
        "model": config.model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if request.messages is not None:
        body["messages"] = [{"role": role, "content": content} for role, content in request.messages]
    else:
        body["prompt"] = request.prompt
    if request.json_schema is not None:
        schema = {"name": "reply", "schema": json.loads(request.json_schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {name: value for name, value in {**body, **config.extra}.items() if value is not None}


def _in_plain_words(request: Complete) -> Complete:
    """The same settings, roles and number of messages; the least to say."""
    if request.messages is not None:
        return replace(request, messages=tuple((role, "Hello") for role, _ in request.messages))
    return replace(request, prompt="Hello", head="")


def _completion(reply: dict[str, Any], max_tokens: int) -> Completion:
    """The reply's text, cut where it has more characters than `max_tokens` tokens could have.

    Raises LookupError, TypeError or AttributeError where the reply has another shape; Refused for a filter's.
    """
    choice = reply["choices"][0]
    message = choice.get("message") or {}
    if choice.get("finish_reason") == "content_filter" or message.get("refusal"):
        raise Refused("content_filter", message.get("refusal") or "the server's filter cut the reply")
    text = (message["content"] if message else choice["text"]) or ""
    most = _CHARACTERS * max_tokens
    usage = reply.get("usage") or {}
    finish = "length" if choice.get("finish_reason") == "length" or len(text) > most else "stop"
    return Completion(text[:most], finish, int(usage.get("completion_tokens") or 0))


BACKEND = server_backend("llm_openai", Config, OpenAI)
