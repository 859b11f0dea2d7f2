"""What a recipe is: the outer shape. What stands inside a stage or an engine is up to that stage or backend."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, model_validator

from voxsmith.schemas.checks import Checks
from voxsmith.schemas.columns import COLUMNS, GROUPS, SIDE_COLUMNS, TRANSLATIONS, Gate, place_of
from voxsmith.schemas.duplicates import Duplicates
from voxsmith.schemas.names import nearest
from voxsmith.schemas.paths import FilePath, at_home
from voxsmith.schemas.source import Source
from voxsmith.schemas.strict import Strict

_LONGEST_NAME = 100  # characters: two names and an ending make the name of a file, which may have 255


def _name(text: str) -> str:
    """Names become folders of the store, and parts of `--set`."""
    if len(text) > _LONGEST_NAME:
        raise ValueError(f"'{text[:20]}…' has {len(text)} characters; a name has {_LONGEST_NAME} at most")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise ValueError(f"'{text}' can't be a name: take small letters, digits and _, a letter first")
    return text


Name = Annotated[str, AfterValidator(_name)]


def _folder(text: str) -> str:
    if re.match(r"[a-z0-9]*:/", text):
        raise ValueError("the dataset is written to a folder; `voxsmith publish --to` sends it to an address")
    return at_home(text)


def _gates() -> dict[str, Any]:
    """A key for each column that has a gate, in the order in which gates name the reason: max_query_wer, …"""
    gated = [(name, column.gate) for name, column in COLUMNS.items() if column.gate]
    fields: dict[str, Any] = {}
    for name, gate in sorted(gated, key=_order):
        limit: Any = Field(None, description=gate.doc, json_schema_extra=_on_pages(name, gate), **gate.bounds)
        fields[f"{gate.kind}_{name}"] = (float | None, limit)
    return fields


def _on_pages(name: str, gate: Gate) -> dict[str, Any] | None:
    """Gates of translations are alike in all languages: the first stands for all."""
    group, base = place_of(name)
    if group not in TRANSLATIONS:
        return None
    return {"shown": f"{gate.kind}_translation_TO_{base}" if group == TRANSLATIONS[0] else ""}


def _order(gated: tuple[str, Gate]) -> tuple[bool, int, int]:
    """By measure, and of one measure by group; the sides' first."""
    (group, base), gate = place_of(gated[0]), gated[1]
    return gate.last, list(SIDE_COLUMNS).index(base), (GROUPS.index(group) - 2) % len(GROUPS)


class _Gates(Strict):
    """Last filter, at export: a row beyond a gate is a reject of the stage `export`. None: no gate."""


Gates: type[_Gates] = create_model("Gates", __base__=_Gates, __doc__=_Gates.__doc__, __module__=__name__, **_gates())


class Export(Strict):
    """How the dataset is written."""

    splits: dict[str, float] = Field(default_factory=dict, description="split name: share of conversations")
    gates: Gates = Gates()
    shard_bytes: int = Field(500_000_000, ge=1_000_000, description="size of a file of the dataset, about")
    report_rows: int = Field(24, ge=0, description="rows that the report page plays")
    licence: str | None = Field(None, min_length=1, description="what the dataset claims; without: each row its own")

    @model_validator(mode="after")
    def _whole(self) -> "Export":
        for name, share in self.splits.items():
            if not re.fullmatch(r"\w+(\.\w+)*", name):  # as `datasets` has it; a split is a folder, too
                raise ValueError(f"'{name}' can't be the name of a split in export.splits: take letters, digits and _")
            if len(name) > _LONGEST_NAME:
                raise ValueError(
                    f"'{name[:20]}…' in export.splits has {len(name)} characters; {_LONGEST_NAME} are the most"
                )
            if name.lower() == "all":
                raise ValueError(f"'{name}' in export.splits is what `datasets` calls all splits; take another name")
            if not 0 <= share <= 1:
                raise ValueError(f"the share of '{name}' in export.splits is {share:g}: it must be from 0 to 1")
        if self.splits and abs(sum(self.splits.values()) - 1) > 1e-6:
            raise ValueError(f"the shares of export.splits add up to {sum(self.splits.values()):g}, not to 1")
        return self


class EngineRate(Strict):
    """What an engine costs, in whatever currency. It is in no key: a changed price makes nothing stale."""

    per_hour: float = Field(0.0, ge=0, description="of one actor, its loading included")
    per_million: dict[
        Literal["prompt_tokens", "completion_tokens", "asked", "spoken_seconds", "heard_seconds"], float
    ] = Field(default_factory=dict, description="tokens, requests or seconds of audio")


class Recipe(Strict):
    """A recipe file. Stage order is not in it: it follows from the columns that stages read and write."""

    name: Name = Field(description="of the corpus: its folder in `out`")
    seed: int = Field(0, description="of every draw: voices, fillers, splits, what an LLM says")
    store: Annotated[str, AfterValidator(at_home)] = Field(
        "store", min_length=1, description="folder or URL (s3://, gs://) of all that stages make"
    )
    out: Annotated[str, AfterValidator(_folder)] = Field("out", min_length=1, description="folder of datasets")
    sources: dict[Name, Source] = Field(min_length=1, description="where texts come from, each by a name of yours")
    overrides: Annotated[FilePath, Field(min_length=1)] | None = Field(
        None, description="a person's corrections and blocked rows, by id"
    )
    duplicates: Duplicates | None = Field(None, description="what becomes of requests that repeat an earlier one")
    engines: dict[Name, dict[str, Any]] = Field(
        default_factory=dict, description="backend and settings of each engine, by a name of yours"
    )
    stages: dict[Name, dict[str, Any] | None] = Field(
        min_length=1, description="settings of each stage, by name; their order follows from columns"
    )
    checks: Checks = Checks()
    export: Export = Export()
    rates: dict[str, EngineRate] = Field(default_factory=dict, description="what engines cost, by name")

    @model_validator(mode="after")
    def _rates_of_engines(self) -> "Recipe":
        for name in self.rates:
            if name not in self.engines:
                raise ValueError(f"rates: no engine '{name}'; {nearest(name, self.engines)}")
        return self

    @model_validator(mode="after")
    def _limits_of_sources(self) -> "Recipe":
        for group in ("recorded", "augmented"):
            for name in getattr(self.checks, group).sources:
                if name not in self.sources:
                    message = f"no source '{name}'; {nearest(name, self.sources)}"
                    raise ValueError(f"checks.{group}.sources: {message}")
        return self
