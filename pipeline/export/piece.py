"""A piece of the dataset: the rows of some shards, sorted into splits and rejects. Runs in a process of its own, and is
told all it needs to know in plain values.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.export.writer import SplitWriter
from pipeline.plan.accounts import EXPORT, OVERRIDES, Rejected, Rejecting, rejects_in, with_later_turns
from pipeline.recipe.licences import strictest
from pipeline.store import table_parts
from pipeline.store.objects import Place, is_audio, read_columns
from pipeline.store.store import Store
from schemas.columns import AUDIO, SIDES
from schemas.hashing import hashed_share

_REJECTS = 64  # written at a time: each may have a long clip
PROVENANCE = pa.list_(pa.struct([(name, pa.string()) for name in ("stage", "engine", "model", "object")]))
REJECT_SCHEMA = pa.schema(
    [(name, pa.int32() if name == "turn" else pa.string()) for name in ("id", "conversation_id", "turn", "source")]
    + [(name, pa.string()) for name in ("stage", "reason", "message", "text")]
    + [("audio", AUDIO)]
)


@dataclass(frozen=True)
class Layout:
    """What is the same for every piece. `rates`: hertz of each audio column; `licences`: of the engines; `voices`: of the
    clips that voices are cloned from."""

    store: str
    schema: pa.Schema
    columns: tuple[str, ...]
    rates: dict[str, int]
    splits: dict[str, float]
    gates: dict[str, float]
    licences: tuple[str, ...]
    voices: dict[str, str]
    size: int

    @property
    def reject_rates(self) -> dict[str, int]:
        return {"audio": self.rates.get("query_audio", 16000)}


@dataclass(frozen=True)
class Part:
    """A finished shard: where its columns and rejects are. `clips`: by stage, the clip to hear to judge its rejects."""

    rows: int
    source: Place
    places: dict[str, Place]
    digests: dict[str, str]  # what the columns at those places must be
    rejecting: tuple[Rejecting, ...]
    clips: dict[str, tuple[str, dict[str, Place]]]
    provenance: tuple[dict[str, str], ...]


@dataclass
class Written:
    """What a piece came to. Paths are relative to the piece's folder."""

    rows_in: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SIDES, 0.0))
    files: dict[str, list[str]] = field(default_factory=dict)
    reject_files: list[str] = field(default_factory=list)


def write_piece(layout: Layout, parts: list[Part], folder: Path) -> Written:
    """Write the rows of the shards under `folder`; one shard in memory at a time. Raises Damaged."""
    store = Store(layout.store)
    dataset = SplitWriter(folder / "dataset", layout.schema, layout.rates, list(layout.splits), layout.size)
    rejects = SplitWriter(folder / "rejects", REJECT_SCHEMA, layout.reject_rates, [], layout.size)
    found = Written()
    for part in parts:
        table = read_columns(store, part.places, part.digests)
        verdicts = _gated(layout, rejects_in(store, part.source, part.rows, part.rejecting), table)
        found.rows_in += part.rows
        for split, rows in _by_split(layout, part, table, verdicts):
            dataset.write(split, rows)
            found.splits[split or "train"] = found.splits.get(split or "train", 0) + len(rows)
            for side in SIDES:
                if f"{side}_duration" in rows.column_names:
                    found.seconds[side] += sum(value or 0.0 for value in rows[f"{side}_duration"].to_pylist())
        lost = [(row, verdict) for row, verdict in enumerate(verdicts) if verdict is not None]
        for start in range(0, len(lost), _REJECTS):
            rejects.write("", _reject_table(store, part, table, lost[start : start + _REJECTS]))
        for _, verdict in lost:
            reasons = found.rejects.setdefault(verdict.stage, {})
            reasons[verdict.reason] = reasons.get(verdict.reason, 0) + 1
    found.files = {split: [f"dataset/{file}" for file in files] for split, files in dataset.close().items()}
    found.reject_files = [f"rejects/{file}" for file in rejects.close()[""]]
    return found


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
    layout: Layout, part: Part, table: pa.Table, verdicts: list[Rejected | None]
) -> Iterator[tuple[str, pa.Table]]:
    """The rows that come out, ready to be written, split by split."""
    texts = _conversation_texts(table, verdicts)
    conversations = table["conversation_id"].to_pylist()
    left = zip(conversations, verdicts, strict=True)
    for some in table_parts.parts(table, table_parts.BATCH_BYTES):
        rows: dict[str, list[int]] = {}
        for row, (conversation, verdict) in enumerate(islice(left, len(some))):
            if verdict is None:
                split = split_of(texts[conversation], layout.splits) if layout.splits else ""
                rows.setdefault(split, []).append(row)
        for split, places in rows.items():
            yield split, _finished(layout, part, some if len(places) == len(some) else some.take(places))
        pa.default_memory_pool().release_unused()  # clips come and go: what they took goes back to the machine


def _finished(layout: Layout, part: Part, found: pa.Table) -> pa.Table:
    """The rows with the licence that applies, clips named, provenance."""
    spoken = [found[name].to_pylist() for side in SIDES if (name := f"{side}_voice") in found.column_names]
    licences = [
        strictest(
            [value or "unknown", *layout.licences, *(layout.voices[one] for one in voices if one in layout.voices)]
        )
        for value, *voices in zip(found["licence"].to_pylist(), *spoken, strict=True)
    ]
    found = found.set_column(found.column_names.index("licence"), "licence", pa.array(licences, pa.string()))
    for name in found.column_names:
        if is_audio(name):
            found = found.set_column(found.column_names.index(name), name, _named(found, name))
    found = found.append_column("provenance", pa.array([list(part.provenance)] * len(found), PROVENANCE))
    for name in set(layout.schema.names) - set(found.column_names):  # given by other sources, not by this one
        found = found.append_column(name, pa.nulls(len(found), layout.schema.field(name).type))
    return found.select(layout.schema.names).cast(layout.schema)


def _named(rows: pa.Table, name: str) -> pa.Array:
    """The clips under names that say whose they are; their bytes are not copied."""
    clips = rows[name].combine_chunks()
    side = name.removesuffix("_audio")
    paths = [f"{row}.{side}.flac" for row in rows["id"].to_pylist()]
    fields = [clips.field(0), pa.array(paths, pa.string())]
    return pa.StructArray.from_arrays(fields, fields=list(AUDIO), mask=clips.is_null())


def _conversation_texts(table: pa.Table, verdicts: list[Rejected | None]) -> dict[str, str]:
    """A row that a person blocked keeps its share in it: the rest of its conversation stays in its split."""
    texts: dict[str, str] = {}
    columns = (table["conversation_id"].to_pylist(), table["instruction"].to_pylist(), verdicts)
    for conversation, text, verdict in zip(*columns, strict=True):
        if verdict is not None and verdict.stage == OVERRIDES:
            text = verdict.sample
        texts[conversation] = f"{texts.get(conversation, '')} {text or ''}"
    return texts


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


def _reject_table(store: Store, part: Part, table: pa.Table, lost: list[tuple[int, Rejected]]) -> pa.Table:
    wanted = {
        part.clips[verdict.stage][0]: part.clips[verdict.stage][1] for _, verdict in lost if verdict.stage in part.clips
    }
    audio = {name: read_columns(store, places)[name] for name, places in wanted.items()}
    rows: list[dict[str, Any]] = []
    for row, verdict in lost:
        clip = audio.get(part.clips[verdict.stage][0]) if verdict.stage in part.clips else None
        own = {name: table[name][row].as_py() for name in ("id", "conversation_id", "turn", "source", "instruction")}
        text = verdict.sample or own["instruction"] or ""
        del own["instruction"]
        told = {k: v for k, v in asdict(verdict).items() if k != "sample"}
        rows.append(own | told | {"text": text, "audio": clip[row].as_py() if clip is not None else None})
    return pa.Table.from_pylist(rows, REJECT_SCHEMA)
