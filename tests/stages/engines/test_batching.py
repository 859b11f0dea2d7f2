"""The queue that fills batches: one worker thread, which nothing that it is asked may end."""

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
