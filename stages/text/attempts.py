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
    texts, attempt = yield from several_good(1, attempts, ask, read)
    return texts[0], attempt


def several_good(
    wanted: int, attempts: int, ask: Callable[[int], Complete], read: Callable[[Completion], tuple[str, Fault | None]]
) -> Generator[Complete, Any, tuple[list[str], int]]:
    """(up to `wanted` different texts in which `read` finds no fault, how many replies were asked for): after the first
    `attempts` replies no more are asked for than would make up the number.

    Raises Reject, as `first_good` does, where there is no such text.
    """
    good: list[str] = []
    failures: list[str] = []
    for attempt in range(1, attempts + wanted):
        reply = yield ask(attempt)
        behind = without_thoughts(reply.text)
        text, fault = read(replace(reply, text=behind) if behind != reply.text.strip() else reply)
        if not behind:
            fault = unread(reply.text, behind)
        if not fault and text not in good:
            good.append(text)
        elif fault:
            failures.append(f"reply {attempt}: {fault.message}")
            last = Reject(fault.reason, "; ".join(failures), text or reply.text)
        if len(good) == wanted or (attempt >= attempts and not good):
            break
    if not good:
        raise last
    return good, attempt
