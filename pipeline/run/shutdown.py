"""Ctrl-C and SIGTERM end a run in good order."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_DRAIN_SECONDS = 25.0  # that tasks in flight have for keeping what they have


class Shutdown:
    """Whether a run was told to end, and how soon."""

    def __init__(self) -> None:
        self._signals: list[int] = []
        self._since: float | None = None  # when the run began to end (time.monotonic)

    @property
    def wanted(self) -> bool:
        return bool(self._signals)

    @property
    def begun(self) -> bool:
        return self._since is not None

    @property
    def over(self) -> bool:
        """Whether there is no more time to wait: after a second Ctrl-C there is none."""
        if signal.SIGINT in self._signals[1:]:
            return True
        return self._since is not None and time.monotonic() - self._since >= _DRAIN_SECONDS

    def begin(self) -> None:
        self._since = self._since or time.monotonic()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT are noted instead of ending the process. Once one has come, the process is to end in its own
        time: an impatient Ctrl-C must not break off what it still writes. In a thread that is not the main one, where
        Python allows no handlers, signals do what they did before.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, lambda number, _: self._signals.append(number)) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if self._signals else handler)
