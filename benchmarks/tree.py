"""What a command costs, with all processes that it starts: CPU seconds, wall time, and memory. Linux only.

Daemons that outlive their parent (Ray's) are adopted by the measuring process, so none gets out of sight. Memory is the
sum of the processes' proportional set sizes (PSS): a page that five share counts once.
"""

import ctypes
import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_TICK = os.sysconf("SC_CLK_TCK")
_EVERY = 0.2  # seconds between two looks
_LIMIT = 600.0  # seconds, after which a command is taken for hung
_GRACE = 5.0  # seconds that daemons have to end by themselves after the command


@dataclass
class Cost:
    """`cpu` and `wall` in seconds, all in; `start_*`: until the command said that it had started; `peak` in MB."""

    cpu: float
    wall: float
    peak: float
    start_cpu: float
    start_wall: float
    failed: str = ""


def measure(command: list[str], env: dict[str, str], folder: Path) -> Cost:
    """Run the command in the folder; what it prints goes to the file `log` there. `BENCH_STARTED` names a file that it touches."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    mark, log = folder / "started", folder / "log"
    spent: dict[tuple[int, str], float] = {}
    before = _reaped()
    begin = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=env | {"BENCH_STARTED": str(mark)}, stdout=output, stderr=output
        )
    start_cpu, start_wall, peak = 0.0, 0.0, 0.0
    while True:
        if time.monotonic() - begin > _LIMIT:
            process.kill()
            process.wait()
        ended = process.poll() is not None
        alive = _descendants()
        for pid in alive:
            _note(pid, spent)
        if not start_wall and mark.exists():
            start_cpu, start_wall = sum(spent.values()), mark.stat().st_mtime - (time.time() - time.monotonic()) - begin
        peak = max(peak, sum(_pss(pid) for pid in alive))
        if ended:
            break
        time.sleep(_EVERY)
    wall = time.monotonic() - begin
    _end_rest(spent)
    cpu = max(sum(spent.values()), _reaped() - before)
    failed = "" if process.returncode == 0 else f"exit code {process.returncode}, see {log}"
    return Cost(cpu, wall, peak / 1e6, start_cpu, start_wall, failed)


def _reaped() -> float:
    """CPU seconds of children that were waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children.setdefault(int(fields[1]), []).append(int(entry))
    childrens, waiting = [], [os.getpid()]
    while waiting:
        new = children.get(waiting.pop(), [])
        childrens += new
        waiting += new
    return childrens


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (it has number 0); none where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _note(pid: int, spent: dict[tuple[int, str], float]) -> None:
    if fields := _stat(pid):
        spent[pid, fields[19]] = (int(fields[11]) + int(fields[12])) / _TICK  # user and system; field 19 is its birth


def _pss(pid: int) -> int:
    """Bytes; 0 where the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _end_rest(spent: dict[tuple[int, str], float]) -> None:
    """Wait for daemons to end, and end those that don't."""
    deadline = time.monotonic() + _GRACE
    while alive := _descendants():
        for pid in alive:
            _note(pid, spent)
            if time.monotonic() > deadline:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.05)
