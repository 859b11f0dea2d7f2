"""The OpenAI protocol over a real socket: replies, and every way in which a server lets one down."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import openai_server
from tests.helpers.openai_server import Body, Fault, OpenAIServer, user_text
from tests.helpers.waiting import wait_for
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp
from voxsmith.stages.engines.llm import openai as llm_openai
from voxsmith.stages.requests.llm import Complete, Completion

HELLO = Complete(prompt="Written: hello\nSpoken:", max_tokens=8)
Connect = Callable[..., llm_openai.OpenAI]


@pytest.fixture
def connect(connect_to: Callable[..., Any]) -> Connect:
    return partial(connect_to, llm_openai.BACKEND)


def ask(engine: llm_openai.OpenAI, *requests: Complete) -> list[Completion]:
    return [future.result(120) for future in [engine.submit(request) for request in requests]]


def test_a_prompt_goes_to_completions_with_all_that_it_asks_for(server: OpenAIServer, connect: Connect) -> None:
    request = Complete(prompt="Say: hi", max_tokens=9, temperature=0.5, top_p=0.9, stop=("\n", "##"), seed=7)
    assert ask(connect(), request) == [Completion(" You said: Say: hi", "stop", 5)]
    assert server.seen[0].path == "/v1/completions"
    assert server.seen[0].body == {
        "model": "small",
        "prompt": "Say: hi",
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n", "##"],
        "seed": 7,
    }


def test_messages_go_to_chat_completions(server: OpenAIServer, connect: Connect) -> None:
    request = Complete(messages=(("system", "Be brief."), ("user", "What is red?")), max_tokens=3)
    assert ask(connect(), request) == [Completion(" You said:", "length", 3)]
    assert server.seen[0].path == "/v1/chat/completions"
    assert server.seen[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is red?"},
    ]


@pytest.mark.parametrize("subject", [{"prompt": "Say: hi"}, {"messages": (("user", "hi"),)}])
def test_a_schema_is_a_response_format(server: OpenAIServer, connect: Connect, subject: dict[str, Any]) -> None:
    schema = '{"type": "object", "properties": {"answer": {"type": "string"}}}'
    reply = ask(connect(), Complete(**subject, json_schema=schema, max_tokens=50))[0]
    assert reply.text.startswith('{"answer": ')
    assert server.seen[0].body["response_format"]["json_schema"]["schema"]["properties"] == {
        "answer": {"type": "string"}
    }


def test_extra_fields_are_sent_and_null_leaves_one_out(server: OpenAIServer, connect: Connect) -> None:
    ask(connect(extra={"top_k": 5, "seed": None}), HELLO)
    assert server.seen[0].body["top_k"] == 5
    assert "seed" not in server.seen[0].body


def test_requests_flow_as_many_at_a_time_as_allowed(server: OpenAIServer, connect: Connect) -> None:
    server.barrier = threading.Barrier(6)
    requests = [Complete(prompt=f"Say: {n}") for n in range(24)]
    replies = ask(connect(resources={"concurrency": 6}), *requests)
    assert [reply.text for reply in replies] == [f" You said: Say: {n}" for n in range(24)]
    assert server.most_at_once == 6


def test_a_slow_reply_holds_no_other_up(server: OpenAIServer, connect: Connect) -> None:
    release = threading.Event()
    server.reply = lambda body: "slow" if "slow" in user_text(body) and release.wait(60) else "quick"
    engine = connect(resources={"concurrency": 2})
    slow = engine.submit(Complete(prompt="slow"))
    assert {reply.text for reply in ask(engine, *(Complete(prompt=f"{n}") for n in range(10)))} == {"quick"}
    assert not slow.done()
    release.set()
    assert slow.result(60).text == "slow"


FAULTS = {
    "429": Fault(429, "slow down"),
    "500": Fault(500),
    "503": Fault(503),
    "hang": Fault(hang=3600),
    "drop": Fault(drop=True),
    "cut": Fault(cut=True),
    "not JSON": Fault(raw="<html>gateway</html>"),
    "half JSON": Fault(raw='{"choices": [{"text": "half'),
    "no object": Fault(raw="[]"),
    "no choices": Fault(patch={"choices": []}),
    "null choices": Fault(patch={"choices": None}),
}


def patience(fault: Fault) -> dict[str, float]:
    """Only a reply that never comes is waited for so briefly that a busy machine's may be late, too."""
    return {"timeout": 1.5} if fault.hang else {}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_passes_is_tried_again(server: OpenAIServer, connect: Connect, fault: Fault) -> None:
    server.script(fault, fault)
    assert ask(connect(**patience(fault)), HELLO)[0].text == " You said: Spoken:"
    assert len(server.seen) == 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_stays_makes_the_engine_unavailable(server: OpenAIServer, connect: Connect, fault: Fault) -> None:
    server.always = fault
    with pytest.raises(Unavailable, match="3 tries") as raised:
        ask(connect(**patience(fault)), HELLO)
    assert f"{server.url}/completions: " in str(raised.value)
    if fault.status:
        assert f"status {fault.status}: {fault.message}" in str(raised.value)


def test_a_request_in_trouble_harms_no_other(server: OpenAIServer, connect: Connect) -> None:
    server.script(*[Fault(500), None, Fault(429), None, Fault(drop=True), Fault(cut=True)] * 3)
    requests = [Complete(prompt=f"Say: {n}") for n in range(30)]
    replies = ask(connect(retries=10), *requests)
    assert [reply.text for reply in replies] == [f" You said: Say: {n}" for n in range(30)]
    assert len(server.seen) == 30 + 12


def test_retry_after_holds_all_requests(server: OpenAIServer, connect: Connect) -> None:
    engine = connect(resources={"concurrency": 2})
    server.script(Fault(429, headers={"Retry-After": "1"}))
    asked = [engine.submit(HELLO)]
    wait_for(lambda: engine.usage["retries"], "the retry, which waits for as long as it was told")
    asked.append(engine.submit(HELLO))
    assert [future.result(60).finish for future in asked] == ["stop", "stop"]
    assert len(server.seen) == 3
    assert all(seen.at - server.seen[0].at >= 0.95 for seen in server.seen[1:])


def test_retry_after_may_be_a_date_and_is_not_waited_for_for_hours(server: OpenAIServer, connect: Connect) -> None:
    server.always = Fault(429, "quota of the day", headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})
    with pytest.raises(Unavailable, match=r"quota of the day.*\(1 try\)"):
        ask(connect(), HELLO)


def test_pauses_grow(server: OpenAIServer, connect: Connect) -> None:
    server.script(*[Fault(503)] * 3)
    ask(connect(retries=3, backoff=0.1), HELLO)
    times = [seen.at for seen in server.seen]
    pauses = [after - before for before, after in pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, (0.05, 0.1, 0.2), strict=True))


def test_while_the_server_is_down_a_request_is_tried_once_and_then_all_is_well_again(
    server: OpenAIServer, connect: Connect
) -> None:
    engine = connect(resources={"concurrency": 1})
    server.always = Fault(503)
    for tries in ("3 tries", "1 try", "1 try"):
        with pytest.raises(Unavailable, match=tries):
            ask(engine, HELLO)
    server.always = None
    assert ask(engine, HELLO)[0].finish == "stop"
    server.script(Fault(503), Fault(503))
    assert ask(engine, HELLO)[0].finish == "stop"


def test_a_server_that_goes_away_and_comes_back(server: OpenAIServer, connect: Connect) -> None:
    engine = connect()
    ask(engine, HELLO)
    server.stop()
    with pytest.raises(Unavailable, match=r"no connection.*is the server running there\?"):
        ask(connect(), HELLO)
    server.start()
    assert ask(engine, HELLO)[0].text == " You said: Spoken:"


def start_process(port: int) -> subprocess.Popen[str]:
    """The server as a process of its own, that listens."""
    command = [sys.executable, str(Path(openai_server.__file__)), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == f"http://127.0.0.1:{port}/v1\n"
    return process


def test_requests_outlive_a_server_that_is_killed_and_started_again(server: OpenAIServer, connect: Connect) -> None:
    server.stop()  # its port is free now
    first = start_process(server.port)
    engine = connect(retries=12, backoff=0.05, resources={"concurrency": 2})
    ask(engine, HELLO)
    first.kill()
    first.wait()
    asked = [engine.submit(Complete(prompt=f"Say: {n}")) for n in range(6)]
    wait_for(lambda: engine.usage["retries"], "a request that is tried again")
    assert not any(future.done() for future in asked)
    second = start_process(server.port)
    try:
        assert [future.result(60).text for future in asked] == [f" You said: Say: {n}" for n in range(6)]
    finally:
        second.kill()
        second.wait()


def test_a_text_that_is_longer_than_its_tokens_could_be_is_cut(server: OpenAIServer, connect: Connect) -> None:
    endless = {"text": "on and " * 100_000, "finish_reason": "stop"}
    server.script(Fault(patch={"choices": [endless]}))
    (reply,) = ask(connect(), Complete(prompt="Say: on", max_tokens=5))
    assert len(reply.text) < 1000 and reply.finish == "length"


def test_an_empty_text_is_a_reply(server: OpenAIServer, connect: Connect) -> None:
    server.script(Fault(patch={"choices": [{"text": "", "finish_reason": "stop"}], "usage": None}))
    assert ask(connect(), HELLO) == [Completion("", "stop", 0)]


TOO_LONG = {
    "openai": Fault(400, "too many tokens in the messages", code="context_length_exceeded"),
    "vllm": Fault(400, "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens"),
    "llama.cpp": Fault(400, "the request exceeds the available context size, try increasing it"),
    "proxy": Fault(413, "payload too large"),
}


@pytest.mark.parametrize("fault", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_prompt_beyond_the_context_is_refused(server: OpenAIServer, connect: Connect, fault: Fault) -> None:
    server.script(fault)
    with pytest.raises(Refused, match="prompt_too_long"):
        ask(connect(), HELLO)
    assert len(server.seen) == 1


FILTERED = {
    "status": Fault(400, "not this", code="content_filter"),
    "finish": Fault(patch={"choices": [{"text": "some", "finish_reason": "content_filter"}]}),
    "refusal": Fault(
        patch={"choices": [{"message": {"content": None, "refusal": "I won't"}, "finish_reason": "stop"}]}
    ),
}


@pytest.mark.parametrize("fault", FILTERED.values(), ids=FILTERED.keys())
def test_what_a_filter_stops_is_refused(server: OpenAIServer, connect: Connect, fault: Fault) -> None:
    server.script(fault)
    with pytest.raises(Refused, match="content_filter"):
        ask(connect(), HELLO)


def test_settings_that_the_server_does_not_take_are_no_verdict_on_a_row(server: OpenAIServer, connect: Connect) -> None:
    server.always = Fault(400, "unknown field top_k")
    with pytest.raises(Unavailable, match=r"unknown field top_k; .*look at the engine's model and extra"):
        ask(connect(), HELLO)
    assert [seen.body["prompt"] for seen in server.seen] == [HELLO.prompt, "Hello"]
    server.always = Fault(429, "you exceeded your current quota", code="insufficient_quota")
    with pytest.raises(Unavailable, match="no credit left"):
        ask(connect(), HELLO)
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("subject", [{"prompt": "odd"}, {"messages": (("system", "odd"), ("user", "odd"))}])
def test_words_that_the_server_does_not_take_are_a_verdict_on_the_row(
    server: OpenAIServer, connect: Connect, subject: dict[str, Any], status: int
) -> None:
    server.script(Fault(status, "invalid character"))
    with pytest.raises(Refused, match="bad_request: invalid character"):
        ask(connect(), Complete(**subject, max_tokens=5, seed=3))
    odd, plain = (seen.body for seen in server.seen)
    assert str(plain) == str(odd).replace("odd", "Hello")


def test_a_wrong_model_is_told_with_the_nearest_that_there_is(server: OpenAIServer, connect: Connect) -> None:
    with pytest.raises(Unavailable, match=r"no model smal; the server has small; did you mean 'small'\?"):
        ask(connect(model="smal"), HELLO)


def test_a_wrong_path_is_told(server: OpenAIServer, connect: Connect) -> None:
    with pytest.raises(Unavailable, match=r"is base_url right\? It usually ends in /v1"):
        ask(connect(base_url=server.url.removesuffix("/v1")), HELLO)


def test_the_key_comes_from_the_environment_and_is_never_told(
    server: OpenAIServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "sk-right"
    with pytest.raises(Unavailable, match="environment variable MY_KEY: not set"):
        ask(connect(api_key_env="MY_KEY"), HELLO)
    monkeypatch.setenv("MY_KEY", "sk-wrong")
    with pytest.raises(Unavailable, match="environment variable MY_KEY: set, but not taken") as raised:
        ask(connect(api_key_env="MY_KEY"), HELLO)
    assert "sk-wrong" not in str(raised.value)
    monkeypatch.setenv("MY_KEY", "sk-right\n")
    engine = connect(api_key_env="MY_KEY")
    assert ask(engine, HELLO)[0].finish == "stop"
    assert "sk-right" not in f"{engine.config!r} {llm_openai.BACKEND.identity(engine.config)}"


@pytest.mark.parametrize("key", ["sk-säkret", "sk-a\nsk-b", "sk-a\x00"])
def test_what_can_be_no_key_is_said_without_it(key: str, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", dict(os.environ) | {"MY_KEY": key})
    with pytest.raises(ModelMissing, match="the environment variable MY_KEY holds no key") as raised:
        connect(api_key_env="MY_KEY")
    config = llm_openai.Config(base_url="http://127.0.0.1:1/v1", model="m", api_key_env="MY_KEY")
    assert "sk-" not in f"{raised.value}{llm_openai.BACKEND.trouble(config)}"


def test_closing_ends_what_is_under_way(server: OpenAIServer, connect: Connect) -> None:
    server.always = Fault(hang=3600)
    engine = llm_openai.BACKEND.load(llm_openai.Config(base_url=server.url, model="small"))
    asked = [engine.submit(HELLO) for _ in range(40)]
    wait_for(lambda: server.seen, "the first request")
    engine.close()
    for future in asked:
        with pytest.raises(Unavailable, match="closed"):
            future.result(0)


def test_identity_is_of_the_model_not_of_the_machine() -> None:
    def named(**settings: Any) -> dict[str, Any]:
        given: Body = {"base_url": "http://a/v1", "model": "small"}
        return llm_openai.BACKEND.identity(llm_openai.Config.model_validate(given | settings))

    same = (
        {"base_url": "https://b/v1"},
        {"timeout": 5},
        {"retries": 0},
        {"resources": {"concurrency": 3}},
        {"api_key_env": "OTHER"},
        {"licence": "MIT"},
    )
    other: tuple[Body, ...] = ({"model": "large"}, {"revision": "2"}, {"extra": {"top_k": 5}})
    assert all(named(**settings) == named() for settings in same)
    assert all(named(**settings) != named() for settings in other)


ADDRESSES = [
    *("localhost:8000", "ftp://a/v1", "http://me:secret@a/v1", "http://a/v1?key=secret", "http://", "", "http://[::1"),
    *(
        "http://a:99999999/v1",
        "http://a:port/v1",
        "http://a/v1#more",
        "http://a b/v1",
        "http://a\n/v1",
        "http:\\\\a\\v1",
    ),
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_is_one_and_holds_no_key(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        llm_openai.Config(base_url=url, model="small")


def test_a_real_server_gives_what_the_same_model_gives_inside_the_process(connect: Connect) -> None:
    inside = llm_llamacpp.BACKEND.load(llm_llamacpp.Config(context=512))
    outside = connect(base_url=f"{inside.server.listening_address}/v1", timeout=60, resources={"concurrency": 1})
    schema = '{"type": "object", "properties": {"colour": {"type": "string", "maxLength": 20}}, "required": ["colour"]}'
    requests = [
        Complete(prompt="Once upon a time", max_tokens=12, temperature=0.8, top_p=0.9, seed=3),
        Complete(prompt="Q: What colour is the sky?\nA: Blue.\nQ: What colour is grass?\nA:", stop=("\n",)),
        Complete(messages=(("user", "Name a fruit."),), max_tokens=16),
        Complete(messages=(("user", "Name a colour."),), max_tokens=30, json_schema=schema),
    ]
    assert ask(outside, *requests) == [inside.submit(request).result(60) for request in requests]
    with pytest.raises(Refused, match="prompt_too_long"):
        ask(outside, Complete(prompt="word " * 1000))
    inside.close()
