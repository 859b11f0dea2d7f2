"""An LLM is asked until a reply passes its checks."""

from collections.abc import Callable, Generator
from typing import Any

from voxsmith.stages.context import Reject
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.text.speakable import Fault


def first_good(
    attempts: int, ask: Callable[[int], Complete], read: Callable[[Completion], tuple[str, Fault | None]]
) -> Generator[Complete, Any, tuple[str, int]]:
    """(the text of the first reply in which `read` finds no fault, which attempt that was, from 1). `ask`: the request of an
    attempt.

    Raises Reject with the reason of the last attempt's fault, the message of every attempt, and the last text.
    """
    failures: list[str] = []
    for attempt in range(1, attempts + 1):
        reply = yield ask(attempt)
        text, fault = read(reply)
        if not fault:
            return text, attempt
        failures.append(f"reply {attempt}: {fault.message}")
    assert fault
    raise Reject(fault.reason, "; ".join(failures), text)
