"""LLM: any server that speaks the OpenAI protocol (vLLM, llama.cpp, a hosted one), through the `openai` client."""

import json
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from voxsmith.models.openai_protocol import Choice, Reply, Unreadable, Usage, read, was_cut
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.openai_client import Again, Client, ServerConfig, server_backend
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion

_CHARACTERS = 32  # of a token at most: what is longer comes from a server that doesn't keep to max_tokens
_TOKEN = 2 * 2**10  # bytes of a token at most: escaped, and with the log-probabilities of twenty others
_THOUGHTS = "where the model thinks first, raise the stage's max_tokens, or turn that off in the engine's extra"


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
        plainly = None if plain == request else lambda: self._try(plain)
        most = _most_tokens(body, request)
        content = await self.exchange(
            path,
            lambda: api.with_raw_response.create(**subject, extra_body=body),
            plainly,
            _TOKEN * most,
        )
        where = self.config.base_url + path
        try:
            reply = read(Reply, content)
        except Unreadable as error:
            start = self.quote(content.decode(errors="replace"))
            raise Again(
                f"{where}: a reply that isn't the OpenAI protocol's ({error}): {start}; {self.doubt()}"
            ) from None
        choice, usage = reply.choices[0], reply.usage or Usage()
        self.usage["prompt_tokens"] += usage.prompt_tokens or 0
        if choice.finish_reason == "content_filter" or choice.refusal:
            refused = Refused("content_filter", choice.refusal or "the server's filter cut the reply")
            raise await self.judged(refused, f"{where}: {refused}", plainly)
        if choice.said is None or (
            not choice.said.strip() and choice.said_or_thought.strip()
        ):  # thoughts alone: in plain words, too?
            if plainly is None:
                raise Unavailable(f"{where}: a reply without a text; {_THOUGHTS}")
            await plainly()
        return _completion(choice, usage, most)


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


def _most_tokens(body: dict[str, Any], request: Complete) -> int:
    """What the reply may have: the engine's extra may say more than the stage, for a model that thinks first."""
    limits = [body.get(name) for name in ("max_completion_tokens", "max_tokens")]
    return next((limit for limit in limits if type(limit) is int and limit > 0), request.max_tokens)


def _completion(choice: Choice, usage: Usage, max_tokens: int) -> Completion:
    """The reply's text, cut where it has more characters than `max_tokens` tokens could have."""
    text, most, tokens = choice.said_or_thought, _CHARACTERS * max_tokens, usage.completion_tokens or 0
    is_cut = was_cut(choice.finish_reason, tokens, max_tokens) or len(text) > most
    return Completion(text[:most], "length" if is_cut else "stop", tokens)


BACKEND = server_backend("llm_openai", Config, OpenAI)
