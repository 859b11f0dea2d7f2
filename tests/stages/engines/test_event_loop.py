"""The event loop of engines whose library is asynchronous: it runs in its own thread, and ends with what is under way."""

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from voxsmith.stages.engines.event_loop import EventLoop, cancel_the_others


async def _thread() -> str:
    return threading.current_thread().name


async def _for_ever(begun: threading.Event) -> None:
    begun.set()
    await asyncio.Event().wait()


async def _broken() -> None:
    raise ValueError("it can't be closed")


def _running(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def test_work_is_done_in_a_thread_of_its_own() -> None:
    loop = EventLoop("loop-of-test")
    assert loop.start(_thread()).result(5) == "loop-of-test"
    loop.close()
    assert not _running("loop-of-test")


def test_closing_ends_what_is_under_way() -> None:
    loop, begun = EventLoop("loop-of-test"), threading.Event()
    waiting = loop.start(_for_ever(begun))
    assert begun.wait(5)
    loop.close(cancel_the_others())
    with pytest.raises(CancelledError):
        waiting.result(0)


def test_the_thread_ends_where_closing_fails() -> None:
    loop = EventLoop("loop-of-test")
    with pytest.raises(ValueError, match="can't be closed"):
        loop.close(_broken())
    assert not _running("loop-of-test")
