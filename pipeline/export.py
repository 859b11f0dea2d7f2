"""The dataset: sharded Arrow that `datasets` reads with its Audio feature, the rejects beside it, and the manifest."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.accounts import EXPORT, Rejected, finished, owner_of_failed_clip, rejects_of, with_later_turns
from pipeline.digests import code_digest, digest
from pipeline.errors import RunFailed
from pipeline.licences import strictest
from pipeline.objects import is_audio, read_columns
from pipeline.state import State
from pipeline.writer import SplitWriter
from schemas.columns import AUDIO, ROW_COLUMNS, SIDE_COLUMNS, SIDES

PROVENANCE = pa.list_(pa.struct([(name, pa.string()) for name in ("stage", "engine", "model", "object")]))
_SIDE_COLUMNS = [name for name in SIDE_COLUMNS if name not in ("spoken", "silence", "clipping", "tail")]
REJECT_SCHEMA = pa.schema(
    [(name, pa.int32() if name == "turn" else pa.string()) for name in ("id", "conversation_id", "turn", "source")]
    + [(name, pa.string()) for name in ("stage", "reason", "message", "text")]
    + [("audio", AUDIO)]
)


def export_columns(state: State) -> list[str]:
    """Columns of the dataset, in order: the row's own, then each side's that some stage or source writes."""
    wanted = [*ROW_COLUMNS, *(f"{side}_{base}" for side in SIDES for base in _SIDE_COLUMNS)]
    return [name for name in wanted if name in state.graph.owners]


def export_key(state: State) -> str:
    """Names what an export would write: nothing is written again while it is the same."""
    done = sorted((node, shard, found.key) for (node, shard), found in state.done.items())
    shards = [(shard.folder, shard.key) for shard in state.shards]
    code = [code_digest(f"pipeline.{name}") for name in ("export", "writer", "accounts")]
    return digest([done, shards, state.graph.recipe.model_dump(mode="json", include={"name", "export"}), code])


def write_dataset(state: State, folder: Path) -> dict[str, Any]:
    """Write `dataset` and `rejects` under `folder`; what was there is replaced when all is written.

    Streams one shard at a time. Returns counts, funnel, splits and seconds of speech. Raises RunFailed where rows in
    are not rows out + rejects + pending.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / ".writing"
    shutil.rmtree(fresh, ignore_errors=True)
    columns = export_columns(state)
    rates = _sample_rates(state)
    splits = list(state.graph.recipe.export.splits)
    schema = pa.schema([*_fields(columns), pa.field("provenance", PROVENANCE)])
    size = state.graph.recipe.export.shard_bytes
    dataset = SplitWriter(fresh / "dataset", schema, rates, splits, size, export_key(state))
    clip_rate = {"audio": rates.get("query_audio", 16000)}
    rejects = SplitWriter(fresh / "rejects", REJECT_SCHEMA, clip_rate, [], size, f"rejects {export_key(state)}")
    book = _Book(state)
    for shard in range(len(state.shards)):
        book.rows_in += state.shards[shard].rows
        if not finished(state, shard):
            book.pending += state.shards[shard].rows
            continue
        table = read_columns(state.store, state.places(tuple(columns), shard))
        verdicts = _gated(state, shard, table)
        for split, part in _by_split(state, shard, table, verdicts, schema):
            dataset.write(split, part)
            book.count(part, split)
        lost = [(row, verdict) for row, verdict in enumerate(verdicts) if verdict is not None]
        if lost:
            rejects.write("", _reject_table(state, shard, table, lost))
            book.reject(verdict for _, verdict in lost)
    dataset.close()
    rejects.close()
    if book.rows_in != dataset.rows + rejects.rows + book.pending:
        raise RunFailed(
            f"{book.rows_in} rows in, but {dataset.rows} out + {rejects.rows} rejects + {book.pending} pending: "
            "nothing was exported; this is a fault of the pipeline, please report it"
        )
    for name in ("dataset", "rejects"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (fresh / name).rename(folder / name)
    fresh.rmdir()
    return book.summary(dataset.rows, rejects.rows)


class _Book:
    """Counts while exporting."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rows_in = self.pending = 0
        self.splits: dict[str, int] = {}
        self.seconds = dict.fromkeys(SIDES, 0.0)
        self.rejects: dict[str, dict[str, int]] = {}

    def count(self, part: pa.Table, split: str) -> None:
        self.splits[split or "train"] = self.splits.get(split or "train", 0) + len(part)
        for side in SIDES:
            if f"{side}_duration" in part.column_names:
                self.seconds[side] += sum(value or 0.0 for value in part[f"{side}_duration"].to_pylist())

    def reject(self, verdicts: Iterator[Rejected]) -> None:
        for verdict in verdicts:
            reasons = self.rejects.setdefault(verdict.stage, {})
            reasons[verdict.reason] = reasons.get(verdict.reason, 0) + 1

    def summary(self, rows_out: int, rejects: int) -> dict[str, Any]:
        alive, funnel = self.rows_in - self.pending, []
        for stage in ["sources", *self.state.graph.nodes, EXPORT]:
            lost = dict(sorted(self.rejects.get(stage, {}).items(), key=lambda item: -item[1]))
            funnel.append({"stage": stage, "rows_in": alive, "rejects": lost})
            alive -= sum(lost.values())
        counts = {"rows_in": self.rows_in, "rows_out": rows_out, "rejects": rejects, "pending": self.pending}
        seconds = {side: round(total, 2) for side, total in self.seconds.items()}
        return {"counts": counts, "funnel": funnel, "splits": self.splits, "seconds": seconds}


def _fields(columns: list[str]) -> list[pa.Field]:
    types = {name: found.type for name, found in ROW_COLUMNS.items()}
    types |= {f"{side}_{base}": found.type for side in SIDES for base, found in SIDE_COLUMNS.items()}
    return [pa.field(name, types[name]) for name in columns]


def _sample_rates(state: State) -> dict[str, int]:
    """Hertz of each audio column, as the stages that speak were told."""
    found: dict[str, int] = {}
    for node in state.graph.nodes.values():
        if hasattr(node.config, "sample_rate"):
            found |= {name.rsplit("_", 1)[0]: node.config.sample_rate for name in node.writes if is_audio(name)}
    return found


def _gated(state: State, shard: int, table: pa.Table) -> list[Rejected | None]:
    """The rows' rejects, with those that the export's gates add."""
    verdicts = rejects_of(state, shard)
    for gate, limit in state.graph.recipe.export.gates:
        kind, name = gate.split("_", 1)
        if limit is None or name not in table.column_names:
            continue
        for row, value in enumerate(table[name].to_pylist()):
            beyond = value is not None and (value > limit if kind == "max" else value < limit)
            if verdicts[row] is None and beyond:
                verdicts[row] = Rejected(EXPORT, gate, f"{name} is {value:.3g}; export.gates.{gate} is {limit:g}", "")
    return with_later_turns(table["conversation_id"].to_pylist(), verdicts)


def _by_split(
    state: State, shard: int, table: pa.Table, verdicts: list[Rejected | None], schema: pa.Schema
) -> Iterator[tuple[str, pa.Table]]:
    """The rows that come out, ready to be written, split by split."""
    shares = state.graph.recipe.export.splits
    texts = _conversation_texts(table)
    rows: dict[str, list[int]] = {}
    for row, verdict in enumerate(verdicts):
        if verdict is None:
            split = split_of(texts[table["conversation_id"][row].as_py()], shares) if shares else ""
            rows.setdefault(split, []).append(row)
    if not rows:
        return
    provenance = _provenance(state, shard)
    licence = [found.module.licence(found.config) for found in state.graph.engines.values()]
    for split, places in rows.items():
        part = table.take(places)
        licences = [strictest([value or "unknown", *licence]) for value in part["licence"].to_pylist()]
        part = part.set_column(part.column_names.index("licence"), "licence", pa.array(licences, pa.string()))
        for name in part.column_names:
            if is_audio(name):
                part = part.set_column(part.column_names.index(name), name, _named(part, name))
        part = part.append_column("provenance", pa.array([provenance] * len(part), PROVENANCE))
        for name in set(schema.names) - set(part.column_names):  # given by other sources, not by this one
            part = part.append_column(name, pa.nulls(len(part), schema.field(name).type))
        yield split, part.select(schema.names).cast(schema)


def _named(part: pa.Table, name: str) -> pa.Array:
    """The clips under names that say whose they are; their bytes are not copied."""
    clips = part[name].combine_chunks()
    side = name.removesuffix("_audio")
    paths = [f"{row}.{side}.flac" for row in part["id"].to_pylist()]
    fields = [clips.field(0), pa.array(paths, pa.string())]
    return pa.StructArray.from_arrays(fields, fields=list(AUDIO), mask=clips.is_null())


def _conversation_texts(table: pa.Table) -> dict[str, str]:
    texts: dict[str, str] = {}
    pairs = zip(table["conversation_id"].to_pylist(), table["instruction"].to_pylist(), strict=True)
    for conversation, text in pairs:
        texts[conversation] = f"{texts.get(conversation, '')} {text or ''}"
    return texts


def split_of(text: str, shares: dict[str, float]) -> str:
    """The split that the hash of the normalised text falls in, so that duplicates stay on one side."""
    plain = " ".join(re.findall(r"\w+", text.lower()))
    point = int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest(), "big") / 2**64
    total = 0.0
    for split, share in shares.items():
        total += share
        if point < total:
            return split
    return list(shares)[-1]


def _provenance(state: State, shard: int) -> list[dict[str, str]]:
    """Which engine wrote what for this shard, and in which object of the store it stands."""
    found = []
    for node in state.graph.nodes.values():
        done = state.done.get((node.name, shard))
        if node.engine and done:
            engine = state.graph.engines[node.engine]
            identity = engine.module.identity(engine.config)
            model = identity.get("model", "")
            told = model if isinstance(model, str) else json.dumps(model, sort_keys=True)
            found.append({"stage": node.name, "engine": engine.backend, "model": told, "object": done.key})
    return found


def _reject_table(state: State, shard: int, table: pa.Table, lost: list[tuple[int, Rejected]]) -> pa.Table:
    clips = {name: state.places((name,), shard) for _, v in lost if (name := owner_of_failed_clip(state, v.stage))}
    audio = {name: read_columns(state.store, places)[name] for name, places in clips.items()}
    rows = []
    for row, verdict in lost:
        clip = audio.get(owner_of_failed_clip(state, verdict.stage) or "")
        own = {name: table[name][row].as_py() for name in ("id", "conversation_id", "turn", "source", "instruction")}
        text = verdict.sample or own.pop("instruction") or ""
        own.pop("instruction", None)
        told = {k: v for k, v in asdict(verdict).items() if k != "sample"}
        rows.append(own | told | {"text": text, "audio": clip[row].as_py() if clip is not None else None})
    return pa.Table.from_pylist(rows, REJECT_SCHEMA)
