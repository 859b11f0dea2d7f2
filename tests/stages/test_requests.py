"""What names a request: a class from outside by its module and its reply's shape, ours by their names as ever."""

from dataclasses import dataclass, make_dataclass
from typing import Any, ClassVar

import pytest

from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.base import Reply, Request
from voxsmith.stages.requests.llm import Complete


def asking(module: str, *held: str) -> Request:
    """A request `Ask(text="x")` of a class in that module, whose reply has these fields."""
    reply = make_dataclass("Got", [(name, str) for name in held], bases=(Reply,), frozen=True)
    namespace: dict[str, Any] = {"reply": reply, "__module__": module, "__annotations__": {"text": str}}
    made: Request = dataclass(frozen=True)(type("Ask", (Request,), namespace))(text="x")
    return made


def test_requests_of_two_packages_are_two() -> None:
    assert asking("one.parts", "a").digest("e") == asking("one.parts", "a").digest("e")
    assert asking("one.parts", "a").digest("e") != asking("other.parts", "a").digest("e")


def test_a_reply_of_another_shape_is_asked_for_anew() -> None:
    assert asking("one.parts", "a").digest("e") != asking("one.parts", "a", "b").digest("e")


def test_ours_have_the_names_that_stores_know() -> None:
    """Digests as version 0.1 made them (blake2b of the JSON, by hand)."""
    assert Complete(prompt="Hello", seed=3).digest("engine").hex() == "0d92daf27cb1eda0fb38f304ca6ccf71"
    assert Transcribe(clip=b"flac").digest("engine").hex() == "07b7756a469052341a2935d42598aad2"


def test_a_request_without_a_reply_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="the request Ask lacks its reply"):

        class Ask(Request):
            text: ClassVar[str] = ""
