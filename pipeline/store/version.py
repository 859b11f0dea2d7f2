"""The version of a store's layout, in `store.json` at its root. A layout that this Voxsmith doesn't know is never read.

1   column digests are BLAKE2 of the values; the oldest stores of this layout have no `store.json`
2   column digests are XXH3 of the buffers
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, NotRequired

from typing_extensions import TypedDict

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.store import SCHEMA_VERSION, Store

FILE = "store.json"
OLDEST = 2  # the oldest layout that is read as it is


class _Layout(TypedDict):
    schema: int
    made_by: NotRequired[str]


_LAYOUT = Form("a store's layout", _Layout)


def check_version(store: Store, path: str, mark: bool) -> None:
    """Raises RecipeError if the store has a layout that this Voxsmith doesn't read.

    `path`: the recipe that names the store, for the message. `mark`: whether to write the layout into a new store.
    """
    where = f"{path}: store: {store.url}"
    try:
        layout = store.read_kept(FILE, _LAYOUT)
    except RunFailed:
        raise RecipeError(
            f"{where}/{FILE} is not that of a Voxsmith store; give the recipe a folder of its own"
        ) from None
    if layout is None and store.folders("objects"):
        layout = {"schema": 1}
    if layout is None:  # the store is empty
        if mark:
            store.write_json(FILE, _mark())
        return
    schema = layout["schema"]
    by = layout.get("made_by", "Voxsmith")
    if schema > SCHEMA_VERSION:
        why = f"it has layout {schema}, this one reads up to {SCHEMA_VERSION}"
        raise RecipeError(f"{where} was made by a newer Voxsmith ({by}): {why}; update Voxsmith, or --set store=OTHER")
    if schema < OLDEST:
        why = f"it has layout {schema}, this one reads {OLDEST} and newer"
        advice = "use that Voxsmith, or make the corpus again with --set store=OTHER and then delete this store"
        raise RecipeError(f"{where} was made by an older Voxsmith ({by}): {why}; {advice}")


def _mark() -> dict[str, Any]:
    try:
        by = f"voxsmith {version('voxsmith')}"
    except PackageNotFoundError:
        by = "voxsmith"
    return {"schema": SCHEMA_VERSION, "made_by": by}
