"""A person's corrections: texts that no run overwrites, and rows that are kept out.

The recipe's key `overrides` names a file of JSON lines:

    {"id": "alpaca-1f3a90c2d7e8b456.0", "query_text": "…", "answer_text": "…"}
    {"id": "alpaca-77c2b0a1e4d95f63.0", "block": "names a private person"}

One file serves all sources, because an id begins with its source's name. The file changes what the sources give, so no
stage knows of it: a corrected text is one that the source gives, a blocked row has nothing to work on. Only shards with
such rows change; each shard is compared with the file once.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import TypedDict

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources import lacking
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.digests import column_digest, digest
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.objects import REJECT, read_rows
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import COLUMNS, Column, full_name, place_of
from voxsmith.schemas.lines import by_hand, checked
from voxsmith.schemas.names import nearest
from voxsmith.schemas.paths import EITHER
from voxsmith.schemas.recipe import Recipe

BLOCKED, CORRECTED = "blocked", "corrected"
_SHOWN, _WIDE = 20, 1000  # bad lines that are listed, and characters of what is said of one


@dataclass(frozen=True)
class Override:
    """What a person wants of a row: these texts, or with `block` (the reason) that it is kept out."""

    line: int
    texts: dict[str, str] = field(default_factory=dict)
    block: str | None = None


@dataclass(frozen=True)
class Corrected:
    """A shard's rows with the overrides in them. `ids`: rows that the file names; `idle`: those it can't change."""

    table: pa.Table
    ids: list[str]
    idle: list[str]
    blocked: dict[str, int]


def overridable(columns: Mapping[str, Column] = COLUMNS) -> tuple[str, ...]:
    """The columns that a person may correct: texts that a source may give."""
    return tuple(name for name, one in columns.items() if one.given and one.role in ("written", "text"))


def method_of(name: str) -> str | None:
    """The column that says how the text was made; None where it is none that is said."""
    group, base = place_of(name)
    return full_name(group, "method") if base == "text" else None


def read_overrides(
    path: str, columns: Mapping[str, Column] = COLUMNS, there: Collection[str] | None = None
) -> dict[str, Override]:
    """The file's overrides by row id. `columns`: those that the recipe can have; `there`: those that it has.

    Raises RecipeError with one line for each line that can't be used.
    """
    file = Path(path)
    if not file.is_file():
        near = [str(other) for other in file.parent.glob("*.jsonl")] if file.parent.is_dir() else []
        raise RecipeError(
            f"{path}: no such file {EITHER}, and the recipe's 'overrides' names it; {nearest(path, near)}"
        )
    texts = overridable(columns)
    overrides: dict[str, Override] = {}
    problems: list[str] = []
    more = 0
    for number, line in by_hand(file):
        try:
            if not (text := checked(line)):
                continue
            row, override = _read_line(number, text, texts, there)
            if row in overrides:
                raise ValueError(f"'{row}' is in line {overrides[row].line} already; write one line for it")
            overrides[row] = override
        except ValueError as error:
            if len(problems) < _SHOWN:
                problems.append(f"{path}: line {number}: {str(error)[:_WIDE]}")
            else:
                more += 1
    if problems:
        raise RecipeError(*problems, *([f"{path}: {more} more lines like these"] if more else []))
    return overrides


def _read_line(number: int, line: str, texts: tuple[str, ...], there: Collection[str] | None) -> tuple[str, Override]:
    try:
        raw = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: lists in lists without end") from None
    if not isinstance(raw, dict):
        raise ValueError('a JSON object is wanted, {"id": "…", "answer_text": "…"} say')
    for name, value in raw.items():
        if name not in ("id", "block", *texts):
            raise ValueError(f"'{name}' can't be overridden; {nearest(name, ('block', *texts))}")
        if name in texts and there is not None and name not in there:
            raise ValueError(f"no stage of the recipe writes '{name}', and no source gives it")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"'{name}' must be a text that isn't empty")
        if "\0" in value or not _is_unicode(value):
            raise ValueError(f"'{name}' holds characters that no text has (NUL, or half a surrogate pair)")
    given = {name: value for name, value in raw.items() if name in texts}
    if "id" not in raw:
        raise ValueError("'id' is needed: which row is meant")
    if bool(given) == ("block" in raw):
        message = "a blocked row has no texts" if given else "nothing is said about the row"
        raise ValueError(f"{message}; give 'block' (a reason) or texts ({', '.join(texts)})")
    return raw["id"], Override(number, given, raw.get("block"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def apply_overrides(
    table: pa.Table, overrides: dict[str, Override], columns: Mapping[str, Column] = COLUMNS
) -> Corrected | None:
    """The rows of a source's shard with the overrides in them, or None where it has none of these rows.

    Texts become columns that the source gives, with `corrected` as their method. A blocked row, and what comes after it
    in its conversation, keeps nothing to work on, and `_blocked` (struct of reason, message, sample) says why.
    """
    if not pc.any(pc.is_in(table["id"], value_set=pa.array(list(overrides), pa.string()))).as_py():
        return None
    ids, rejects = table["id"].to_pylist(), table["_reject"].to_pylist()
    named = {place: overrides[row] for place, row in enumerate(ids) if row in overrides}
    idle = [ids[place] for place, override in named.items() if rejects[place] is not None and override.block is None]
    wanted = {place: override.texts for place, override in named.items() if rejects[place] is None}
    blocked = _blocked(table["conversation_id"].to_pylist(), _texts(table, columns), named)
    corrected = [name for name in overridable(columns) if any(name in texts for texts in wanted.values())]
    for name in dict.fromkeys([*content_columns(table, columns), *corrected]):
        values = table[name].to_pylist() if name in table.column_names else [None] * len(table)
        values = [wanted.get(place, {}).get(name, value) for place, value in enumerate(values)]
        table = with_column(table, name, [None if blocked[place] else value for place, value in enumerate(values)])
    for name in corrected:
        here = [name in wanted.get(place, {}) and not blocked[place] for place in range(len(table))]
        if (method := method_of(name)) and any(here):
            table = with_column(table, method, [CORRECTED if one else None for one in here])
    counts = dict(Counter(one["reason"] for one in blocked if one))
    if counts:
        table = table.append_column("_blocked", pa.array(blocked, REJECT))
    return Corrected(table, [ids[place] for place in named], idle, counts)


def content_columns(table: pa.Table, columns: Mapping[str, Column]) -> list[str]:
    """The table's columns that stages may work on."""
    known = [name for name in table.column_names if name in columns]
    return [name for name in known if columns[name].role != "id" and name not in ("source", "licence")]


def _texts(table: pa.Table, columns: Mapping[str, Column]) -> list[str | None]:
    """For each row the first text that it has, to show a person."""
    texts = [table[name] for name in overridable(columns) if name in table.column_names]
    values: list[str | None] = pc.coalesce(*texts).to_pylist()
    return values


def _blocked(
    conversations: list[str], texts: list[str | None], named: dict[int, Override]
) -> list[dict[str, str] | None]:
    """A verdict on each row that a person blocks, and on what comes after it in its conversation."""
    verdicts: list[dict[str, str] | None] = []
    fallen = None
    for place, (conversation, text) in enumerate(zip(conversations, texts, strict=True)):
        reason = named[place].block if place in named else None
        if conversation == fallen:
            message = f"an earlier turn was rejected: {BLOCKED}"
            verdicts.append({"reason": "earlier_turn_rejected", "message": message, "sample": text or ""})
        elif reason is not None:
            verdicts.append({"reason": BLOCKED, "message": reason, "sample": text or ""})
            fallen = conversation
        else:
            verdicts.append(None)
    return verdicts


def with_column(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    if name in table.column_names:
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array(values, table[name].type))
    return table.append_column(name, pa.array(values, pa.string()))


class _Change(TypedDict):
    """What makes a shard another, see `pipeline.sources.shard.Shard`."""

    key: str
    columns: dict[str, str]
    as_read: str
    blocked: dict[str, int]
    lacking: dict[str, int]


class _Entry(TypedDict):
    """What the overrides came to in a shard. `ids` and `idle`: see `Corrected`; `change`: None where no row is named."""

    ids: list[str]
    idle: list[str]
    change: _Change | None


class _Known(TypedDict):
    """`name`: the digest of the overrides and of this code; `shards`: by key."""

    name: str
    shards: dict[str, _Entry]


_KNOWN = Form("what overrides came to", _Known)


class Corrector:
    """The recipe's overrides, and what they came to in the shards that they were held against before.

    overrides/<recipe>.json in the store remembers it, so that a shard is looked through once.
    """

    def __init__(self, recipe: Recipe, store: Store, keep: bool, columns: Mapping[str, Column] = COLUMNS) -> None:
        self.store, self.keep, self.file = store, keep, recipe.overrides or ""
        self.columns = columns
        self.overrides = read_overrides(self.file, columns)
        self._path = f"overrides/{recipe.name}.json"
        asked = {row: [one.texts, one.block] for row, one in self.overrides.items()}
        self._name = digest([asked, code_digest("voxsmith.pipeline.sources.overrides")])
        known = store.read_json(self._path, _KNOWN)
        self._known = known["shards"] if known and known["name"] == self._name else {}
        self._seen: dict[str, _Entry] = {}

    def correct(self, shard: Shard, table: pa.Table | None) -> Shard:
        """The shard as the overrides make it. `table`: its rows, where they are at hand."""
        entry = self._known.get(shard.key)
        if entry is None:
            entry = self._look(shard, table)
        elif self.keep and entry["change"] and self.store.meta(shard.folder, entry["change"]["key"]) is None:
            entry = self._look(shard, table)  # it was collected, or damaged
        self._seen[shard.key] = entry
        return replace(shard, **entry["change"]) if entry["change"] else shard

    def finish(self, whole: bool) -> list[str]:
        """Remember it; `whole`: every shard was there. Returns what a person should know, a line each."""
        seen = self._seen if whole else self._known | self._seen
        if self.keep and seen != self._known:
            self.store.write_json(self._path, {"name": self._name, "shards": seen})
        ids = {row for entry in self._seen.values() for row in entry["ids"]}
        unknown = [row for row in self.overrides if row not in ids]
        idle = [row for entry in self._seen.values() for row in entry["idle"]]
        lines = [_listing(self.file, unknown, "not among the rows" + ("" if whole else " of this --limit"))]
        return [line for line in [*lines, _listing(self.file, idle, "rejected by their source already")] if line]

    def _look(self, shard: Shard, table: pa.Table | None) -> "_Entry":
        if table is None:
            table = read_rows(self.store, (shard.folder, shard.key), shard.columns, self.keep)
        corrected = apply_overrides(table, self.overrides, self.columns)
        if corrected is None:
            return {"ids": [], "idle": [], "change": None}
        columns = {name: column_digest(corrected.table[name]) for name in corrected.table.column_names}
        key = digest(columns)
        change: _Change = {
            "key": key,
            "columns": columns,
            "as_read": shard.key,
            "blocked": corrected.blocked,
            "lacking": lacking(corrected.table, self.columns),
        }
        if self.keep and self.store.meta(shard.folder, key) is None:
            meta = {"rows": shard.rows, "columns": columns, "blocked": corrected.blocked}
            self.store.commit(shard.folder, key, corrected.table, meta)
        return {"ids": corrected.ids, "idle": corrected.idle, "change": change}


def _listing(file: str, ids: list[str], what: str) -> str:
    if not ids:
        return ""
    shown = ", ".join(ids[:_SHOWN]) + (", …" if len(ids) > _SHOWN else "")
    return f"{file}: {len(ids)} {'id is' if len(ids) == 1 else 'ids are'} {what}: {shown}"
