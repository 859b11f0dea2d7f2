"""Retries with backoff of what passes by itself: rate limits, errors of a server, lost connections."""

import random
import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from voxsmith.pipeline.errors import RunFailed
from voxsmith.schemas.retry_after import seconds_to_wait

Reply = TypeVar("Reply")

TRIES = 10  # about a quarter of an hour of a server that is down
_FIRST, _LONGEST = 2.0, 900.0  # seconds of waiting
_PASSING = {408, 409, 412, 425, 429}  # 409 and 412: somebody else's commit was quicker
_NETWORK = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"}  # the Hub's client has used each
# Words in the OSErrors of object stores that no retry would change.
_FINAL = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID", "SIGNATURE", "Access Denied")


class Passing(NamedTuple):
    """An error that a retry may not meet. `wait`: seconds that the server asks for."""

    reason: str
    wait: float | None


def patiently(what: str, call: Callable[[], Reply], say: Callable[[str], None], tries: int = TRIES) -> Reply:
    """What `call` returns, within `tries` tries. Exponential backoff with jitter, or as long as the server asks for. Raises
    RunFailed when the tries run out; errors that no retry would change go through.
    """
    for number in range(1, tries + 1):
        try:
            return call()
        except Exception as error:
            passing = passing_error(error)
            if passing is None:
                raise
            if number == tries:
                message = f"{what}: {passing.reason} after {tries} tries; the same command goes on from here"
                raise RunFailed(message) from None
            wait = passing.wait
            if wait is None:
                wait = min(_LONGEST, _FIRST * 2 ** (number - 1)) * random.uniform(0.5, 1.0)
            else:
                wait += random.uniform(0.0, 1.0)
            say(f"{what}: {passing.reason}; again in {wait:.0f} s")
            time.sleep(wait)
    raise AssertionError("unreachable")


def passing_error(error: BaseException | None) -> Passing | None:
    """What may pass in an error or in its cause; None where no retry would change it."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            status = int(response.status_code)
            if status in _PASSING or status >= 500:
                return Passing(f"status {status}", retry_after(response.headers))
            return None
        name = type(error).__name__
        # Xet's client, and pyarrow's of an object store, have no response to look at.
        refused = re.search(r"(?:client error \(|HTTP status )(4\d\d)", str(error))
        if refused and int(refused[1]) not in _PASSING:
            return None
        if type(error).__module__.split(".")[0] in _NETWORK or isinstance(error, ConnectionError | TimeoutError):
            return Passing(f"{name}: {_first_line(error)}", None)
        if type(error) is OSError and error.errno is None:  # pyarrow's, of an object store: local files give a number
            text = str(error)
            return None if any(word in text for word in _FINAL) else Passing(_first_line(error), None)
        error = error.__cause__
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply asks to wait: Retry-After in seconds or as a date, or the Hub's RateLimit when it is used up."""
    by_name = {name.lower(): value.strip() for name, value in headers.items()}
    if value := by_name.get("retry-after"):
        return seconds_to_wait(value)
    used_up = re.search(r"r=0\b.*?\bt=(\d+)", by_name.get("ratelimit", ""))
    return float(used_up[1]) if used_up else None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
