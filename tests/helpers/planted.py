"""A folder in which somebody has put modules under the names of others, and whether any of them was run."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

OURS = ("models", "pipeline", "schemas", "stages", "configs", "voxsmith")
BY_THEMSELVES = ("sitecustomize", "usercustomize", "_pytest", "conftest", "setup")  # imported where they are, unasked

# It notes that it was run, and then is the module that it stands for, so that all goes on.
_MODULE = """
import sys
with open("/proc/self/cmdline") as _of, open({log!r}, "a") as _log:
    _log.write(__name__ + " " + _of.read().replace("\\0", " ").replace("\\n", " ") + "\\n")
_path = sys.path[:]
sys.path[:] = [_entry for _entry in _path if _entry and not __file__.startswith(_entry + "/")]
del sys.modules[__name__]
try:
    __import__(__name__)
except ImportError:
    sys.modules[__name__] = sys
sys.path[:] = _path
"""


class Planted:
    """The folder; modules of all names that there are lie in it, but for `without`, or these alone: `only`."""

    def __init__(self, folder: Path, log: Path, without: Iterable[str] = (), only: Iterable[str] = ()) -> None:
        self.folder, self._log = folder, log
        folder.mkdir(parents=True, exist_ok=True)
        for name in set(only) or {*names_of_modules(), *BY_THEMSELVES, *OURS}.difference(without):
            place = folder / name / "__init__.py" if name in OURS else folder / f"{name}.py"
            place.parent.mkdir(exist_ok=True)
            place.write_text(_MODULE.format(log=str(log)))

    def ran(self, but: str = "nobody") -> list[str]:
        """Names of the modules of the folder that were run since the last call, but by processes called so."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return sorted({line.partition(" ")[0] for line in lines if but not in line})


def names_of_modules() -> set[str]:
    """Of Python's own modules and those of all installed packages, at the top."""
    return {name for name in (*sys.stdlib_module_names, *packages_distributions()) if name.isidentifier()}


def of_python(python: Path, folder: Path, imports: str = "sys") -> set[str]:
    """What Python itself loads before the first line of a module that it is told to run with -m, and what that line imports:
    this it takes from the folder where it is started, and nothing can be done against it.
    """
    (folder / "first.py").write_text(f"import {imports}, sys; print(*sys.modules)")
    ran = subprocess.run([python, "-m", "first"], cwd=folder, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in ran.stdout.split()}
