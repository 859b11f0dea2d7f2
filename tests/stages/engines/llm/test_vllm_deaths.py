"""Who is blamed where vLLM dies: vLLM's own engine is a stand-in here that dies of one token."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from voxsmith.stages.engines.base import EngineLost
from voxsmith.stages.engines.llm.vllm import Config
from voxsmith.stages.engines.llm.vllm_core import Core

KILLER = 666


class EngineDeadError(Exception):
    pass


class EngineGenerateError(Exception):
    pass


class AsyncLLM:
    """Works on `max_num_seqs` requests at a time; the others wait inside it."""

    too_large: int = 10**9  # batches from here on don't fit into memory
    started: int = 0

    def __init__(self, batch: int) -> None:
        self.errored = False
        self.places = asyncio.Semaphore(batch)

    @classmethod
    def from_engine_args(cls, given: Any) -> "AsyncLLM":
        if given.max_num_seqs >= cls.too_large:
            raise RuntimeError("CUDA out of memory")
        cls.started += 1
        return cls(given.max_num_seqs)

    def shutdown(self, timeout: float) -> None: ...

    async def generate(self, prompt: dict[str, Any], *_: Any, **__: Any) -> AsyncIterator[str]:
        async with self.places:
            for _step in range(3):
                if self.errored:
                    raise EngineDeadError("dead")
                await asyncio.sleep(0)
            if prompt["prompt_token_ids"] == [KILLER]:
                self.errored = True
                raise EngineDeadError("dead")
        yield "told"


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """The engine sets variables for its own process, which is this one here."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[AsyncLLM]]:
    tokenizer = SimpleNamespace(from_pretrained=lambda folder: None)
    modules: dict[str, dict[str, Any]] = {
        "transformers": {"AutoTokenizer": tokenizer},
        "vllm": {"AsyncEngineArgs": SimpleNamespace},
        "vllm.exceptions": {"VLLMClientError": type("VLLMClientError", (Exception,), {})},
        "vllm.lora": {},
        "vllm.lora.request": {"LoRARequest": object},
        "vllm.v1": {},
        "vllm.v1.engine": {},
        "vllm.v1.engine.async_llm": {"AsyncLLM": AsyncLLM},
        "vllm.v1.engine.exceptions": {"EngineDeadError": EngineDeadError, "EngineGenerateError": EngineGenerateError},
    }
    for name, holds in modules.items():
        module = ModuleType(name)
        module.__dict__.update(holds)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(AsyncLLM, "started", 0)
    yield AsyncLLM


async def outcomes(folder: Path, batch: int, rows: int, killers: set[int]) -> list[int]:
    """Places of the rows that were blamed, each asked twice, as a shard's rows are."""
    core = await Core.start(Config(model=str(folder), resources={"batch": batch, "num_gpus": 0}))  # type: ignore[arg-type]
    under_way, blamed = asyncio.Semaphore(4 * batch), []

    async def ask(row: int) -> None:
        async with under_way:
            for last in (False, True):
                try:
                    assert await core.ask([KILLER if row in killers else row], None) == "told"
                    return
                except RuntimeError as error:
                    assert "it kills vLLM, even alone" in str(error)
                    if last:
                        blamed.append(row)

    await asyncio.gather(*map(ask, range(rows)))
    core.close()
    return sorted(blamed)


@pytest.mark.parametrize(
    ("batch", "rows", "killers"),
    [
        (1, 32, {0}),
        (1, 32, {0, 2, 17}),
        (4, 64, {3}),
        (16, 128, {5, 6, 40}),
        (64, 256, {100}),
        (96, 256, {50}),
        (256, 512, {5, 300}),
    ],
)
def test_only_what_kills_it_alone_is_blamed(
    tmp_path: Path, vllm: type[AsyncLLM], batch: int, rows: int, killers: set[int]
) -> None:
    assert set(asyncio.run(outcomes(tmp_path, batch, rows, killers))) == killers
    assert vllm.started < 12 * len(killers)


def test_nor_where_a_smaller_batch_was_all_that_could_be_started(
    tmp_path: Path, vllm: type[AsyncLLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm, "too_large", 4)
    assert asyncio.run(outcomes(tmp_path, 16, 64, {7, 20})) == [7, 20]


def test_one_that_cannot_be_started_anew_is_lost_and_not_tried_for_each_request(
    tmp_path: Path, vllm: type[AsyncLLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that has failed: each try would take minutes, and hundreds of requests wait."""
    tries: list[int] = []

    def broken(given: Any) -> AsyncLLM:
        tries.append(given.max_num_seqs)
        raise RuntimeError("CUDA error: unspecified launch failure")

    async def run() -> list[Any]:
        core = await Core.start(Config(model=str(tmp_path), resources={"batch": 16, "num_gpus": 0}))  # type: ignore[arg-type]
        monkeypatch.setattr(vllm, "from_engine_args", broken)
        asked = [core.ask([KILLER if row == 3 else row], None) for row in range(40)]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        core.close()
        return replies

    lost = [one for one in asyncio.run(run()) if one != "told"]
    assert {type(one) for one in lost} == {EngineLost}
    assert "can't be started again: vLLM can't load" in str(lost[0]) and "unspecified launch failure" in str(lost[0])
    assert len(lost) > 16 and tries == [4]
