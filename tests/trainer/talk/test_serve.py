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
from voxsmith.trainer.data.tasks import TASKS
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
    speaker = partner.made.speaker
    clip = CLIP.astype(np.float32) / 32768
    (wanted,) = answers(speaker, asked(speaker.network, partner.made.chat, TASKS["transcribe"].request, [clip]), 12)
    with talk(client) as socket:
        assert socket.receive_json() == {"hello": {"rate": 16000, "task": "transcribe"}}
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
    monkeypatch.setattr(partner.made, "speaker", replace(partner.made.speaker, ends=frozenset()))
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
    page, script = client.get("/"), client.get("/page.js")
    assert page.status_code == script.status_code == 200 and 'src="/page.js"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text and "http" not in script.text
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


def test_what_can_t_be_answered_is_said_and_the_conversation_goes_on(client: Any) -> None:
    with talk(client) as socket:
        socket.receive_json()
        socket.send_json({"say": "ask"})
        assert socket.receive_json() == {"error": "nothing was heard: hold the key while you speak"}
        for _ in range(5):
            socket.send_bytes(CLIP.tobytes())
        socket.send_json({"say": "ask"})
        assert socket.receive_json() == {"error": "the question is too long: 4 s are the most"}
        for text in ("[]", "no JSON", '{"say": 1}'):
            socket.send_text(text)
            assert socket.receive_json() == {"error": 'a message says "ask" or "stop"'}
        socket.send_bytes(CLIP.tobytes() + b"\0")  # half a sample more
        socket.send_json({"say": "ask"})
        assert "end" in received(socket)[-1]
