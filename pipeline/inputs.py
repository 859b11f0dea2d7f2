"""The shards that a run starts from: what the recipe's sources hold, cut and named by content."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from pipeline.digests import column_digest, digest
from pipeline.sources import given_columns, read_source, rows_to_table
from pipeline.store import Store
from schemas.recipe import Recipe


@dataclass(frozen=True)
class Shard:
    """A run of whole conversations of one source. `anchor` matches it to the shard it was in an earlier run."""

    source: str
    anchor: str
    rows: int
    key: str
    columns: dict[str, str]  # name -> digest
    rejects: dict[str, int]
    retries: dict[str, dict[str, int]]  # stage instance -> row id -> how often a person had it tried again

    @property
    def folder(self) -> str:
        return f"source.{self.source}"


Retries = dict[str, dict[str, int]]


def list_shards(recipe: Recipe, store: Store, keep: bool, limit: int | None = None) -> list[Shard]:
    """All shards, in the order of the sources; one pass over each source, one shard in memory at a time.

    `keep`: write the ones that the store doesn't have yet. `limit`: whole shards until so many rows are there.
    """
    retries: Retries = store.read_json(retries_path(recipe)) or {}
    found: list[Shard] = []
    rows = 0
    for shard, table in _shards(recipe, retries):
        if keep and store.meta(shard.folder, shard.key) is None:
            store.commit(shard.folder, shard.key, table, {"rows": shard.rows, "columns": shard.columns})
        found.append(shard)
        rows += shard.rows
        if limit is not None and rows >= limit:
            break
    return found


def retries_path(recipe: Recipe) -> str:
    return f"retries/{recipe.name}.json"


def _shards(recipe: Recipe, retries: Retries) -> Iterator[tuple[Shard, pa.Table]]:
    for name, source in recipe.sources.items():
        for rows in read_source(name, source):
            table = rows_to_table(rows, given_columns(source))
            columns = {column: column_digest(table[column]) for column in table.column_names}
            counts: dict[str, int] = {}
            for reject in table["_reject"].to_pylist():
                if reject is not None:
                    counts[reject["reason"]] = counts.get(reject["reason"], 0) + 1
            ids = {row["id"] for row in rows}
            again = {stage: {row: n for row, n in ns.items() if row in ids} for stage, ns in retries.items()}
            again = {stage: ns for stage, ns in again.items() if ns}
            key = digest(columns)
            anchor = f"{name}/{rows[-1]['conversation_id']}"
            yield Shard(name, anchor, len(rows), key, columns, counts, again), table
