"""What code takes at its peak: run in a process of its own, which ends with a line of what it printed and its memory."""

import json
import subprocess
import sys
from typing import Any

from tests.helpers.paths import ROOT

# The peak of its own memory since it is this program: what getrusage says begins with that of the process it came from.
_MEASURE = """
import json, re, resource, sys
exec(compile(sys.stdin.read(), "measured", "exec"), {"print": lambda value: out.append(value), "out": (out := [])})
own = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.stdout.write(json.dumps([out, max(own, started) * 1024]))
"""


def measured(code: str, *arguments: str) -> tuple[list[Any], int]:
    """What the code printed, as JSON values, and the peak of resident bytes of the larger of it and of what it started."""
    command = [sys.executable, "-c", _MEASURE, *arguments]
    ran = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.returncode == 0, ran.stderr
    printed, peak = json.loads(ran.stdout)
    return printed, peak
