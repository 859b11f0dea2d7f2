"""The queue that fills batches: one worker thread, which nothing that it is asked may end."""

import threading
from typing import Any

import pytest

from stages.engines.base import Batching
from stages.requests import Complete, Request, Transcribe


class Echo(Batching):
    """Replies to one kind of request alone, as backends do, and leaves others out."""

    def answer(self, requests: list[Request]) -> list[Any]:
        return [request.prompt for request in requests if isinstance(request, Complete)]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_request_of_another_kind_fails_alone(batch: int) -> None:
    engine = Echo(batch)
    first, odd, last = (
        engine.submit(one) for one in (Complete(prompt="a"), Transcribe(clip=b"", language="en"), Complete(prompt="b"))
    )
    assert (first.result(2), last.result(2)) == ("a", "b")
    with pytest.raises(TypeError, match=r"Echo has 0 replies to 1 requests \(Transcribe\)"):
        odd.result(2)
    assert engine.submit(Complete(prompt="c")).result(2) == "c"
    engine.close()


class Shrinking(Echo):
    """Its batch gets smaller while it works, as where a card's memory runs out."""

    def __init__(self, batch: int) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        super().__init__(batch)

    def answer(self, requests: list[Request]) -> list[Any]:
        self.begun.set()
        self.may_go_on.wait(5)
        if len(requests) > 1:
            self.batch = 2
        return super().answer(requests)


def test_a_batch_that_gets_smaller_leaves_nobody_out() -> None:
    engine = Shrinking(4)
    first = engine.submit(Complete(prompt="first"))
    engine.begun.wait(5)
    others = [engine.submit(Complete(prompt=str(n))) for n in range(11)]  # they wait together
    engine.may_go_on.set()
    assert [one.result(2) for one in (first, *others)] == ["first", *map(str, range(11))]
    engine.close()
