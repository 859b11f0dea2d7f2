"""The HTTP engine against a real server, through the real client."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai_server import Server

import stages.engines.llm_openai as llm
from stages.engines.base import Refused, Unavailable
from stages.requests import Complete, Completion


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "_BACKOFF", 0.02)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def ask(server: Server, *requests: Complete, **settings: Any) -> list[Completion]:
    engine = llm.load(llm.Config(base_url=server.url, model="toy", **settings))
    try:
        return [future.result(30) for future in [engine.submit(request) for request in requests]]
    finally:
        engine.close()


def test_prompts_and_messages(server: Server) -> None:
    replies = ask(
        server,
        Complete(prompt="hello", seed=7, stop=("\n",)),
        Complete(messages=(("user", "hi"),), json_schema='{"type": "object"}'),
        Complete(prompt="one two three", max_tokens=3),
    )
    assert replies == [
        Completion("You said: hello", "stop", 3),
        Completion("You said: hi", "stop", 3),
        Completion("You said: one", "length", 3),
    ]
    by_kind = {"messages" if "messages" in body else body["prompt"]: body for body in server.seen}
    assert by_kind["hello"]["seed"] == 7
    assert by_kind["hello"]["stop"] == ["\n"]
    assert by_kind["messages"]["response_format"]["json_schema"]["schema"] == {"type": "object"}


@pytest.mark.parametrize("fault", [429, 500, 503, "cut", "empty", "drop", "html"])
def test_a_passing_fault_is_tried_again(server: Server, fault: Any) -> None:
    server.faults = [fault, fault]
    assert ask(server, Complete(prompt="x"))[0].text == "You said: x"
    assert len(server.seen) == 3


def test_a_hanging_server_is_tried_again(server: Server) -> None:
    server.faults = ["hang"]
    assert ask(server, Complete(prompt="x"), timeout=0.5)[0].text == "You said: x"


def test_a_lasting_fault_leaves_the_row_pending(server: Server) -> None:
    server.faults = [503] * 3
    with pytest.raises(Unavailable, match=r"status 503; asked 3 times"):
        ask(server, Complete(prompt="x"), retries=2)


def test_a_server_that_is_not_there() -> None:
    engine = llm.load(llm.Config(base_url="http://127.0.0.1:9/v1", model="toy", retries=1))
    with pytest.raises(Unavailable, match="no connection"):
        engine.submit(Complete(prompt="x")).result(30)
    engine.close()


def test_a_wrong_key_names_the_variable_and_not_the_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    server.faults = [401]
    with pytest.raises(Unavailable, match="MY_KEY") as error:
        ask(server, Complete(prompt="x"), api_key_env="MY_KEY")
    assert "sk-secret" not in str(error.value)


def test_an_unknown_model_names_those_there(server: Server) -> None:
    server.faults = [404]
    with pytest.raises(Unavailable, match="there is toy"):
        ask(server, Complete(prompt="x"))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("maximum context length is 4096 tokens", "prompt_too_long"),
        ("blocked by the content filter", "content_filter"),
        ("temperature must be positive", "bad_request"),
    ],
)
def test_a_bad_request_is_a_verdict(server: Server, message: str, reason: str) -> None:
    server.faults = [(400, message)]
    with pytest.raises(Refused) as error:
        ask(server, Complete(prompt="x"))
    assert error.value.reason == reason
    assert len(server.seen) == 1


def test_so_many_at_a_time_and_no_more(server: Server) -> None:
    ask(server, *[Complete(prompt=str(n)) for n in range(30)], concurrency=5)
    assert 2 <= server.most_active <= 5


def test_machine_settings_are_not_in_the_identity() -> None:
    one = llm.identity(llm.Config(base_url="http://a/v1", model="m", concurrency=3))
    assert one == llm.identity(llm.Config(base_url="http://b/v1", model="m", timeout=5))
