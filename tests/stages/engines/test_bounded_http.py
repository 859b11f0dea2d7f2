"""However much a server sends, little of it is read, and less is held in memory."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.helpers.hostile import ENDLESS, reply
from tests.helpers.raw_server import Sends, http, raw_server
from tests.helpers.waiting import LONGEST
from voxsmith.stages.engines.llm import openai as llm_openai
from voxsmith.stages.engines.openai_client import LARGEST
from voxsmith.stages.requests.llm import Complete, Completion

TroubleWith = Callable[[str, Sends], str]
CHAT = Complete(messages=(("user", "hi"),), max_tokens=8)


def compressed(data: bytes, name: str, squeeze: Callable[[bytes], bytes] = gzip.compress) -> bytes:
    return http(squeeze(data), "200 OK", f"Content-Encoding: {name}")


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


BOMBS = {
    "gzip": lambda zeros: compressed(zeros, "gzip"),
    "gzip in capitals": lambda zeros: compressed(zeros, "GZIP"),
    "deflate": lambda zeros: compressed(zeros, "deflate", zlib.compress),
    "deflate without a header": lambda zeros: compressed(zeros, "deflate", raw_deflate),
    "an error": lambda zeros: http(gzip.compress(zeros), "400 Bad Request", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("asked", ["chat", "speech"])
@pytest.mark.parametrize("sends", ENDLESS.values(), ids=ENDLESS)
def test_what_does_not_end_is_not_read_to_its_end(trouble_with: TroubleWith, asked: str, sends: Sends) -> None:
    tracemalloc.start()
    try:
        trouble_with(asked, sends)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * LARGEST


@pytest.mark.parametrize("asked", ["chat", "speech"])
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_is_compressed_is_not_decompressed_to_its_end(
    trouble_with: TroubleWith, asked: str, bomb: Callable[[bytes], bytes]
) -> None:
    sent = bomb(bytes(2**28))
    tracemalloc.start()
    try:
        trouble_with(asked, lambda: [sent])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * LARGEST


def test_a_body_that_trickles_is_left_when_the_time_is_over(connect_to: Callable[..., Any]) -> None:
    with raw_server(list) as server:

        def slowly() -> Iterable[bytes]:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
            while not server.wait(0.05):
                yield b" "

        server.sends = slowly
        engine = connect_to(llm_openai.BACKEND, base_url=server.url, retries=0, timeout=0.5)
        assert "no reply within 0.5 s" in str(engine.submit(CHAT).exception(LONGEST))
        assert llm_openai.BACKEND.trouble(engine.config).startswith("no server answers at")


@pytest.mark.parametrize("name", ["gzip", "deflate", "x-gzip", "identity"])
def test_a_server_that_compresses_unasked_is_understood(connect_to: Callable[..., Any], name: str) -> None:
    squeeze = {"deflate": zlib.compress, "identity": bytes}.get(name, gzip.compress)
    with raw_server(lambda: [compressed(reply(), name, squeeze)]) as server:
        engine = connect_to(llm_openai.BACKEND, base_url=server.url)
        assert engine.submit(CHAT).result(LONGEST) == Completion("Hello.", "stop", 2)
