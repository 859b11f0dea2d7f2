"""The recipes that come with Voxsmith, and copies of them to start from."""

import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from voxsmith.pipeline.errors import RecipeError
from voxsmith.schemas.names import nearest

_LICENCES = "data/LICENCES.md"  # goes with whatever is of data/


def shipped() -> Traversable:
    """The folder of recipes with their prompts and data: configs/ of a checkout, which the wheel has in the package."""
    package = files("voxsmith")
    installed = package / "configs"
    return installed if installed.is_dir() else Path(str(package)).parent / "configs"


def recipe_names() -> list[str]:
    """The names that `copy` takes: of the files shipped()/NAME.yaml."""
    return sorted(entry.name.removesuffix(".yaml") for entry in shipped().iterdir() if entry.name.endswith(".yaml"))


def summary(name: str) -> str:
    """What the recipe is, as its first line says."""
    return (shipped() / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def copy(name: str, folder: Path) -> list[Path]:
    """Write the recipe with the prompts, data and engine settings that it names into the folder, as new files.

    Returns the files that are there then. Raises RecipeError for an unknown name, and where a file is there already that
    is another one: nothing is written then.
    """
    if name not in recipe_names():
        raise RecipeError(f"voxsmith has no recipe '{name}' to start from; {nearest(name, recipe_names())}")
    wanted = dict(_files_of(name))
    for path, content in wanted.items():
        there = folder / path
        if there.exists() and (not there.is_file() or there.read_bytes() != content):
            raise RecipeError(
                f"{there} is there already, with other content; nothing was written. "
                f"Name another folder: voxsmith new {name} FOLDER"
            )
    for path, content in wanted.items():
        there = folder / path
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.exists():
            there.write_bytes(content)
    return [folder / path for path in wanted]


def _files_of(name: str) -> Iterator[tuple[str, bytes]]:
    """Path below the folder -> content: the recipe, each file that its text or comments name, and what manifests among them name."""
    recipe = (shipped() / f"{name}.yaml").read_bytes()
    yield f"{name}.yaml", recipe
    text = recipe.decode("utf-8")
    there = [(path, entry) for path, entry in _below(shipped(), "") if "/" in path]
    named = [(path, entry) for path, entry in there if path in text]
    for path, entry in [one for one in named if one[0].endswith(".jsonl")]:  # a manifest names clips below its folder
        folder, listed = path.rpartition("/")[0] + "/", entry.read_text(encoding="utf-8")
        named += [one for one in there if one[0].startswith(folder) and one[0].removeprefix(folder) in listed]
    for path, entry in dict(named).items():
        yield path, entry.read_bytes()
    if any(path.startswith("data/") for path, _ in named):
        yield _LICENCES, (shipped() / _LICENCES).read_bytes()


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def print_recipes() -> None:
    """Which recipes there are to start from, a line each."""
    width = max(map(len, recipe_names()))
    for name in recipe_names():
        print(f"{name:<{width}}  {summary(name)}")
    print("copy one, with its prompts and data: voxsmith new NAME [FOLDER]", file=sys.stderr)
