"""Servers that aren't one, or send what no server should: nothing of it judges a row, and each is told in one line."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.hostile import ENDLESS, WIRE, reply
from tests.helpers.openai_server import OpenAIServer
from tests.helpers.raw_server import Sends, http, one_by_one, raw_server
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.llm import openai as llm_openai
from voxsmith.stages.requests.llm import Complete

TroubleWith = Callable[[str, Sends], str]
CHAT = Complete(messages=(("user", "hi"),), max_tokens=8)


@pytest.mark.parametrize("asked", ["prompt", "chat", "speech"])
@pytest.mark.parametrize("sends", WIRE.values(), ids=WIRE)
def test_what_is_no_reply_is_no_verdict(trouble_with: TroubleWith, asked: str, sends: Sends) -> None:
    assert trouble_with(asked, sends)


def test_what_a_proxy_finds_too_large_is_a_verdict_where_it_takes_plain_words(
    connect_to: Callable[..., Any],
) -> None:
    too_large = http(b"<h1>413 Request Entity Too Large</h1>", "413 Payload Too Large")
    with raw_server(one_by_one(too_large, http(reply()))) as proxy, pytest.raises(Refused, match="prompt_too_long"):
        connect_to(llm_openai.BACKEND, base_url=proxy.url).submit(CHAT).result(60)


@pytest.mark.parametrize("sends", (WIRE | {f"endless {name}": one for name, one in ENDLESS.items()}).values(),
                         ids=[*WIRE, *(f"endless {name}" for name in ENDLESS)])  # fmt: skip
def test_doctor_tells_of_a_server_that_is_none(sends: Sends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with raw_server(sends) as server:
        line = llm_openai.BACKEND.trouble(llm_openai.Config(base_url=server.url, model="small"))
    assert line and server.url in line and "\n" not in line and len(line) < 1500


def test_doctor_tells_of_the_wrong_kind_of_connection(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    config = llm_openai.Config(base_url=server.url.replace("http:", "https:"), model="small")
    assert "no server answers at https://127.0.0.1" in llm_openai.BACKEND.trouble(config)
