"""What is installed in the interpreter that an engine runs in: this one, or that of `resources.python`."""

from functools import cache
from importlib.metadata import distributions
from pathlib import Path

ONNXRUNTIME = ("onnxruntime", "onnxruntime-gpu")  # the same library under two names


@cache
def version_of(python: str, *names: str) -> str:
    """The version of the first of the packages `names` that the interpreter has; "" where it has none of them.

    Nothing is run or imported: it is read in the environment that `python` (the path of an interpreter, "" for this
    one) lies in, so that whoever makes keys and whoever runs the engine find the same.
    """
    # One by one: of all that is installed one may be broken, and that is no matter of these.
    folders = [str(folder) for folder in site_packages(python)]
    versions = (
        one.version
        for name in names
        for one in (distributions(name=name, path=folders) if python else distributions(name=name))
    )
    return next((version for version in versions if version), "")


def installed(python: str, *names: str) -> str:
    """The version for an engine's identity: as `version_of` finds it, or "not installed"."""
    return version_of(python, *names) or "not installed"


def site_packages(python: str) -> list[Path]:
    """Where the environment of the interpreter keeps its packages; none where there is no such environment."""
    # Not resolved: a virtual environment's interpreter is a link out of it.
    return sorted(Path(python).expanduser().absolute().parent.parent.glob("lib/python3*/site-packages"))
