"""A voice behind a server that speaks OpenAI's protocol, with the real client."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.helpers.openai_server import Fault, OpenAIServer
from voxsmith.models import audio
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.tts import openai as tts_openai
from voxsmith.stages.engines.tts.openai import BACKEND, Config, OpenAISpeech
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.requests.tts import Speak

Connect = Callable[..., OpenAISpeech]
TEXT = "The sky is blue."


@pytest.fixture
def connect(connect_to: Callable[..., Any]) -> Connect:
    return partial(connect_to, tts_openai.BACKEND)


def ask(engine: OpenAISpeech, *requests: Speak) -> list[tuple[np.ndarray, int]]:
    return [audio.decode(future.result(120).flac) for future in [engine.submit(request) for request in requests]]


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_what_is_asked_and_what_comes(server: OpenAIServer, connect: Connect, form: str) -> None:
    engine = connect(format=form, extra={"instructions": "calmly"})
    ((samples, rate),) = ask(engine, Speak(TEXT, "anna", speed=0.8, sample_rate=16000))
    assert rate == 16000 and len(samples) / rate == pytest.approx(0.05 * len(TEXT) / 0.8, abs=0.1)
    assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(-23, abs=1)
    assert server.seen[0].path == "/v1/audio/speech"
    wanted = {"model": "small", "input": TEXT, "voice": "anna", "response_format": form, "speed": 0.8}
    assert server.seen[0].body == wanted | {"instructions": "calmly"}


def test_voices_differ_and_requests_flow_together(server: OpenAIServer, connect: Connect) -> None:
    server.barrier = threading.Barrier(4)
    clips = ask(connect(), *(Speak(TEXT, voice, seed=seed) for voice in ("anna", "bob") for seed in range(4)))
    assert not np.array_equal(clips[0][0], clips[4][0])
    assert server.most_at_once >= 4


def test_a_long_text_is_asked_for_in_pieces(server: OpenAIServer, connect: Connect) -> None:
    text = " ".join([TEXT] * 8)
    ((samples, rate),) = ask(connect(longest=50), Speak(text, "bob"))
    said = [seen.body["input"] for seen in server.seen]
    assert " ".join(said) == text and all(len(part) <= 50 for part in said)
    assert len(samples) / rate == pytest.approx(0.05 * len(text), rel=0.15)


@pytest.mark.parametrize(
    "fault",
    [Fault(status=429, headers={"Retry-After": "0.05"}), Fault(status=503), Fault(drop=True), Fault(cut=True),
     Fault(raw="not audio"), Fault(raw="")],
    ids=["429", "503", "drop", "cut", "no audio", "empty"],
)  # fmt: skip
def test_a_bad_minute_is_lived_through(server: OpenAIServer, connect: Connect, fault: Fault) -> None:
    server.script(fault, fault)
    engine = connect()
    assert len(ask(engine, Speak(TEXT, "anna"))[0][0])
    assert engine.usage["retries"] == 2
    server.always = fault
    with pytest.raises(Unavailable, match="/audio/speech"):
        ask(engine, Speak(TEXT, "bob"))


def test_what_the_server_refuses_is_the_rows_fault_or_the_recipes(server: OpenAIServer, connect: Connect) -> None:
    engine = connect()
    with pytest.raises(Unavailable, match="no voice carol"):  # in plain words as well: no row is judged
        ask(engine, Speak(TEXT, "carol"))
    server.script(Fault(status=400, message="I won't say that"))
    with pytest.raises(Refused, match="I won't say that"):
        ask(engine, Speak(TEXT, "anna"))
    with pytest.raises(Unavailable, match="the server has small"):
        ask(connect(model="smal"), Speak(TEXT, "anna"))
    for empty in ("", "  ", "?!"):
        with pytest.raises(Refused, match="nothing to say"):
            ask(engine, Speak(empty, "anna"))
    with pytest.raises(TypeError):
        engine.submit(Complete("x"))


def test_what_doctor_and_keys_get(server: OpenAIServer, connect: Connect) -> None:
    here = Config(base_url=server.url, model="small", licence="MIT")
    assert BACKEND.trouble(here) == "" and BACKEND.licence(here) == "MIT"
    assert BACKEND.identity(here) == BACKEND.identity(
        here.model_copy(update={"base_url": "http://elsewhere/v1", "timeout": 3.0})
    )
    assert BACKEND.identity(here) != BACKEND.identity(here.model_copy(update={"revision": "2"}))
    assert tts_openai.BACKEND.models(here) == ()
