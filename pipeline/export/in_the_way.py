"""What an export of a recipe would replace must be an export's: this is known before a run begins."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.export.evidence import is_exported_to
from voxsmith.pipeline.export.names import ALL
from voxsmith.pipeline.export.replace import check_strangers
from voxsmith.schemas.globs import files
from voxsmith.schemas.recipe import Recipe

_OF_STORE = ("objects", "runs", "live", "listings", "locks", "retries", "overrides")


def check_folder(recipe: Recipe, label: str, folder: Path) -> None:
    """`folder`: where an export of the recipe goes. Raises RecipeError where that is no place for one: it is no folder, it lies
    in the store or in another dataset, or it holds what no export wrote, or what the recipe itself reads or writes.
    `label`: how messages name the recipe.
    """
    whole = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not whole.is_dir():
        raise RecipeError(f"{label}: out: {whole} is no folder; name another folder in `out`")
    place = _real(folder)
    if lines := [f"{label}: {line}" for line in (*_around(recipe, place), *_inside(recipe, label, place))]:
        raise RecipeError(*lines)
    check_strangers(folder, label)


def _around(recipe: Recipe, folder: Path) -> Iterator[str]:
    """What the folder lies in and must not."""
    if (store := _local(recipe.store)) and folder == _real(store):
        yield f"out: {folder} is the store; name another folder in `out`"
    for name in _OF_STORE if store else ():
        if folder.is_relative_to(place := _real(store) / name):
            yield f"out: {folder} lies in {place}, which belongs to the store; name another folder in `out`"
    for above in (folder, *folder.parents):
        if above.name in ALL and is_exported_to(above.parent):
            yield f"out: {folder} lies in {above}, which the exports of another recipe replace; name another folder in `out`"


def _inside(recipe: Recipe, label: str, folder: Path) -> Iterator[str]:
    """What the recipe names that an export would replace."""
    seen: set[str] = set()
    for key, path in _paths(recipe, Path(label).parent):
        inside = _real(path)
        if folder not in inside.parents or key in seen:
            continue
        if (name := inside.relative_to(folder).parts[0]) in ALL:
            seen.add(key)
            yield f"{key}: {path} lies in {folder / name}, which an export replaces; move it, or name another folder in `out`"


def _paths(recipe: Recipe, beside: Path) -> Iterator[tuple[str, Path]]:
    """Each key of the recipe that names something on this machine's disks, and its path; the store's need not be there yet."""
    if store := _local(recipe.store):
        yield "store", Path(store)
    for name, source in recipe.sources.items():
        yield from ((f"sources.{name}.path", file) for file in (files(source.path) if source.path else ()))
    for key, text in _texts(recipe.model_dump(mode="json", exclude={"store", "out", "name"})):
        for path in (Path(os.path.expanduser(text)), beside / text) if text else ():
            if os.path.lexists(path):
                yield key, path
                break


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in pairs:
        yield from _texts(one, f"{key}.{name}" if key else str(name))


def _real(path: str | Path) -> Path:
    """The path without links; `Path.resolve` raises where links go in a circle."""
    return Path(os.path.realpath(path))


def _local(url: str) -> str:
    """The path of a URL or folder on this machine; "" of others."""
    if "://" not in url:
        return os.path.expanduser(url)
    return unquote(urlsplit(url).path) if url.startswith("file://") else ""
