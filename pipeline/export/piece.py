"""A piece of the dataset: the rows of some shards, sorted into splits and rejects. It is written in a process of its own,
which gets all that it needs as plain values.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from voxsmith.pipeline.export.features import Rates, columns_of
from voxsmith.pipeline.export.marks import Mark
from voxsmith.pipeline.export.preferences import OTHERS, PREFERENCE_SCHEMA, preferences
from voxsmith.pipeline.export.read_again import clip_again, read_again
from voxsmith.pipeline.export.writer import SplitWriter
from voxsmith.pipeline.plan.accounts import (
    EXPORT,
    OVERRIDES,
    Rejected,
    Rejecting,
    check_rows,
    rejects_in,
    with_later_turns,
)
from voxsmith.pipeline.recipe.by_name import ByName
from voxsmith.pipeline.recipe.licences import strictest
from voxsmith.pipeline.store.objects import Place, read_columns
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.table_slices import BATCH_BYTES, slices
from voxsmith.schemas.columns import AUDIO, Column, groups
from voxsmith.schemas.hashing import hashed_share

_REJECTS = 64  # written at a time: each may have a long clip
PROVENANCE = pa.list_(pa.struct([(name, pa.string()) for name in ("stage", "engine", "model", "object")]))
REJECT_SCHEMA = pa.schema(
    [(name, pa.int32() if name == "turn" else pa.string()) for name in ("id", "conversation_id", "turn", "source")]
    + [(name, pa.string()) for name in ("stage", "reason", "message", "text")]
    + [("audio", AUDIO)]
)


@dataclass(frozen=True)
class Layout:
    """What all pieces share. `licences`: terms of the engines; `voices`: terms of the clips that voices are cloned from;
    `by_name`: what gives the clips of which the store has the names alone.
    """

    store: str
    schema: pa.Schema
    columns: tuple[str, ...]
    rates: Rates
    splits: dict[str, float]
    gates: dict[str, float]
    licences: tuple[str, ...]
    voices: dict[str, str]
    size: int
    by_name: ByName

    @property
    def prefers(self) -> bool:
        """Whether there are pairs of answers to write."""
        return OTHERS in self.columns

    @property
    def described(self) -> dict[str, Column]:
        """What the exported columns are, by name."""
        return columns_of(self.schema)

    @property
    def reject_rates(self) -> Rates:
        return {"audio": self.rates.get("query_audio") or self.rates.get("audio") or 16000}


@dataclass(frozen=True)
class FinishedShard:
    """Where a shard's columns and rejects are. `clips`: by stage, the clip that a person hears to judge its rejects."""

    rows: int
    source: Place
    places: dict[str, Place]
    digests: dict[str, str]  # what the columns at those places must be
    rejecting: tuple[Rejecting, ...]
    clips: dict[str, tuple[str, dict[str, Place]]]
    provenance: tuple[dict[str, str], ...]


@dataclass
class Written:
    """What was written, in rows, seconds of speech by group of columns, files and their marks. Paths are relative to the
    piece's folder.
    """

    rows_in: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    reject_files: list[str] = field(default_factory=list)
    preferences: dict[str, int] = field(default_factory=dict)
    preference_files: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)

    @property
    def all_files(self) -> Iterator[str]:
        return chain(self.reject_files, *self.files.values(), *self.preference_files.values())


def write_piece(layout: Layout, shards: list[FinishedShard], folder: Path) -> Written:
    """Write the rows of the shards under `folder`; one shard in memory at a time. Raises Damaged."""
    store = Store(layout.store)
    dataset = SplitWriter(folder / "dataset", layout.schema, layout.rates, list(layout.splits), layout.size)
    rejects = SplitWriter(folder / "rejects", REJECT_SCHEMA, layout.reject_rates, [], layout.size)
    pairs = None
    if layout.prefers:
        pairs = SplitWriter(folder / "preferences", PREFERENCE_SCHEMA, {}, list(layout.splits), layout.size)
    durations = [(g.name, g.full("duration")) for g in groups(layout.described) if "duration" in g.columns]
    written = Written(seconds={group: 0.0 for group, _ in durations})
    splits: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for shard in shards:
        table = read_columns(store, shard.places, shard.digests)
        check_rows(store, shard.source, shard.rows, len(table))
        verdicts = _gated(layout, rejects_in(store, shard.source, shard.rows, shard.rejecting), table)
        written.rows_in += shard.rows
        texts = _texts(layout, table)
        for split, some in _by_split(layout, table, texts, verdicts):
            rows = _finished(layout, shard, some)
            dataset.write(split, rows)
            if pairs is not None:
                preferred = preferences(rows, some[OTHERS])
                pairs.write(split, preferred)
                count = written.preferences.get(split or "train", 0)
                written.preferences[split or "train"] = count + len(preferred)
            splits[split or "train"] += len(rows)
            for group, name in durations:
                written.seconds[group] += sum(value or 0.0 for value in rows[name].to_pylist())
        lost = [(row, verdict) for row, verdict in enumerate(verdicts) if verdict is not None]
        for start in range(0, len(lost), _REJECTS):
            rejects.write("", _reject_table(layout, store, shard, table, texts, lost[start : start + _REJECTS]))
        reasons.update((verdict.stage, verdict.reason) for _, verdict in lost)
    written.splits = dict(splits)
    for (stage, reason), count in reasons.items():
        written.rejects.setdefault(stage, {})[reason] = count
    written.files = {split: [f"dataset/{file}" for file in files] for split, files in dataset.close().items()}
    if pairs is not None:
        files = pairs.close()
        written.preference_files = {split: [f"preferences/{file}" for file in some] for split, some in files.items()}
    layout.by_name.close()
    written.reject_files = [f"rejects/{file}" for file in rejects.close()[""]]
    return written


def _gated(layout: Layout, verdicts: list[Rejected | None], table: pa.Table) -> list[Rejected | None]:
    """The rows' rejects, with those that the export's gates add."""
    for gate, limit in layout.gates.items():
        kind, name = gate.split("_", 1)
        if name not in table.column_names:
            continue
        for row, value in enumerate(table[name].to_pylist()):
            beyond = value is not None and (value > limit if kind == "max" else value < limit)
            if verdicts[row] is None and beyond:
                verdicts[row] = Rejected(EXPORT, gate, f"{name} is {value:.3g}; export.gates.{gate} is {limit:g}", "")
    return with_later_turns(table["conversation_id"].to_pylist(), verdicts)


def _by_split(
    layout: Layout,
    table: pa.Table,
    texts: list[str | None],
    verdicts: list[Rejected | None],
) -> Iterator[tuple[str, pa.Table]]:
    """The rows that come out, split by split."""
    conversations = table["conversation_id"].to_pylist()
    said = _conversation_texts(conversations, texts, verdicts)
    left = zip(conversations, verdicts, strict=True)
    for some in slices(table, BATCH_BYTES):
        rows: dict[str, list[int]] = {}
        for row, (conversation, verdict) in enumerate(islice(left, len(some))):
            if verdict is None:
                text = said[conversation] if said[conversation].strip() else conversation
                split = split_of(text, layout.splits) if layout.splits else ""
                rows.setdefault(split, []).append(row)
        for split, places in rows.items():
            yield split, some if len(places) == len(some) else some.take(places)
        pa.default_memory_pool().release_unused()  # clips come and go: what they took goes back to the machine


def _finished(layout: Layout, shard: FinishedShard, table: pa.Table) -> pa.Table:
    """The rows with the licence that applies, clips named, provenance."""
    voiced = [group.full("voice") for group in groups(layout.described) if "voice" in group.columns]
    voices_of_rows = [table[name].to_pylist() for name in voiced if name in table.column_names]
    licences = [
        strictest(
            [value or "unknown", *layout.licences, *(layout.voices[one] for one in voices if one in layout.voices)]
        )
        for value, *voices in zip(table["licence"].to_pylist(), *voices_of_rows, strict=True)
    ]
    table = table.set_column(table.column_names.index("licence"), "licence", pa.array(licences, pa.string()))
    if layout.by_name:
        table = read_again(layout.by_name, table)
    for name, column in layout.described.items():
        if column.role == "audio" and name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, _named(table, name))
    table = table.append_column("provenance", pa.array([list(shard.provenance)] * len(table), PROVENANCE))
    for name in set(layout.schema.names) - set(table.column_names):  # given by other sources, not by this one
        table = table.append_column(name, pa.nulls(len(table), layout.schema.field(name).type))
    return table.select(layout.schema.names).cast(layout.schema)


def _named(rows: pa.Table, name: str) -> pa.Array:
    """The clips under names that say whose they are; their bytes are not copied."""
    clips = rows[name].combine_chunks()
    side = name.removesuffix("_audio")
    paths = [f"{row}.{side}.flac" for row in rows["id"].to_pylist()]
    fields = [clips.field(0), pa.array(paths, pa.string())]
    return pa.StructArray.from_arrays(fields, fields=list(AUDIO), mask=clips.is_null())


def _conversation_texts(
    conversations: list[str], texts: list[str | None], verdicts: list[Rejected | None]
) -> dict[str, str]:
    """What each conversation is about, by its id. A row that a person blocked keeps its share in it: the rest of its conversation
    stays in its split.
    """
    joined: dict[str, str] = {}
    for conversation, text, verdict in zip(conversations, texts, verdicts, strict=True):
        if verdict is not None and verdict.stage == OVERRIDES:
            text = verdict.sample
        joined[conversation] = f"{joined.get(conversation, '')} {text or ''}"
    return joined


def _texts(layout: Layout, table: pa.Table) -> list[str | None]:
    """For each row the first of its texts, a written task before what is said."""
    names = [name for role in ("written", "text") for name, one in layout.described.items() if one.role == role]
    texts = [table[name] for name in names if name in table.column_names and table[name].type == pa.string()]
    values: list[str | None] = pc.coalesce(*texts).to_pylist() if texts else [None] * len(table)
    return values


def split_of(text: str, shares: dict[str, float]) -> str:
    """The split that the hash of the normalised text falls in, so that duplicates stay on one side."""
    plain = " ".join(re.findall(r"\w+", text.lower()))
    point = hashed_share(plain)
    total = 0.0
    for split, share in shares.items():
        total += share
        if point < total:
            return split
    return list(shares)[-1]


def _reject_table(
    layout: Layout,
    store: Store,
    shard: FinishedShard,
    table: pa.Table,
    texts: list[str | None],
    lost: list[tuple[int, Rejected]],
) -> pa.Table:
    needed = dict(shard.clips[verdict.stage] for _, verdict in lost if verdict.stage in shard.clips)
    audio = {name: read_columns(store, places)[name] for name, places in needed.items()}
    rows: list[dict[str, Any]] = []
    for row, verdict in lost:
        column = shard.clips[verdict.stage][0] if verdict.stage in shard.clips else ""
        clip = audio[column][row].as_py() if column else None
        if column in layout.by_name.columns:
            clip = clip_again(layout.by_name, column, clip, table, row)
        names = {name: table[name][row].as_py() for name in ("id", "conversation_id", "turn", "source")}
        why = {name: value for name, value in asdict(verdict).items() if name != "sample"}
        text = verdict.sample or texts[row] or ""
        rows.append(names | why | {"text": text, "audio": clip})
    return pa.Table.from_pylist(rows, REJECT_SCHEMA)
