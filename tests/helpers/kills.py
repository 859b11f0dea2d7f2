"""SIGKILL at chosen moments of a command, the same on a fast machine and on a slow one.

A moment is a call of a Python function in the modules that touch files and places, or a call of C from there, in the main
thread and from where a given function begins. One process imports the program; each command line runs in a fork of it,
which kills itself.
"""

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from tests.helpers.paths import ROOT
from tests.helpers.recipes import TOY_PATH

_ROOMS = ("/pipeline/publish/", "/pipeline/store/", "/huggingface_hub/", "/httpx/")


class Killer:
    """While it is entered: runs command lines that die. `function`: "module:Class.method", where counting begins."""

    def __init__(self, function: str, environment: dict[str, str] | None = None) -> None:
        self._command = [sys.executable, __file__, function]
        self._environment = {**os.environ, "PYTHONPATH": TOY_PATH, **(environment or {})}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def run(self, *arguments: str, moment: int = 0) -> tuple[int, int, str]:
        """Exit code (-9 where it was killed), the moments that passed, and what was printed. `moment` 0: it isn't killed."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([moment, arguments]) + "\n")
        self._process.stdin.flush()
        code, moments, output = json.loads(self._process.stdout.readline())
        return code, moments, output


@functools.cache
def _is_near(file: str) -> bool:
    return any(room in file for room in _ROOMS)


def _counted(function: str, moment: int, count: Path) -> None:
    """Replace the function by itself with the counting around it; `count` is a file that gets the sum."""
    module, _, name = function.partition(":")
    holder: Any = importlib.import_module(module)
    *parents, last = name.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    original = getattr(holder, last)

    def counting(*arguments: Any, **more: Any) -> Any:
        calls = 0

        def hook(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal calls
            if event not in ("call", "c_call") or not _is_near(frame.f_code.co_filename):
                return
            calls += 1
            if calls == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(hook)
        try:
            return original(*arguments, **more)
        finally:
            sys.setprofile(None)
            count.write_text(str(calls))

    setattr(holder, last, counting)


def _serve(function: str) -> None:
    importlib.import_module(function.partition(":")[0])
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            moment, arguments = json.loads(line)
            print(json.dumps(_one(function, moment, arguments, Path(folder))), flush=True)


def _one(function: str, moment: int, arguments: list[str], folder: Path) -> tuple[int, int, str]:
    from voxsmith.pipeline.cli import main

    count, printed = folder / "count", folder / "printed"
    count.write_text("0")
    child = os.fork()
    if child == 0:
        code = 70
        with contextlib.suppress(BaseException):  # nothing of a child may go on in the parent's loop
            output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            _counted(function, moment, count)
            code = main(arguments)
            sys.stdout.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(count.read_text()), printed.read_text()


if __name__ == "__main__":
    _serve(sys.argv[1])
