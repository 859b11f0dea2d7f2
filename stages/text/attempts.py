"""An LLM is asked until a reply passes its checks."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from voxsmith.stages.context import Reject
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.text.replies import unread
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.thoughts import without_thoughts


def first_good(
    attempts: int, ask: Callable[[int], Complete], read: Callable[[Completion], tuple[str, Fault | None]]
) -> Generator[Complete, Any, tuple[str, int]]:
    """(the text of the first reply in which `read` finds no fault, which attempt that was, from 1). `ask`: the request of an
    attempt. `read` is given replies without the model's thoughts.

    Raises Reject with the reason of the last attempt's fault, the message of every attempt, and the last text, or the whole
    reply where no text could be read in it.
    """
    failures: list[str] = []
    for attempt in range(1, attempts + 1):
        reply = yield ask(attempt)
        behind = without_thoughts(reply.text)
        text, fault = read(replace(reply, text=behind) if behind != reply.text.strip() else reply)
        if not behind:
            fault = unread(reply.text, behind)
        if not fault:
            return text, attempt
        failures.append(f"reply {attempt}: {fault.message}")
    assert fault
    raise Reject(fault.reason, "; ".join(failures), text or reply.text)
