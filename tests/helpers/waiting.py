"""Waiting for what happens in other threads and processes, however slow the machine is.

A test waits for the thing itself, never for so many seconds in which it usually comes. The limits here only end a test
whose thing never comes; they are generous, and running into one says what was missing.
"""

import glob
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

LONGEST = 300.0  # seconds; below pytest's own limit, which can't say what was missing
T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], what: str, process: "subprocess.Popen[str] | None" = None, seconds: float = LONGEST
) -> T:
    """What the condition returns as soon as that is true. `what` names it in the message of a test that waits in vain.

    `process`: the one that is to bring it about; the test fails at once when it has ended without.
    """
    end = time.monotonic() + seconds
    while True:
        ended = process is not None and process.poll() is not None
        if value := condition():
            return value
        if process is not None and ended:
            pytest.fail(f"the process has ended with {process.returncode}, without {what}:\n{rest_of(process)}")
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.02)


def read_until(process: "subprocess.Popen[str]", line_is: str | Callable[[str], bool], seconds: float = LONGEST) -> str:
    """Reads what the process prints, up to the first line that has that text, or for which that is true."""
    assert process.stdout is not None
    is_it = line_is if callable(line_is) else lambda line: line_is in line
    printed = ""
    with _killed_after(process, seconds):
        for line in process.stdout:
            printed += line
            if is_it(line):
                return printed
    pytest.fail(f"no line with {line_is!r} came in {seconds:.0f} s, or before the process ended:\n{printed}")


def rest_of(process: "subprocess.Popen[str]", seconds: float = LONGEST) -> str:
    """Waits until the process has ended; returns what it printed that nobody has read yet."""
    assert process.stdout is not None
    with _killed_after(process, seconds) as killed:
        output = process.stdout.read()
        process.wait()
    assert not killed.is_set(), f"the process had not ended after {seconds:.0f} s:\n{output}"
    return output


class _killed_after:
    """Ends the process, and what it started, when the block takes too long: a read of its output then comes back."""

    def __init__(self, process: "subprocess.Popen[str]", seconds: float) -> None:
        self.process, self.killed = process, threading.Event()
        self.timer = threading.Timer(seconds, self._kill)

    def _kill(self) -> None:
        self.killed.set()
        if os.getpgid(self.process.pid) == self.process.pid:  # as `start_cli` starts it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def __enter__(self) -> threading.Event:
        self.timer.start()
        return self.killed

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()


class Gate:
    """Holds the toy LLM at a chosen point of a run, until it is opened: `start_cli("run", path, *gate.closed)`.

    The engine goes on answering until the recipe's store has `objects` files that match `pattern`; then every request
    waits. So the run is certainly still on when a test does something to it, on a fast machine and on a slow one.
    """

    def __init__(self, folder: Path, objects: int, pattern: str = "toy_*/*.json") -> None:
        self.file, self.objects = folder / "gate", objects
        self.pattern = f"{folder}/store/objects/{pattern}"
        self.file.write_text(f"{objects} {self.pattern}")
        self.closed = ("--set", f"engines.llm.gate={self.file}")

    def wait(self, process: "subprocess.Popen[str]") -> None:
        """Until the run has come to the gate."""
        what = f"{self.objects} files {self.pattern}"
        wait_for(lambda: len(glob.glob(self.pattern)) >= self.objects, what, process)

    def open(self) -> None:
        self.file.unlink()
