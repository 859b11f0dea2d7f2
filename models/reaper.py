"""Child processes of an actor end with the actor, however that ends. Ray kills actors outright, and vLLM's processes would
then run for ever.

A small process waits for this one's end, which closes a pipe, and kills all that carry this one's mark in their
environment, which is inherited.
"""

import os
import subprocess
import sys
import time

MARK = "VOXSMITH_BELOW"


def watch() -> "subprocess.Popen[bytes]":
    """Mark all processes that are started from now on. The returned process kills them when its stdin is closed, which the end
    of this process does, too."""
    from voxsmith.models.search_path import child_environment  # here, because the child runs this file, too

    mark = os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"
    return subprocess.Popen(
        [sys.executable, __file__, mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | child_environment(),
        start_new_session=True,
    )


def _kill(mark: str) -> None:
    import psutil

    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                process.kill()
        except psutil.Error:  # it has gone, or is another user's
            continue


if __name__ == "__main__":
    sys.stdin.buffer.read()
    _kill(sys.argv[1])
