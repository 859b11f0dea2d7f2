"""The shards that a run starts from: what the recipe's sources hold, cut and named by content."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import pyarrow as pa

from voxsmith.pipeline.sources import given_columns, lacking, listings, read_source, rows_to_table
from voxsmith.pipeline.sources.duplicates import Comparer
from voxsmith.pipeline.sources.overrides import Corrector
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.pipeline.store.digests import column_digest, digest
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.objects import read_rows
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import COLUMNS, Column
from voxsmith.schemas.recipe import Recipe
from voxsmith.schemas.source import Source
from voxsmith.schemas.text import clean

_PLACES = 10_000  # rejected rows of a source whose places are kept: more are for a program to look into
log = logging.getLogger(__name__)


Retries = dict[str, dict[str, int]]
RETRIES: Form[Retries] = Form("noted retries", Retries)  # stage -> row id -> how often a person had it tried again


def list_shards(
    recipe: Recipe,
    store: Store,
    keep: bool,
    limit: int | None = None,
    columns: Mapping[str, Column] = COLUMNS,
) -> list[Shard]:
    """All shards, in the order of the sources. Files that are as they were are not read; others are, in one pass, one
    shard in memory at a time.

    `keep`: write the shards that the store doesn't have yet. `limit`: whole shards until so many rows are there.
    `columns`: those that the recipe has.
    """
    retries = store.read_kept(retries_path(recipe), RETRIES) or {}
    shards: list[Shard] = []
    rows = 0
    corrector = Corrector(recipe, store, keep, columns) if recipe.overrides else None
    comparer = Comparer(recipe, store, keep, limit is None, columns) if recipe.duplicates else None
    for shard, table in _all(recipe, store, keep, limit is None, columns):
        corrected = corrector.correct(shard, table) if corrector else shard
        if comparer:
            comparer.add(corrected, table)
        shards.append(corrected)
        rows += shard.rows
        if limit is not None and rows >= limit:
            break
    if comparer:
        shards = comparer.finish(shards)
    shards = [_with_retries(shard, retries, store, keep) for shard in shards]
    for line in corrector.finish(whole=limit is None) if corrector else ():
        log.warning("%s", line)
    return shards


def retries_path(recipe: Recipe) -> str:
    return f"retries/{recipe.name}.json"


def _all(
    recipe: Recipe, store: Store, keep: bool, whole: bool, columns: Mapping[str, Column]
) -> Iterator[tuple[Shard, pa.Table | None]]:
    """The shards as they are read, with their rows where these had to be read."""
    wanted = (
        keep or recipe.overrides is not None or recipe.duplicates is not None
    )  # the rows themselves, not only what they were
    for name, source in recipe.sources.items():
        known = listings.recall(store, name, source, keep)
        if known is not None:
            shards = [Shard(**shard) for shard in known]
            folder = f"source.{name}"
            if not wanted or {shard.key for shard in shards} <= store.keys(folder):
                yield from ((shard, None) for shard in shards)
                continue
        watch = Watch()
        before = listings.watch(source) if keep and whole and not (source.is_speech and source.root) else None
        read, places = [], dict[str, str]()
        for shard, table in _shards(name, source, places, columns, watch):
            if keep and store.meta(shard.folder, shard.key) is None:
                store.commit(shard.folder, shard.key, table, {"rows": shard.rows, "columns": shard.columns})
            read.append(asdict(shard))
            yield shard, table
        if keep and whole:
            listings.remember(store, name, source, before or watch.noted, read, places)


def _shards(
    name: str, source: Source, places: dict[str, str], known: Mapping[str, Column], watch: Watch
) -> Iterator[tuple[Shard, pa.Table]]:
    """Adds to `places` where the first rejected rows stand."""
    for rows in read_source(name, source, known, watch):
        places |= {row["id"]: clean(row["place"]) for row in rows if row["reject"] and len(places) < _PLACES}
        table = rows_to_table(rows, given_columns(source), known)
        columns = {column: column_digest(table[column]) for column in table.column_names}
        counts = dict(Counter(reject["reason"] for reject in table["_reject"].to_pylist() if reject is not None))
        anchor = f"{name}/{rows[-1]['conversation_id']}"
        yield Shard(name, anchor, len(rows), digest(columns), columns, counts, lacking(table, known)), table


def _with_retries(shard: Shard, retries: Retries, store: Store, keep: bool) -> Shard:
    """The shard with the rows of it that a person had tried again."""
    if not retries or store.meta(shard.folder, shard.key) is None:
        return shard
    rows = read_rows(store, (shard.folder, shard.key), {"id": shard.columns["id"]}, keep)
    ids = set(rows["id"].to_pylist())
    again = {stage: {row: n for row, n in counts.items() if row in ids} for stage, counts in retries.items()}
    return replace(shard, retries={stage: counts for stage, counts in again.items() if counts})
