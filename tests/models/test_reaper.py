"""Child processes of an actor end with it, by a process that takes its modules from where the actor takes them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.paths import ROOT
from tests.helpers.planted import Planted
from tests.helpers.waiting import wait_for

# As an actor of a submitted job is: PYTHONPATH names its working folder, where it looks last.
ACTOR = """
import os, sys
sys.path.remove(os.getcwd())
sys.path.append(os.getcwd())
from voxsmith.models.reaper import watch
import subprocess
watcher = watch()
print(subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL).pid, flush=True)
sys.stdin.read()
"""


def test_children_of_a_killed_process_are_ended(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "work", tmp_path / "ran", only=("psutil", "subprocess", "resource"))
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(planted.folder), str(ROOT)])}
    command = [sys.executable, "-P", "-c", ACTOR]
    with subprocess.Popen(
        command, cwd=planted.folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as actor:
        assert actor.stdout is not None
        child = int(actor.stdout.readline())
        assert is_running(child)
        actor.kill()
    wait_for(lambda: not is_running(child), "the end of the child")
    assert planted.ran() == []


def is_running(pid: int) -> bool:
    """Whether there is such a process that is not yet waited for."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
