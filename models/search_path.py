"""Where modules are looked for: not in the folder where a command is started, unless PYTHONPATH names it and a recipe names
a part that is there alone; then behind all others.

The command line imports this before all else, so it needs only what Python has loaded when it starts.
"""

import os
import sys

import voxsmith

_left: list[str] = []  # the working folder, where PYTHONPATH names it and nothing in it was wanted yet


def leave_working_folder() -> None:
    """For the command line, before it imports anything else. Python looks first where the script lies, or with -m in the
    folder where it is started: that is dropped, and so is a working folder that PYTHONPATH names. If our own code is run
    from the working folder, it is looked in behind all others.
    """
    if not (here := working_folder()):
        return
    script = os.path.dirname(os.path.realpath(sys.argv[0]))
    if not sys.flags.safe_path and sys.path and os.path.realpath(sys.path[0]) in (here, script):
        del sys.path[0]
    if not _is_installed(here):
        others = [entry for entry in sys.path if os.path.realpath(entry) != here]
        if own_folder() == here:
            others.append(here)
        elif len(others) < len(sys.path):
            _left.append(here)
        sys.path[:] = others


def return_to_working_folder() -> bool:
    """Look there from now on, behind all others: a recipe names a part that is nowhere else. False where PYTHONPATH doesn't
    name that folder, or it is looked in already.
    """
    sys.path += _left
    returned = bool(_left)
    _left.clear()
    return returned


def working_folder() -> str:
    """The folder where the process is; "" where that is no more."""
    try:
        return os.path.realpath(os.getcwd())
    except FileNotFoundError:
        return ""


def own_folder() -> str:
    """The folder that holds the package `voxsmith`, of a clone for example; "" where it is installed."""
    folder = os.path.dirname(os.path.dirname(os.path.realpath(str(voxsmith.__file__))))
    return "" if _is_installed(folder) else folder


def python_path() -> list[str]:
    """The folders of PYTHONPATH that this process looks in, in its order, without the working folder."""
    value = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    named = {os.path.realpath(entry) for entry in value.split(os.pathsep)} - {working_folder()}
    return [folder for folder in _folders() if os.path.realpath(folder) in named]


def last_folders() -> list[str]:
    """Where else this process looks that is no part of Python's own environment: beside a script that calls our functions,
    in the working folder, where our own code is. In its order.
    """
    first = {os.path.realpath(folder) for folder in python_path()}
    others = dict.fromkeys([*map(os.path.realpath, _folders()), own_folder()])
    return [folder for folder in others if folder and folder not in first and not _is_installed(folder)]


def child_environment() -> dict[str, str]:
    """Variables for a child with this interpreter: it looks for modules where this process does, in the same order. By
    itself Python would look first in the folder where it is started, and so would `multiprocessing`.
    """
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(_folders())}


def _folders() -> list[str]:
    """Where this process looks, in order; what is there alone, because editable installs add names that are no folders."""
    return [os.path.abspath(entry) for entry in sys.path if os.path.exists(entry or os.curdir)]


def _is_installed(folder: str) -> bool:
    """Whether it belongs to an environment of Python: its standard library, its packages."""
    library = os.path.dirname(os.path.realpath(os.__file__))
    parts = folder.split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or f"{folder}{os.sep}".startswith(f"{library}{os.sep}")
