from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from tests.helpers.openai_server import OpenAIServer
from tests.helpers.raw_server import Sends, raw_server
from tests.helpers.waiting import LONGEST
from voxsmith.stages.engines.base import Unavailable
from voxsmith.stages.engines.llm import openai as llm_openai
from voxsmith.stages.engines.openai_client import LARGEST
from voxsmith.stages.engines.tts import kokoro as tts_kokoro
from voxsmith.stages.engines.tts import openai as tts_openai
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.requests.tts import Speak

SENTENCES = {
    "am_michael": "The weather is nice today, so we are going to the park.",
    "bf_emma": "Could you give me a list of five healthy snacks?",
}


@pytest.fixture(scope="session")
def kokoro() -> Iterator[tts_kokoro.Kokoro]:
    engine = tts_kokoro.BACKEND.load(tts_kokoro.Config())
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def speech(kokoro: tts_kokoro.Kokoro) -> dict[str, bytes]:
    """Two clips by the sentences that they say."""
    asked = {text: kokoro.submit(Speak(text, voice, sample_rate=16000)) for voice, text in SENTENCES.items()}
    return {text: future.result(LONGEST).flac for text, future in asked.items()}


@pytest.fixture(scope="session")
def ask() -> Callable[..., list[Any]]:
    """Replies of an engine to requests that are all sent before the first reply is waited for."""

    def asking(engine: Any, requests: list[Request]) -> list[Any]:
        futures: list[Future[Any]] = [engine.submit(request) for request in requests]
        return [future.result(LONGEST) for future in futures]

    return asking


ASKED = {
    "prompt": (llm_openai, Complete(prompt="Say: hi", max_tokens=8)),
    "chat": (llm_openai, Complete(messages=(("user", "hi"),), max_tokens=8)),
    "speech": (tts_openai, Speak("The sky is blue.", "anna")),
}


@pytest.fixture
def trouble_with(connect_to: Callable[..., Any]) -> Callable[[str, Sends], str]:
    """What a person is told whose request (see ASKED) meets such a server; it is Unavailable, which is no verdict."""

    def meeting(asked: str, sends: Sends) -> str:
        module, request = ASKED[asked]
        with raw_server(sends) as server:
            engine = connect_to(module.BACKEND, base_url=server.url, retries=0, timeout=20)
            error = engine.submit(request).exception(LONGEST)
            assert isinstance(error, Unavailable), repr(error)
            # What is not read any more is still in the sockets' buffers.
            assert server.sent < 2 * LARGEST + 16 * 2**20
        line = str(error)
        assert server.url in line and "\n" not in line and len(line) < 1500, line
        return line

    return meeting


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def connect_to(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Engines of a backend that ask the server, and try three times with hardly a pause."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    opened: list[Any] = []

    def connecting(backend: Any, **settings: Any) -> Any:
        given = {"base_url": server.url, "model": "small", "retries": 2, "backoff": 0.02, "timeout": 10}
        opened.append(backend.load(backend.config.model_validate(given | settings)))
        return opened[-1]

    yield connecting
    for engine in opened:
        engine.close()
