"""The page's protocol: a question goes in as samples, and text, units and speech come; who may ask, and who speaks again."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.talk.checkpoints import VOCODER, made, models_in
from voxsmith.models.unit_vocoder import open_vocoder
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.talk.command import ready
from voxsmith.trainer.talk.generate import answers
from voxsmith.trainer.talk.questions import asked
from voxsmith.trainer.talk.sampling import GREEDY
from voxsmith.trainer.talk.serve import app
from voxsmith.trainer.talk.session import Partner

pytest.importorskip("fastapi")
testclient = pytest.importorskip("starlette.testclient", exc_type=RuntimeError)
HOST = "127.0.0.1:8765"
CLIP = (np.random.default_rng(0).normal(0, 0.1, 16000).clip(-1, 1) * 32767).astype("<i2")


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Partner:
    folder = tmp_path_factory.mktemp("serve")
    run = made(models_in(folder), folder / "run")
    there = ready(run, str(VOCODER), torch.device("cpu"))
    return Partner(there, "transcribe", 12, GREEDY, 4, None, asyncio.Lock())


@pytest.fixture
def client(partner: Partner) -> Any:
    partner.alone = asyncio.Lock()  # of the client's own loop
    return testclient.TestClient(app(partner), base_url=f"http://{HOST}")


def talk(client: Any, origin: str | None = f"http://{HOST}") -> Any:
    return client.websocket_connect("/talk", headers={"host": HOST} | ({"origin": origin} if origin else {}))


def received(socket: Any) -> list[Any]:
    """All messages of an answer, speech as bytes."""
    messages: list[Any] = []
    while not messages or ("end" not in messages[-1] and "error" not in messages[-1]):
        message = socket.receive()
        messages.append(message["bytes"] if message.get("bytes") else json.loads(message["text"]))
        if isinstance(messages[-1], bytes):
            messages.append({})
    return [message for message in messages if message]


def until_answer(socket: Any, number: int) -> None:
    """Pass over what was on its way of the answer that was stopped; its end must not come."""
    message: Any = {}
    while message != {"answer": number}:
        got = socket.receive()
        message = json.loads(got["text"]) if got.get("text") else {}
        assert "end" not in message


def test_a_question_is_answered_twice_as_talk_answers_it(client: Any, partner: Partner) -> None:
    speaker = partner.trained.speaker
    clip = CLIP.astype(np.float32) / 32768
    (wanted,) = answers(speaker, asked(speaker.network, partner.trained.chat, TASKS["transcribe"].request, [clip]), 12)
    with talk(client) as socket:
        assert socket.receive_json() == {"hello": {"rate": 16000, "task": "transcribe", "seconds": 4}}
        for number in (1, 2):
            for part in np.array_split(CLIP, 7):
                socket.send_bytes(part.tobytes())
            socket.send_json({"say": "ask"})
            messages = received(socket)
            assert messages[0] == {"answer": number}
            assert "".join(message.get("text", "") for message in messages if isinstance(message, dict)) == wanted.text
            units = [unit for message in messages if isinstance(message, dict) for unit in message.get("units", [])]
            assert units == wanted.units
            speech = np.frombuffer(b"".join(message for message in messages if isinstance(message, bytes)), "<i2")
            whole = open_vocoder(VOCODER, torch.device("cpu")).wave(np.array(units))
            assert np.abs(speech / 32767 - whole).max() < 1e-4
            assert messages[-1]["end"]["cut"] == wanted.cut and set(messages[-1]["end"]["first"]) == {
                "token",
                "unit",
                "audio",
            }


def test_who_speaks_again_stops_the_answer(client: Any, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partner, "most", 100_000)
    monkeypatch.setattr(partner.trained, "speaker", replace(partner.trained.speaker, ends=frozenset()))
    with talk(client) as socket:
        socket.receive_json()
        for number, how in ((1, {"say": "stop"}), (2, None)):
            socket.send_bytes(CLIP.tobytes())
            socket.send_json({"say": "ask"})
            until_answer(socket, number)
            socket.receive()  # it is under way
            socket.send_json(how) if how else socket.send_bytes(CLIP[:10].tobytes())
        monkeypatch.setattr(partner, "most", 3)
        socket.send_bytes(CLIP.tobytes())
        socket.send_json({"say": "ask"})
        until_answer(socket, 3)
        assert received(socket)[-1]["end"]["cut"]


def test_other_pages_and_other_names_are_refused(client: Any) -> None:
    from starlette.websockets import WebSocketDisconnect

    for origin in (
        None,
        "null",
        "http://evil.example",
        "http://127.0.0.1:9999",
        f"https://{HOST}",
        f"http://{HOST}.evil.example",
    ):
        with pytest.raises(WebSocketDisconnect) as refused, talk(client, origin):
            pass
        assert refused.value.code == 1008
    rebound = {"host": "evil.example:8765"}
    assert client.get("/", headers=rebound).status_code == 403
    headers = rebound | {"origin": "http://evil.example:8765"}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/talk", headers=headers):
        pass


def test_the_page_needs_nothing_from_elsewhere(client: Any) -> None:
    page, scripts = client.get("/"), [client.get("/page.js"), client.get("/tap.js")]
    assert [got.status_code for got in (page, *scripts)] == [200] * 3 and 'src="/page.js"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not any("http" in got.text for got in (page, *scripts))
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


def test_what_can_t_be_answered_is_said_and_the_conversation_goes_on(client: Any) -> None:
    with talk(client) as socket:
        socket.receive_json()
        socket.send_json({"say": "ask"})
        nothing = "Nothing was heard: hold the key while you speak."
        assert socket.receive_json() == {"error": nothing, "answer": 1}
        for _ in range(5):
            socket.send_bytes(CLIP.tobytes())
        socket.send_json({"say": "ask"})
        assert socket.receive_json() == {"error": "The question is too long: 4 s are the most.", "answer": 2}
        for text in ("[]", "no JSON", '{"say": 1}', "[" * 100_000):
            socket.send_text(text)
            assert socket.receive_json() == {"error": 'a message says "speak", "ask" or "stop"'}
        for rate in (7999, 192001, 1.5, "16000", None, [16000]):
            socket.send_json({"say": "speak", "rate": rate})
            assert socket.receive_json() == {"error": "a rate is a whole number from 8000 to 192000"}
        socket.send_bytes(CLIP.tobytes() + b"\0")  # half a sample more
        socket.send_json({"say": "ask"})
        assert "end" in received(socket)[-1]


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_a_microphone_has_the_rate_that_it_says(client: Any, partner: Partner, rate: int) -> None:
    """And what was sent before a question began is none of it."""
    tone = np.sin(np.arange(rate) / rate * 440 * 2 * np.pi) * 0.5
    heard: list[np.ndarray] = []
    with pytest.MonkeyPatch.context() as patch, talk(client) as socket:
        patch.setattr(partner, "answer", lambda clip: heard.append(clip) or [{"end": {}}])
        socket.receive_json()
        socket.send_bytes(CLIP.tobytes())
        socket.send_json({"say": "speak", "rate": rate})
        for part in np.array_split((tone * 32767).astype("<i2"), 9):
            socket.send_bytes(part.tobytes())
        socket.send_json({"say": "ask"})
        assert received(socket)[-1] == {"end": {}}
    wanted = np.sin(np.arange(16000) / 16000 * 440 * 2 * np.pi) * 0.5
    (clip,) = heard
    assert clip.shape == wanted.shape and np.abs(clip - wanted)[200:-200].max() < 1e-3


def test_an_answer_that_fails_is_told_and_the_next_one_comes(
    client: Any, partner: Partner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(clip: np.ndarray) -> Any:
        yield {"text": "so"}
        raise RuntimeError("out of memory")

    with talk(client) as socket:
        socket.receive_json()
        with monkeypatch.context() as patch:
            patch.setattr(partner, "answer", broken)
            socket.send_bytes(CLIP.tobytes())
            socket.send_json({"say": "ask"})
            said = "The answer broke off (RuntimeError: out of memory); the server's window says more."
            assert received(socket) == [{"answer": 1}, {"text": "so"}, {"error": said, "answer": 1}]
        assert "Traceback" in capsys.readouterr().err
        socket.send_bytes(CLIP.tobytes())
        socket.send_json({"say": "ask"})
        assert "end" in received(socket)[-1]


def test_two_pages_are_answered_one_after_the_other(
    client: Any, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is told that it waits, and doesn't wait any more when it speaks again, or leaves."""
    monkeypatch.setattr(partner, "most", 100_000)
    monkeypatch.setattr(partner.trained, "speaker", replace(partner.trained.speaker, ends=frozenset()))

    def ask(socket: Any) -> None:
        socket.send_bytes(CLIP.tobytes())
        socket.send_json({"say": "ask"})

    with client, talk(client) as first:
        first.receive_json()
        ask(first)
        until_answer(first, 1)
        with talk(client) as second:
            second.receive_json()
            for number in (1, 2):  # what waits is given up
                ask(second)
                assert second.receive_json() == {"waiting": number}
        with talk(client) as third:
            third.receive_json()
            ask(third)
            assert third.receive_json() == {"waiting": 1}
            first.send_json({"say": "stop"})
            assert third.receive_json() == {"answer": 1}
