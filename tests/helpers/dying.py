"""A command line that kills itself (SIGKILL) at a planned point of its work on the store, without Ray.

    python -m tests.helpers.dying POINT WHERE COMMAND…

A point is each moment at which a kill may leave something: before a file is begun, when it is half written, before and after
it gets its name, before and after a file is deleted. `WHERE`: a regular expression; only files whose path it matches have
points. Without a kill (POINT 0) the last line that is printed is the number of points.
"""

import io
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.helpers.recipes import run_inline, start_python
from tests.helpers.waiting import rest_of


def points(where: str, *command: str) -> int:
    """How many points the command has, when nothing kills it."""
    code, output = _run(0, where, command)
    assert code == 0, output
    return int(output.splitlines()[-1])


def kill_at(point: int, where: str, *command: str) -> None:
    """Run the command until it kills itself at that point."""
    code, output = _run(point, where, command)
    assert code == -signal.SIGKILL, output


def spread(points: int, kills: int) -> list[int]:
    """So many of the points, the first and the last among them."""
    return sorted({1 + round(n * (points - 1) / (kills - 1)) for n in range(kills)})


def _run(point: int, where: str, command: tuple[str, ...]) -> tuple[int, str]:
    process = start_python("-m", "tests.helpers.dying", str(point), where, *command)
    output = rest_of(process)
    return process.returncode, output


class Reaper:
    def __init__(self, at: int, where: str) -> None:
        self.at, self.where, self.count, self.lock = at, re.compile(where), 0, threading.Lock()

    def pass_by(self, path: str) -> None:
        if self.where.search(path):
            with self.lock:
                self.count += 1
                if self.count == self.at:
                    os.kill(os.getpid(), signal.SIGKILL)


class HalfWritten(io.RawIOBase):
    def __init__(self, file: Any, path: str, reaper: Reaper) -> None:
        self.file, self.path, self.reaper = file, path, reaper

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        whole = bytes(data)
        self.file.write(whole[: len(whole) // 2])
        self.file.flush()
        self.reaper.pass_by(self.path)
        self.file.write(whole[len(whole) // 2 :])
        return len(whole)

    def close(self) -> None:
        self.file.close()
        super().close()


class Mortal:
    """A filesystem with points at what changes it."""

    def __init__(self, fs: Any, reaper: Reaper) -> None:
        self.fs, self.reaper = fs, reaper

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fs, name)

    def open_output_stream(self, path: str) -> HalfWritten:
        self.reaper.pass_by(path)
        return HalfWritten(self.fs.open_output_stream(path), path, self.reaper)

    def delete_file(self, path: str) -> None:
        self.reaper.pass_by(path)
        self.fs.delete_file(path)
        self.reaper.pass_by(path)


def main() -> int:
    at, where, *command = sys.argv[1:]
    reaper = Reaper(int(at), where)
    from voxsmith.pipeline.cli import main
    from voxsmith.pipeline.run import executor
    from voxsmith.pipeline.store.store import Store

    opened, replace = Store.__init__, os.replace

    def open_mortal(self: Store, url: str) -> None:
        opened(self, url)
        self.fs = Mortal(self.fs, reaper)

    def rename(old: str, new: str) -> None:
        reaper.pass_by(str(new))
        replace(old, new)
        reaper.pass_by(str(new))

    Store.__init__ = open_mortal  # type: ignore[method-assign]
    os.replace = rename  # type: ignore[assignment]
    executor.execute = inline
    code = main(command)
    print(reaper.count)
    return code


def inline(state: Any, selected: set[str], progress: Any, claims: Any) -> Any:
    """What `execute` does, in this process."""
    from voxsmith.pipeline.run.executor import Result

    with claims:
        return Result(run_inline(state))


def half_written(store: Path) -> list[str]:
    """What a killed process was writing, anywhere in the store."""
    return sorted(str(path.relative_to(store)) for path in store.rglob("*.tmp"))


if __name__ == "__main__":
    sys.exit(main())
