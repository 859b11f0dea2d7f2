"""What is installed in the interpreter that an engine runs in: this one, or that of `resources.python`."""

from functools import cache
from importlib.metadata import distributions
from pathlib import Path


@cache
def version_of(python: str, *names: str) -> str:
    """The version of the first of the packages `names` that the interpreter has; "" where it has none of them.

    Nothing is run or imported: it is read in the environment that `python` (the path of an interpreter, "" for this
    one) lies in, so that whoever makes keys and whoever runs the engine find the same.
    """
    folders = [str(folder) for folder in site_packages(python)]
    found = {one.name.lower(): one.version for one in (distributions(path=folders) if python else distributions())}
    return next((found[name] for name in names if name in found), "")


def site_packages(python: str) -> list[Path]:
    """Where the environment of the interpreter keeps its packages; none where there is no such environment."""
    # Not resolved: a virtual environment's interpreter is a link out of it.
    return sorted(Path(python).expanduser().absolute().parent.parent.glob("lib/python3*/site-packages"))
