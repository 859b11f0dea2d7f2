"""The manifest of an export. It may be another version's, or somebody may have changed it: what is read of it is checked first."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.names import MANIFEST
from voxsmith.pipeline.store.forms import Form, Misfit
from voxsmith.pipeline.store.store import json_object

Count = Annotated[int, Field(ge=0, le=10**15)]


class Counts(TypedDict):
    """Rows of an export."""

    rows_in: Count
    rows_out: Count
    rejects: Count
    pending: Count


class _Counted(TypedDict):
    counts: Counts


_COUNTED = Form("an export's manifest", _Counted)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of what is exported in the folder, whatever it says; None where there is none that is whole."""
    content = _content(folder)
    return json_object(content) if content else None


def counts_of(folder: Path, label: str) -> dict[str, int] | None:
    """The rows of what is exported in the folder; None where there is no manifest that is whole. Raises RunFailed where it has
    another form. `label`: how messages name the recipe.
    """
    manifest = read_as(_COUNTED, folder, label)
    return None if manifest is None else manifest["counts"]


def read_as(form: Form[Any], folder: Path, label: str) -> dict[str, Any] | None:
    """The manifest, whole, where what the form names is in it; None and RunFailed as above."""
    content = _content(folder)
    manifest = json_object(content)
    if manifest is not None:
        try:
            form.read(content)
        except Misfit as why:
            raise RunFailed(
                f"{folder / MANIFEST} is not as this version writes it: {why}; to write it again: voxsmith export {label}"
            ) from None
    return manifest


def _content(folder: Path) -> bytes:
    file = folder / MANIFEST
    return file.read_bytes() if file.is_file() else b""
