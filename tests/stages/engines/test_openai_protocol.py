"""What is read of replies: whatever stands at a field, it is a reply of the right types, or none."""

import itertools
import json
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.hostile import reply
from tests.helpers.openai_server import Fault, OpenAIServer
from tests.helpers.raw_server import http, raw_server
from voxsmith.models.openai_protocol import Models, Reply, Unreadable, complaint, read
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.llm import openai as llm_openai
from voxsmith.stages.engines.openai_client import LARGEST
from voxsmith.stages.engines.tts import openai as tts_openai
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.requests.tts import Speak

PROMPT = Complete(prompt="Say: hi", max_tokens=8)
CHAT = Complete(messages=(("user", "hi"),), max_tokens=8)
SPEAK = Speak("The sky is blue.", "anna")


def chat(content: Any) -> bytes:
    return reply({"message": {"role": "assistant", "content": content}})


SAID = {
    "parts": (chat([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]), "Hello."),
    "thoughts and parts": (chat([{"type": "thinking", "thinking": [{}]}, {"type": "text", "text": "Hi."}]), "Hi."),
    "odd log-probabilities": (reply({"logprobs": {"content": float("nan")}}), "Hello."),
    "fields that nobody knows": (reply({"stop_reason": {"a": 1}}, id=[], object=7, model=None), "Hello."),
    "a byte order mark": (b"\xef\xbb\xbf" + reply(), "Hello."),
    "UTF-16": (reply().decode().encode("utf-16"), "Hello."),
    "tokens that nobody counted": (reply(usage={"completion_tokens": None}), "Hello."),
}


@pytest.mark.parametrize(("body", "text"), SAID.values(), ids=SAID)
def test_what_can_be_understood_is(connect_to: Callable[..., Any], body: bytes, text: str) -> None:
    with raw_server(lambda: [http(body)]) as server:
        completion = connect_to(llm_openai.BACKEND, base_url=server.url).submit(CHAT).result(60)
    assert completion.text == text


def test_thoughts_beside_a_text_are_passed_over(server: OpenAIServer, connect_to: Callable[..., Any]) -> None:
    for thoughts in ({"reasoning_content": "Hm"}, {"reasoning": {"steps": []}}):
        message = {"message": {"content": "Lima.", **thoughts}, "finish_reason": "stop"}
        server.script(Fault(patch={"choices": [message]}))
        assert connect_to(llm_openai.BACKEND).submit(CHAT).result(60).text == "Lima."


@pytest.mark.parametrize("reason", ["stop", "abort", None])
@pytest.mark.parametrize(("written", "extra", "finish"), [(8, {}, "length"), (7, {}, "stop"), (40, {"max_tokens": 200}, "stop"),
                                                         (200, {"max_tokens": 200}, "length")])  # fmt: skip
def test_a_reply_of_as_many_tokens_as_it_may_have_was_cut(
    server: OpenAIServer, connect_to: Callable[..., Any], reason: Any, written: int, extra: Any, finish: str
) -> None:
    choice = {"message": {"content": "The harbour is"}, "finish_reason": reason}
    server.script(Fault(patch={"choices": [choice], "usage": {"completion_tokens": written}}))
    said = connect_to(llm_openai.BACKEND, extra=extra).submit(CHAT).result(60).finish
    assert said == ("length" if reason == "abort" else finish)


def test_a_refusal_in_parts_is_one(server: OpenAIServer, connect_to: Callable[..., Any]) -> None:
    parts = {"message": {"content": [{"type": "refusal", "refusal": "I won't"}]}, "finish_reason": "stop"}
    server.script(Fault(patch={"choices": [parts]}))
    with pytest.raises(Refused, match="content_filter: I won't"):
        connect_to(llm_openai.BACKEND).submit(CHAT).result(60)


@pytest.mark.parametrize("content", [None, "", "\n", []])
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_alone_are_told_as_such_where_plain_words_get_a_text(
    server: OpenAIServer, connect_to: Callable[..., Any], content: Any, field: str
) -> None:
    thoughts = {"message": {"content": content, field: "Hm, hm"}, "finish_reason": "length"}
    server.script(Fault(patch={"choices": [thoughts]}))
    assert connect_to(llm_openai.BACKEND).submit(CHAT).result(60).text == "<think>Hm, hm"
    assert [seen.body["messages"][0]["content"] for seen in server.seen] == ["hi", "Hello"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["message", "content", "text", "type", "refusal", "code", "id", "x"]), inner, max_size=3), max_leaves=8,
)  # fmt: skip
FIELDS = ("choices", "choices.0", "choices.0.text", "choices.0.message", "choices.0.message.content", "usage",
          "choices.0.message.content.0", "choices.0.message.content.0.text", "choices.0.message.refusal",
          "choices.0.finish_reason", "usage.prompt_tokens", "usage.completion_tokens", "")  # fmt: skip


def put(place: Any, path: str, value: Any) -> Any:
    """A copy of the JSON value with another at a place in it."""
    if not path:
        return value
    key, _, rest = path.partition(".")
    if key.isdigit():
        place = place if isinstance(place, list) and place else [{}]
        return [put(place[0], rest, value), *place[1:]]
    place = place if isinstance(place, dict) else {}
    return place | {key: put(place.get(key), rest, value)}


@pytest.fixture(scope="module")
def asking() -> Iterable[Callable[[bytes, str, Request], Any]]:
    """What becomes of a request that a server answers with a body and a status."""
    with pytest.MonkeyPatch.context() as patch, raw_server(list) as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        engines = {
            Complete: llm_openai.OpenAI(llm_openai.Config(base_url=server.url, model="m", retries=0)),
            Speak: tts_openai.OpenAISpeech(tts_openai.Config(base_url=server.url, model="m", retries=0)),
        }

        def ask(body: bytes, status: str, request: Request) -> Any:
            server.sends = lambda: [http(body, status)]
            future = engines[type(request)].submit(request)
            return future.exception(60) or future.result()

        yield ask
        for engine in engines.values():
            engine.close()


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(FIELDS), value=ANY, chat=st.booleans())
def test_any_value_at_any_field_of_a_reply(asking: Callable[..., Any], path: str, value: Any, chat: bool) -> None:
    body = json.dumps(put(json.loads(reply()), path, value)).encode()
    outcome = asking(body, "200 OK", CHAT if chat else PROMPT)
    assert isinstance(outcome, Completion | Unavailable), "the server says the same of plain words: nothing is refused"
    if isinstance(outcome, Completion):
        assert isinstance(outcome.text, str) and isinstance(outcome.tokens, int) and 0 <= outcome.tokens <= 2**31
        assert Completion.unpack(outcome.pack()) == outcome


@settings(max_examples=200, deadline=None)
@given(
    value=ANY
    | st.fixed_dictionaries({}, optional=dict.fromkeys(("error", "detail", "message", "object", "type"), ANY)),
    status=st.sampled_from([300, 400, 401, 404, 409, 413, 418, 422, 429, 451, 500, 503, 599, 700]),
    request=st.sampled_from([CHAT, SPEAK]),
)
def test_any_value_as_an_error(asking: Callable[..., Any], value: Any, status: int, request: Request) -> None:
    assert isinstance(asking(json.dumps(value).encode(), f"{status} ?", request), Unavailable)


@pytest.mark.parametrize("letters", [b"[],", b"{},", b"1,", b'"",'])
@pytest.mark.parametrize("place", [b'{"choices": [', b'{"choices": [{"message": {"content": [', b'{"data": ['])
def test_a_body_of_many_values_takes_memory_in_proportion(letters: bytes, place: bytes) -> None:
    body = place + letters * (LARGEST // len(letters)) + b"{}]" + b"}}]" * (b"message" in place) + b"}"
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            read(Models if b"data" in place else Reply, body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 40 * len(body)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=300) | ANY.map(lambda value: json.dumps(value).encode()))
def test_reading_raises_one_thing(content: bytes) -> None:
    said = complaint(content)
    assert isinstance(said.message, str) and said.kind == said.kind.lower()
    try:
        read(Reply, content)
    except Unreadable as error:
        assert "\n" not in str(error)


def test_extra_fields_are_json() -> None:
    for odd in (float("nan"), {1, 2}, itertools):
        with pytest.raises(ValueError, match="the body of requests, which is JSON"):
            llm_openai.Config(base_url="http://a/v1", model="m", extra={"odd": odd})
