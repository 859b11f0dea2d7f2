"""Where a recipe comes from: two recipe files may have the same `name`, and the runs of one are none of the other's."""

import os
from pathlib import Path

IN_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # set for what `ray job submit` starts


def origin_of(file: str, profile: str | None = None) -> str:
    """Names a recipe file, and the profile that was taken of it, alike wherever the command runs.

    It is the file's absolute path, links resolved. Ray copies the folder of a submitted job to another place each time, so
    there it is the path inside that folder. "" where there is no file: the recipe is a program's.
    """
    if not file:
        return ""
    path, here = Path(file).resolve(), Path.cwd().resolve()
    if IN_JOB in os.environ and path.is_relative_to(here):
        path = path.relative_to(here)
    name = str(path).encode(errors="backslashreplace").decode()  # a name of a file may be no text
    return f"{name} --profile {profile}" if profile else name
