"""Files that a recipe names: looked for beside the recipe first, then where the command runs.

Models of recipes are validated in the context `beside(recipe)`; without it there is only where the command runs.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

_FOLDER = "folder"
_LONGEST, _LONGEST_PART = 4_000, 255  # bytes of a path, and of a name in it
EITHER = "beside the recipe or where the command runs"


def beside(recipe: str | Path) -> dict[str, Path]:
    """What models are validated with (pydantic's `context`), so that they find files beside this recipe file."""
    return {_FOLDER: Path(recipe).parent}


def at_home(path: str) -> str:
    """The path with its `~` written out, as a shell does. Raises ValueError where nobody has such a home, and for a path that
    is longer than one can be.
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise ValueError(
            f"there is no home folder '{expanded.partition('/')[0][:80]}'; write the path out, or put ./ before it"
        )
    if ("://" not in path and max(map(len, os.fsencode(expanded).split(b"/"))) > _LONGEST_PART) or len(
        expanded
    ) > _LONGEST:
        raise ValueError(f"'{expanded[:40]}…' is longer than a path can be")
    return expanded


def find(path: str, info: ValidationInfo, there: Callable[[str], bool] = os.path.exists) -> str | None:
    """The path as it can be opened: beside the recipe, or as it is given; None where neither is there."""
    path = at_home(path)
    candidates = [str(folder / path)] if (folder := _folder(info)) else []
    return next((candidate for candidate in [*candidates, path] if there(candidate)), None)


def looked_in(path: str, info: ValidationInfo) -> str:
    """Where `find` looked, to end a message with; "" for an absolute path, which is looked for nowhere else."""
    if Path(path).is_absolute():
        return ""
    here, folder = Path.cwd(), _folder(info)
    if folder is None or folder.resolve() == here:
        return f"; looked in {here}"
    return f"; looked in {folder}, beside the recipe, and in {here}, where the command runs"


def folders(info: ValidationInfo) -> list[Path]:
    """Where `find` looks, in order."""
    return [folder, Path()] if (folder := _folder(info)) else [Path()]


def _folder(info: ValidationInfo) -> Path | None:
    folder: Path | None = (info.context or {}).get(_FOLDER)
    return folder


def beside_if_there(path: str, info: ValidationInfo) -> str:
    """The path as it can be opened; as it is given where nothing is there: who reads it says so."""
    return find(path, info) or at_home(path)


FilePath = Annotated[str, AfterValidator(beside_if_there)]
