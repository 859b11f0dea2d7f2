"""What report page, card and publish read of an export's manifest. Keys that they can do without aren't required."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, Field, TypeAdapter
from typing_extensions import TypedDict

from voxsmith.pipeline.report.manifest import Count, Counts, read_as
from voxsmith.pipeline.report.statistics import Statistics
from voxsmith.pipeline.store.forms import Form

_Share = Annotated[float, Field(ge=0, le=1e15)]


class _Sampled(TypedDict):
    sampling_rate: int | None


class _Audio(TypedDict):
    audio: _Sampled


class _Feature(TypedDict):
    """A column, as `datasets` describes it in a card: a type's name, or the rate of an audio column, or a list."""

    name: str
    dtype: NotRequired[str | _Audio]


_FEATURES = TypeAdapter(list[_Feature])
_LIMITS = TypeAdapter(dict[str, float | None])


def _drawable(statistics: Statistics) -> Statistics:
    """Statistics whose columns and histograms can be shown. Raises ValueError."""
    _FEATURES.validate_python(statistics.features, strict=True)
    for name, one in statistics.histograms.items():
        rises = all(low < high for low, high in pairwise(one.edges))  # never with NaN
        if not one.counts or len(one.edges) != len(one.counts) + 1 or not rises:
            raise ValueError(f"histogram {name}: no bins with edges that rise")
    for task, mass in statistics.teachers.items():
        if not all(one.rows > 0 and 0 <= one.least <= 1 and 0 <= one.mean <= 1 for one in (*mass.places, mass.end)):
            raise ValueError(f"teacher of {task}: shares of rows that are none")
    return statistics


def _with_limits(checks: dict[str, Any]) -> dict[str, Any]:
    """Checks whose limits of clips, which are drawn, are numbers. Raises ValueError."""
    for group, limits in checks.items():
        if group.endswith("_clip"):
            _LIMITS.validate_python(limits or {}, strict=True)
    return checks


class _Step(TypedDict):
    """A stage of the funnel. `rejects`: rows by reason."""

    stage: str
    rows_in: Count
    rejects: dict[str, Count]


class _Part(TypedDict):
    """A source or a stage of the recipe."""

    engine: NotRequired[str | None]
    stage: NotRequired[str]
    licence: NotRequired[str | None]


class _Export(TypedDict):
    licence: NotRequired[str | None]
    splits: NotRequired[dict[str, _Share] | None]
    gates: NotRequired[dict[str, Any] | None]


class _Recipe(TypedDict):
    seed: NotRequired[int]
    sources: dict[str, _Part]
    engines: NotRequired[dict[str, dict[str, Any]] | None]
    stages: NotRequired[dict[str, _Part | None] | None]
    checks: NotRequired[Annotated[dict[str, Any], AfterValidator(_with_limits)] | None]
    export: NotRequired[_Export | None]


class _Manifest(TypedDict):
    name: str
    created: str
    recipe_digest: str
    counts: Counts
    preferences: NotRequired[dict[str, Count]]
    funnel: NotRequired[list[_Step]]
    engines: dict[str, dict[str, Any]]
    versions: dict[str, str]
    git_commit: str | None
    recipe: _Recipe
    prompts: dict[str, str]
    checks_applied: NotRequired[list[str]]
    statistics: Annotated[Statistics, AfterValidator(_drawable)]


_FORM = Form("an export's manifest", _Manifest)


def checked_manifest(folder: Path, label: str) -> dict[str, Any] | None:
    """The manifest of what is exported in the folder, for all that report page, card and publish read of it; None where there is
    none that is whole. Raises RunFailed where it has another form. `label`: how messages name the recipe.
    """
    return read_as(_FORM, folder, label)
