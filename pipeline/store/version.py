"""Which layout a store has: `store.json` at its root says so, and a layout that isn't ours is never read.

1   columns are named by BLAKE2 of their values; at first without a file that says so
2   columns are named by XXH3 of their buffers
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.errors import RecipeError, RunFailed
from pipeline.store.store import SCHEMA_VERSION, Store

FILE = "store.json"
OLDEST = 2  # the oldest layout that is read as it is


def check_version(store: Store, path: str, mark: bool) -> None:
    """Raises RecipeError where the store was made by another Voxsmith in a layout that this one doesn't read.

    `path`: the recipe that names the store, for the message. `mark`: this is a use of the store, and the first one
    writes down its layout.
    """
    try:
        found = store.read_kept(FILE)
    except RunFailed:
        found = {}
    if found is None and store.folders("objects"):
        found = {"schema": 1}
    if found is None:  # nothing is there yet
        if mark:
            store.write_json(FILE, _mark())
        return
    schema = found.get("schema")
    where = f"{path}: store: {store.url}"
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise RecipeError(f"{where}/{FILE} is not that of a Voxsmith store; give the recipe a folder of its own")
    by = found.get("made_by", "Voxsmith")
    if schema > SCHEMA_VERSION:
        told = f"it has layout {schema}, this one reads up to {SCHEMA_VERSION}"
        raise RecipeError(f"{where} was made by a newer Voxsmith ({by}): {told}; update Voxsmith, or --set store=OTHER")
    if schema < OLDEST:
        told = f"it has layout {schema}, this one reads {OLDEST} and newer"
        way = "go on with that Voxsmith, or make the corpus anew with --set store=OTHER and then delete this store"
        raise RecipeError(f"{where} was made by an older Voxsmith ({by}): {told}; {way}")


def _mark() -> dict[str, Any]:
    try:
        by = f"voxsmith {version('voxsmith')}"
    except PackageNotFoundError:
        by = "voxsmith"
    return {"schema": SCHEMA_VERSION, "made_by": by}
