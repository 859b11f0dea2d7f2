"""Requests that repeat an earlier one: which they are, and what becomes of their rows.

The verdict needs all shards, and yet nothing is done twice and no shard becomes stale for another's sake:

- what a request is compared by is made once for each shard (`pipeline.sources.requests`), which is what takes long;
- one pass over these, in the order of the sources, says who repeats whom. The earliest stays, so a shard that comes behind
  all others changes no verdict on them;
- the verdicts are put into the rows that the source gives, as a person's overrides are: a shard has another key only where
  a row of it repeats another, and its stages never know.

duplicates/<recipe>.json in the store remembers what the pass came to: where the shards are the same, there is none.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from typing_extensions import TypedDict

from voxsmith.models.overlap.repeated import IDENTICAL, Repeats, candidates, identical, near
from voxsmith.pipeline.sources import lacking
from voxsmith.pipeline.sources.overrides import content_columns, with_column
from voxsmith.pipeline.sources.requests import NUMBERS, made_requests, stored_requests
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.digests import column_digest, digest
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.objects import REJECT, read_rows
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import COLUMNS, Column
from voxsmith.schemas.recipe import Recipe

DUPLICATE, FLAG = "duplicate", "duplicate_of"
_Verdicts = dict[str, tuple[str, str]]  # conversation -> the id of the row that it repeats, and how


class _Change(TypedDict):
    """What makes a shard another, see `pipeline.sources.shard.Shard`."""

    key: str
    columns: dict[str, str]
    as_read: str
    rejects: dict[str, int]
    lacking: dict[str, int]


class _Known(TypedDict):
    """`name`: the digest of the shards and of this code; `changes`: of shards with verdicts, by key."""

    name: str
    changes: dict[str, _Change]


_KNOWN = Form("what the search for duplicates came to", _Known)


@dataclass
class _Passed:
    """All requests, in order: where each shard's begin, and what they are compared by."""

    starts: np.ndarray[Any, Any]
    names: np.ndarray[Any, Any]
    bands: np.ndarray[Any, Any]


class Comparer:
    """Compares the requests of a recipe's shards. `add` each of them, then `finish`.

    `keep`: the store may be written; `whole`: all shards come.
    """

    def __init__(
        self, recipe: Recipe, store: Store, keep: bool, whole: bool, columns: Mapping[str, Column] = COLUMNS
    ) -> None:
        assert recipe.duplicates
        self.settings, self.store, self.keep, self.whole = recipe.duplicates, store, keep, whole
        self.columns = columns
        self._path = f"duplicates/{recipe.name}.json"
        self._at_hand: dict[str, pa.Table] = {}  # requests of shards that aren't in the store: it may not be written

    def add(self, shard: Shard, table: pa.Table | None) -> None:
        """Note the shard. `table`: its rows as they were read, where they are at hand: where a person's overrides made them
        others, a mere plan compares them as they were.
        """
        if table is None or (shard.as_read and self.keep) or stored_requests(self.store, shard, ("name",)) is not None:
            return
        made = made_requests(self.store, shard, table, self.keep)
        if not self.keep:
            self._at_hand[shard.key] = made

    def finish(self, shards: list[Shard]) -> list[Shard]:
        """The shards, with verdicts on rows that repeat earlier ones."""
        asked = [self.settings.model_dump(mode="json"), code_digest("voxsmith.pipeline.sources.duplicates")]
        name = digest([*asked, [shard.key for shard in shards]])
        known = self.store.read_json(self._path, _KNOWN)
        changes = known["changes"] if known and known["name"] == name and self._there(shards, known) else None
        if changes is None:
            verdicts = self._verdicts(shards)
            changes = {
                shards[number].key: self._change(shards[number], of_shard) for number, of_shard in verdicts.items()
            }
            if self.keep and self.whole:
                self.store.write_json(self._path, {"name": name, "changes": changes})
        return [replace(shard, **changes[shard.key]) if shard.key in changes else shard for shard in shards]

    def _there(self, shards: list[Shard], known: _Known) -> bool:
        """Whether the objects of the changed shards are still in the store, where they are needed."""
        changed = {shard.folder: set[str]() for shard in shards}
        for shard in shards:
            if shard.key in known["changes"]:
                changed[shard.folder].add(known["changes"][shard.key]["key"])
        return not self.keep or all(keys <= self.store.keys(folder) for folder, keys in changed.items() if keys)

    def _requests(self, shard: Shard, names: tuple[str, ...]) -> pa.Table:
        """These columns of the shard's requests, which are made where they aren't there."""
        if shard.key in self._at_hand:
            return self._at_hand[shard.key]
        there = stored_requests(self.store, shard, names)
        if there is not None:
            return there
        made = made_requests(self.store, shard, None, self.keep)
        if not self.keep:
            self._at_hand[shard.key] = made
        return made

    def _verdicts(self, shards: list[Shard]) -> dict[int, _Verdicts]:
        """By the number of the shard, its conversations that repeat an earlier one."""
        passed = self._pass(shards)
        again, first = identical(passed.names)
        repeats: Repeats = {
            late: (early, IDENTICAL) for late, early in zip(again.tolist(), first.tolist(), strict=True)
        }
        if self.settings.near:
            alive = np.ones(len(passed.names), bool)
            alive[again] = False
            pairs = candidates(passed.bands, alive)
            also = near(pairs, lambda rows: self._of(shards, passed, rows, "text"))
            # What repeats a request that is gone itself repeats the one that stays.
            repeats = {late: (also.get(early, (early,))[0], how) for late, (early, how) in repeats.items()} | also
        involved = np.unique(np.array([one for late, (early, _) in repeats.items() for one in (late, early)], np.int64))
        ids = self._of(shards, passed, involved, "id")
        talks = self._of(shards, passed, involved, "conversation_id")
        verdicts: dict[int, _Verdicts] = {}
        for late, (early, how) in sorted(repeats.items()):
            number = int(np.searchsorted(passed.starts, late, "right")) - 1
            verdicts.setdefault(number, {})[talks[late]] = ids[early], how
        return verdicts

    def _pass(self, shards: list[Shard]) -> _Passed:
        names, bands, starts = [np.zeros(0, np.uint64)], [], [0]
        for shard in shards:
            table = self._requests(shard, NUMBERS)
            names.append(table["name"].to_numpy())
            bands.append(table["bands"].combine_chunks().flatten().to_numpy() if self.settings.near else None)
            starts.append(starts[-1] + len(table))
        flat = np.concatenate([band for band in bands if band is not None] or [np.zeros(0, np.uint32)])
        every = np.concatenate(names)
        return _Passed(np.array(starts[:-1]), every, flat.reshape(len(every), -1) if len(flat) else flat.reshape(0, 1))

    def _of(self, shards: list[Shard], passed: _Passed, rows: np.ndarray[Any, Any], column: str) -> Mapping[int, str]:
        """A column of these requests, in ascending order: only their shards are read."""
        values: dict[int, str] = {}
        numbers = np.searchsorted(passed.starts, rows, "right") - 1
        for number in np.unique(numbers).tolist():
            of_shard = rows[numbers == number]
            table = self._requests(shards[number], (column,))
            taken = table[column].take(pa.array(of_shard - passed.starts[number])).to_pylist()
            values |= dict(zip(of_shard.tolist(), taken, strict=True))
        return values

    def _change(self, shard: Shard, verdicts: _Verdicts) -> _Change:
        """The shard with these verdicts in its rows."""
        as_read = shard.as_read or shard.key
        if not self.keep and self.store.meta(shard.folder, shard.key) is None:
            # The rows aren't at hand any more, and no stage has worked on what isn't in the store.
            named = {name: digest([one, sorted(verdicts.items())]) for name, one in shard.columns.items()}
            flagged = self.settings.action == "flag"
            rejects = shard.rejects if flagged else {**shard.rejects, DUPLICATE: len(verdicts)}
            columns = named if not flagged else {**shard.columns, FLAG: named["id"]}
            return {
                "key": digest(columns),
                "columns": columns,
                "as_read": as_read,
                "rejects": rejects,
                "lacking": shard.lacking,
            }
        table = read_rows(self.store, (shard.folder, shard.key), shard.columns, self.keep)
        table = apply_verdicts(table, verdicts, self.settings.action == "flag", self.columns)
        columns = {name: column_digest(table[name]) for name in table.column_names}
        key = digest(columns)
        counts = dict(Counter(reject["reason"] for reject in table["_reject"].to_pylist() if reject is not None))
        if self.keep and self.store.meta(shard.folder, key) is None:
            self.store.commit(shard.folder, key, table, {"rows": shard.rows, "columns": columns})
        return {
            "key": key,
            "columns": columns,
            "as_read": as_read,
            "rejects": counts,
            "lacking": lacking(table, self.columns),
        }


def apply_verdicts(
    table: pa.Table, verdicts: _Verdicts, flag: bool, columns: Mapping[str, Column] = COLUMNS
) -> pa.Table:
    """The rows of a source's shard, those of conversations with a verdict as rejects with nothing to work on; or with `flag`
    as they are, and `duplicate_of` says what they repeat.
    """
    talks = table["conversation_id"].to_pylist()
    if flag:
        return with_column(table, FLAG, [verdicts.get(talk, (None, ""))[0] for talk in talks])
    texts = table["instruction"].to_pylist()
    rejects = table["_reject"].to_pylist()
    for row, talk in enumerate(talks):
        if talk in verdicts:
            early, how = verdicts[talk]
            message = f"{how} to the request of {early}, which comes before it"
            rejects[row] = {"reason": DUPLICATE, "message": message, "sample": texts[row] or ""}
    for name in content_columns(table, columns):
        kept = [None if talk in verdicts else value for talk, value in zip(talks, table[name].to_pylist(), strict=True)]
        table = with_column(table, name, kept)
    return table.set_column(table.column_names.index("_reject"), "_reject", pa.array(rejects, REJECT))
