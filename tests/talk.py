"""Drives a stage's generator, as the pipeline does: requests out, replies in."""

from collections.abc import Callable, Generator
from typing import Any

from stages.requests import Request


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


def unasked(request: Request) -> Any:
    raise AssertionError(f"nothing should be asked, but {request} is")
