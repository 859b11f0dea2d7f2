"""Drives a stage's generator, as the pipeline does: requests out, replies in."""

from collections.abc import Callable, Generator
from typing import Any

from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Completion


def drive(talk: Generator[Request, Any, Any], answer: Callable[[Any], Any]) -> tuple[Any, list[Any]]:
    """What the stage returns where `answer` replies to its requests, and the requests."""
    asked: list[Any] = []
    try:
        request = next(talk)
        while True:
            asked.append(request)
            request = talk.send(answer(request))
    except StopIteration as end:
        return end.value, asked


def with_replies(talk: Generator[Request, Any, Any], *replies: str, finish: str = "stop") -> tuple[Any, list[Any]]:
    """What the stage returns where the LLM says these things in turn, no more and no less asked, and its requests."""
    left = list(replies)

    def answer(request: Any) -> Completion:
        assert left, f"one reply more is asked for: {request}"
        return Completion(left.pop(0), finish, 9)

    result = drive(talk, answer)
    assert not left, f"not asked for: {left}"
    return result


def unasked(request: Request) -> Any:
    raise AssertionError(f"nothing should be asked, but {request} is")
