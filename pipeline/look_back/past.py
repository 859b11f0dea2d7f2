"""A run as it left the store, and one of its shards: read from manifests and commits, whatever the recipe is now."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.plan.accounts import BLOCKS, OVERRIDES, REJECTS, SOURCES, Rejecting, rejects_in
from voxsmith.pipeline.plan.manifests import RunManifest, read_run, run_names
from voxsmith.pipeline.store.forms import Commit
from voxsmith.pipeline.store.objects import Damaged, Place
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import AUDIO, COLUMNS, Column, column
from voxsmith.schemas.names import nearest

LAST, PREVIOUS = "last", "previous"


@dataclass(frozen=True)
class Past:
    """A run. `shards`: by anchor, where its rows are and the key of each stage that was done with it. `columns`: what the
    columns are, as the recipe knows them now.
    """

    name: str
    manifest: RunManifest
    stages: tuple[str, ...]
    whole: frozenset[str]  # stages that work on the recipe, not on a shard
    shards: Mapping[str, tuple[Place, Mapping[str, str]]]
    columns: Mapping[str, Column] = field(default_factory=lambda: COLUMNS)

    def is_through(self, anchor: str) -> bool:
        """Whether every stage was done with the shard."""
        return all(stage in self.shards[anchor][1] or stage in self.whole for stage in self.stages)


def open_run(store: Store, recipe: str, wanted: str, columns: Mapping[str, Column] = COLUMNS) -> Past:
    """The run of that name in the store; `last` and `previous` are the recipe's own. Raises RecipeError."""
    if wanted in (LAST, PREVIOUS):
        # A run that was killed before it wrote its manifest has used nothing.
        runs = (run for name in reversed(run_names(store, recipe)) if (run := read_run(store, name)))
        latest = list(islice(runs, 2))
        manifest = next(iter(latest[0 if wanted == LAST else 1 :]), None)
        if manifest is None:
            has = f"has run {len(latest)} time{'s' if len(latest) != 1 else ''} in {store.url}"
            raise RecipeError(f"'{wanted}': {recipe} {has}; a run that changes nothing isn't counted")
    else:
        manifest = read_run(store, wanted)
    if manifest is None:
        raise RecipeError(
            f"no run '{wanted}' in {store.url}; {nearest(wanted, [*run_names(store)[-20:], LAST, PREVIOUS])}"
        )
    keys = manifest["keys"]
    by_anchor: dict[str, dict[str, str]] = {anchor: {} for anchor in manifest["sources"]}
    for stage, keys_of_stage in keys.items():
        for anchor, key in keys_of_stage.items():
            by_anchor.setdefault(anchor, {})[stage] = key
    shards = {anchor: ((place[0], place[1]), by_anchor[anchor]) for anchor, place in manifest["sources"].items()}
    whole = frozenset(stage for stage, keys_of_stage in keys.items() if "recipe" in keys_of_stage)
    return Past(manifest["run"], manifest, tuple(manifest.get("stages", keys)), whole, shards, columns)


class PastShard:
    """A shard as a run left it. Columns are read when they are asked for."""

    def __init__(self, store: Store, run: Past, anchor: str) -> None:
        self.store, self.run, self.anchor = store, run, anchor
        self.source, self.keys = run.shards[anchor]
        self._values: dict[str, list[Any]] = {}

    # -- commits ------------------------------------------------------------------------------------------------------

    @cached_property
    def metas(self) -> dict[str, Commit]:
        """What the commits say, by stage; read side by side, because each may be a trip. Raises RunFailed."""
        with ThreadPoolExecutor(max(1, len(self.keys))) as pool:
            return dict(zip(self.keys, pool.map(self._meta, self.keys, self.keys.values()), strict=True))

    @cached_property
    def _source_meta(self) -> Commit:
        return self._meta(*self.source)

    @cached_property
    def places(self) -> dict[str, tuple[Place, str]]:
        """Where each column is, and the digest of its values."""
        places = {name: (self.source, value) for name, value in self._source_meta["columns"].items()}
        for stage, meta in self.metas.items():
            places |= {name: ((stage, self.keys[stage]), value) for name, value in meta["columns"].items()}
        return places

    @property
    def rows(self) -> int:
        return self._source_meta["rows"]

    def digest(self, name: str) -> tuple[str, ...]:
        """What names the column's values, together with the attempts that it may point at; empty where it isn't there."""
        known = column(name, self.run.columns)
        points = known is None or known.type == AUDIO
        tries = sorted(other for other in self.places if re.fullmatch(rf"{name}_\d+", other)) if points else []
        return tuple(self.places[one][1] for one in (name, *tries) if one in self.places)

    def _meta(self, stage: str, key: str) -> Commit:
        meta = self.store.meta(stage, key)
        if meta is None:
            raise self._gone(stage, key, "is gone from the store: gc keeps only what the latest runs use")
        return meta

    def _gone(self, stage: str, key: str, why: str) -> RunFailed:
        return RunFailed(f"run {self.run.name} can't be looked at any more: its object {stage}/{key} {why}")

    # -- rows ---------------------------------------------------------------------------------------------------------

    def fates(self) -> list[str | None]:
        """For each row why it didn't come out of the stages, or None where it did."""
        objects: list[Rejecting] = [(OVERRIDES, self.source, BLOCKS)] if self._source_meta.get("blocked") else []
        objects += [(SOURCES, self.source, name) for name in (REJECTS, *self.run.manifest.get("needed", ()))]
        rejecting = [stage for stage in self.run.stages if stage in self.metas and self.metas[stage]["rejects"]]
        objects += [(stage, (stage, self.keys[stage]), REJECTS) for stage in rejecting]
        try:
            rejects = rejects_in(self.store, self.source, self.rows, tuple(objects))
        except Damaged as error:
            raise self._gone(*error.place, f"can't be read: {error.args[2]}") from None
        except OSError as error:
            raise self._gone(*self.source, f"can't be read: {' '.join(str(error).split())[:200]}") from None
        otherwise = None if self.run.is_through(self.anchor) else "pending"
        return [f"rejected by {one.stage}: {one.reason}" if one else otherwise for one in rejects]

    def values(self, name: str) -> list[Any]:
        """The column, nulls where the run has none. A clip is its digest."""
        if name not in self._values:
            self._values[name] = self._read(name) if name in self.places else [None] * self.rows
        return self._values[name]

    def clip(self, name: str, row: int) -> bytes | None:
        """The FLAC file that the row has in the column."""
        if name not in self.places:
            return None
        values, choices = self._column(name)
        value = values[row].as_py()
        if choices:
            return None if value is None else self.clip(choices[value], row)
        return value["bytes"] if value else None

    def _read(self, name: str) -> list[Any]:
        values, choices = self._column(name)
        if choices:
            others = [self.values(other) for other in choices]
            return [None if n is None else others[n][row] for row, n in enumerate(values.to_pylist())]
        if values.type == AUDIO:
            return [path for chunk in values.chunks for path in pc.struct_field(chunk, "path").to_pylist()]
        return list(values.to_pylist())

    def _column(self, name: str) -> tuple[pa.ChunkedArray, list[str]]:
        """The column as it was written, and the columns that it points at."""
        stage, key = self.places[name][0]
        try:
            table = self.store.read(stage, key, [name])
            choices = (table.schema.field(name).metadata or {}).get(b"choices", b"").decode()
            return table[name], choices.split(",") if choices else []
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise self._gone(stage, key, f"can't be read: {' '.join(str(error).split())[:200]}") from None
