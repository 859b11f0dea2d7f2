"""The dataset: sharded Arrow that `datasets` reads with its Audio feature, and the rejects beside it.

It is written in pieces of some shards each, several at a time, by processes that read the store themselves. A piece is
named by what goes into it. One that an earlier export left, whole or interrupted, is not written again.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast, get_type_hints

import pyarrow as pa
from typing_extensions import TypedDict

from voxsmith.models.search_path import child_environment
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.export.features import Rates, column_field
from voxsmith.pipeline.export.marks import is_as_marked, marks_under
from voxsmith.pipeline.export.names import PARTS, PIECE, clear
from voxsmith.pipeline.export.piece import PROVENANCE, REJECT_SCHEMA, FinishedShard, Layout, Written, write_piece
from voxsmith.pipeline.export.preferences import OTHERS, PREFERENCE_SCHEMA
from voxsmith.pipeline.export.writer import assemble
from voxsmith.pipeline.plan.accounts import EXPORT, OVERRIDES, finished, owner_of_failed_clip, rejecting
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.recipe.by_name import ByName
from voxsmith.pipeline.recipe.voices import voice_licences
from voxsmith.pipeline.store.code import code_digest
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.files import write_text
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.objects import Damaged
from voxsmith.pipeline.store.without_pandas import without_pandas
from voxsmith.schemas.hashing import hashed_number

# What a piece is noted as: each field of Written, also those that have a default.
_WRITTEN: Form[dict[str, Any]] = Form("a piece", cast(Any, TypedDict)("_Note", get_type_hints(Written)))
_READ = 150_000  # bytes of a clip: ten seconds of speech at 16 kHz
_LITTLE = 256 * 2**20  # bytes of objects, which the driver writes itself in the second that a process takes to start


def export_key(state: State) -> str:
    """Names what an export would write: nothing is written again while it is the same."""
    done = sorted((node, shard, one.key) for (node, shard), one in state.done.items())
    shards = [(shard.folder, shard.key) for shard in state.shards]
    recipe = state.graph.recipe.model_dump(mode="json", include={"name", "export"})
    schema = str(_layout(state).schema)
    return digest([done, shards, recipe, schema, _licences(state), voice_licences(state.graph), _code()])


def write_dataset(state: State, folder: Path, pieces_folder: Path) -> dict[str, Any]:
    """Write `dataset` and `rejects` into `folder`, which is empty. `pieces_folder`: what they are made of; what is there
    already isn't written again.

    Returns counts, funnel, splits and seconds of speech. Raises RunFailed where rows in are not rows out + rejects +
    pending.
    """
    layout = _layout(state)
    done = [shard for shard in range(len(state.shards)) if finished(state, shard)]
    pending = sum(shard.rows for shard in state.shards) - sum(state.shards[shard].rows for shard in done)
    weights = _weights(state, layout, done)
    pieces = {_name(layout, shards): shards for shards in _cut(state, layout, weights)}
    pieces_folder.mkdir(parents=True, exist_ok=True)
    try:
        written = _write_all(layout, pieces, pieces_folder, sum(weights.values()))
    except Damaged as error:
        state.store.drop(*error.place)
        damage = "objects/{}/{} is damaged: {}".format(*error.args)
        raise RunFailed(f"{damage}; it has been taken out, and `voxsmith run` makes it again") from None
    except BrokenProcessPool:
        raise RunFailed(
            "a process that wrote the dataset was killed, perhaps because memory ran out; the pieces that are written stay, "
            "and the same command goes on from there (`taskset -c 0,1` before it lets two processes write at a time)"
        ) from None
    total = _sum(written)
    rows_in = sum(shard.rows for shard in state.shards)
    rows_out, rejected = sum(total.splits.values()), sum(sum(lost.values()) for lost in total.rejects.values())
    if rows_in != rows_out + rejected + pending:
        raise RunFailed(
            f"{rows_in} rows in, but {rows_out} out + {rejected} rejects + {pending} pending: "
            "nothing was exported; this is a fault of the pipeline, please report it"
        )
    _put_together(layout, written, folder, export_key(state))
    for old in pieces_folder.iterdir():
        if PIECE.fullmatch(old.name) and old.name not in pieces:
            clear(old)
    counts = {"rows_in": rows_in, "rows_out": rows_out, "rejects": rejected, "pending": pending}
    return {
        "counts": counts,
        "funnel": _funnel(state, total, rows_in - pending),
        "splits": total.splits,
        **({"preferences": total.preferences} if layout.prefers else {}),
        "seconds": {group: round(seconds, 2) for group, seconds in total.seconds.items()},
    }


def _code() -> str:
    return code_digest("voxsmith.pipeline.export.export")


def _licences(state: State) -> tuple[str, ...]:
    return tuple(engine.licence for engine in state.graph.engines.values())


# -- pieces -----------------------------------------------------------------------------------------------------------


def _weights(state: State, layout: Layout, shards: list[int]) -> dict[int, int]:
    """Bytes of the objects that each shard's columns are in, and of the clips that are read again, about."""
    places = {shard: set(state.places(layout.columns, shard).values()) for shard in shards}
    sizes = {
        stage: state.store.sizes(stage)
        for stage in {stage for shard_places in places.values() for stage, _ in shard_places}
    }
    read = _READ if layout.by_name else 0
    return {
        shard: sum(sizes[stage].get(key, 0) for stage, key in places[shard]) + read * state.shards[shard].rows
        for shard in shards
    }


def _cut(state: State, layout: Layout, weights: dict[int, int]) -> Iterator[list[FinishedShard]]:
    """Runs of shards of about `layout.size` bytes, cut where a shard's name says so: an edit changes one piece."""
    mean = max(1, sum(weights.values())) / max(1, len(weights))
    span = 1  # shards of a piece on average: a power of two, so that it seldom changes as a corpus grows
    while span * 2 * mean <= layout.size:
        span *= 2
    piece: list[FinishedShard] = []
    weight = 0
    for shard, size in weights.items():
        piece.append(_finished_shard(state, layout, shard))
        weight += size
        if hashed_number(state.shards[shard].anchor) % span == 0 or weight >= 2 * layout.size:
            yield piece
            piece, weight = [], 0
    if piece:
        yield piece


def _name(layout: Layout, shards: list[FinishedShard]) -> str:
    same = [str(layout.schema), layout.rates, layout.splits, layout.gates, layout.licences, layout.voices, layout.size]
    return digest([same, [asdict(shard) for shard in shards], _code()])


def _write_all(layout: Layout, pieces: dict[str, list[FinishedShard]], folder: Path, size: int) -> dict[Path, Written]:
    """Each piece in a folder of its own, in order; by processes of their own, unless it is little work in all."""
    written = {folder / name: _known(folder / name) for name in pieces}
    missing = [name for name in pieces if written[folder / name] is None]
    if missing and size > _LITTLE:
        workers = min(len(missing), len(os.sched_getaffinity(0)))
        with _same_modules(), ProcessPoolExecutor(workers, get_context("spawn"), without_pandas) as pool:
            waiting = {name: pool.submit(_write_one, layout, pieces[name], folder / name) for name in missing}
            written |= {folder / name: future.result() for name, future in waiting.items()}
    else:
        written |= {folder / name: _write_one(layout, pieces[name], folder / name) for name in missing}
    return {place: one for place, one in written.items() if one is not None}


@contextmanager
def _same_modules() -> Iterator[None]:
    """Processes that are started meanwhile look for modules where this one does, also while Python starts."""
    changes = child_environment()
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _write_one(layout: Layout, shards: list[FinishedShard], folder: Path) -> Written:
    clear(folder)
    written = write_piece(layout, shards, folder)
    written.marks = {file: marks[0] for file, marks in marks_under(folder).items()}
    write_text(folder / "written.json", json.dumps(asdict(written)))  # the last file: the piece is whole
    return written


def _known(folder: Path) -> Written | None:
    """What was written there; None where there is no piece, or somebody changed its files: those of a dataset are the same."""
    note = _WRITTEN.of_file(folder / "written.json")
    written = Written(**note) if note else None
    if written is None or written.marks.keys() != set(written.all_files):
        return None
    if written.rows_in != sum(written.splits.values()) + sum(sum(lost.values()) for lost in written.rejects.values()):
        return None
    if all(is_as_marked(folder / name, [mark]) for name, mark in written.marks.items()):
        return written
    return None


def _sum(written: dict[Path, Written]) -> Written:
    total = Written()
    splits, preferences = Counter[str](), Counter[str]()
    rejects: dict[str, Counter[str]] = {}
    for one in written.values():
        total.rows_in += one.rows_in
        preferences.update(one.preferences)
        splits.update(one.splits)
        for group, seconds in one.seconds.items():
            total.seconds[group] = total.seconds.get(group, 0.0) + seconds
        for stage, reasons in one.rejects.items():
            rejects.setdefault(stage, Counter()).update(reasons)
    total.splits, total.rejects = dict(splits), {stage: dict(reasons) for stage, reasons in rejects.items()}
    total.preferences = dict(preferences)
    return total


def _put_together(layout: Layout, written: dict[Path, Written], folder: Path, key: str) -> None:
    splits = list(layout.splits) or [""]
    files = {split: [place / file for place, one in written.items() for file in one.files[split]] for split in splits}
    lost = [place / file for place, one in written.items() for file in one.reject_files]
    dataset, rejects, preferences = PARTS
    assemble(folder / dataset, files, layout.schema, layout.rates, key)
    assemble(folder / rejects, {"": lost}, REJECT_SCHEMA, layout.reject_rates, key)
    if layout.prefers:
        of = written.items()
        pairs = {split: [place / file for place, one in of for file in one.preference_files[split]] for split in splits}
        assemble(folder / preferences, pairs, PREFERENCE_SCHEMA, {}, key)


def _funnel(state: State, total: Written, alive: int) -> list[dict[str, Any]]:
    funnel = []
    person = [OVERRIDES] if state.graph.recipe.overrides else []
    for stage in ["sources", *person, *state.graph.nodes, EXPORT]:
        lost = dict(sorted(total.rejects.get(stage, {}).items(), key=lambda item: -item[1]))
        funnel.append({"stage": stage, "rows_in": alive, "rejects": lost})
        alive -= sum(lost.values())
    return funnel


# -- what pieces are made of ------------------------------------------------------------------------------------------


def _layout(state: State) -> Layout:
    graph, export = state.graph, state.graph.recipe.export
    columns = {name: one for name, one in graph.columns.items() if one.exported and name in graph.owners}
    fields = [column_field(name, one) for name, one in columns.items()]
    return Layout(
        store=state.store.url,
        schema=pa.schema([*fields, pa.field("provenance", PROVENANCE)]),
        columns=(*columns, *([OTHERS] if OTHERS in graph.owners else [])),
        rates=_sample_rates(state, [name for name, one in columns.items() if one.role == "audio"]),
        splits=export.splits,
        gates={gate: limit for gate, limit in export.gates if limit is not None},
        licences=_licences(state),
        voices=voice_licences(graph),
        size=export.shard_bytes,
        by_name=ByName(graph, tuple(columns)),
    )


def _finished_shard(state: State, layout: Layout, shard: int) -> FinishedShard:
    source = state.shards[shard]
    clips = {}
    for stage in state.graph.nodes:
        if (name := owner_of_failed_clip(state, stage)) and (state.graph.owners[name], shard) in state.done:
            clips[stage] = (name, state.places((name,), shard))
    return FinishedShard(
        rows=source.rows,
        source=(source.folder, source.key),
        places=(places := state.places(layout.columns, shard)),
        digests=state.digests(places, shard),
        rejecting=rejecting(state, shard),
        clips=clips,
        provenance=tuple(_provenance(state, shard)),
    )


def _sample_rates(state: State, audio: list[str]) -> Rates:
    """Hertz of each audio column, from the settings of the stages that write it."""
    rates: dict[str, int | None] = dict.fromkeys(audio)
    for node in state.graph.nodes.values():
        rate = getattr(node.config, "sample_rate", None)
        written = {re.sub(r"_\d+$", "", name) for name in node.writes} if rate else set()
        rates |= dict.fromkeys(written & set(rates), rate)
    return rates


def _provenance(state: State, shard: int) -> Iterator[dict[str, str]]:
    """Which engine wrote what for this shard, and in which object of the store it stands."""
    for node in state.graph.nodes.values():
        done = state.done.get((node.name, shard))
        if node.engine and done:
            engine = state.graph.engines[node.engine]
            identity = engine.identity
            model = identity.get("model", "")
            name = model if isinstance(model, str) else json.dumps(model, sort_keys=True)
            yield {"stage": node.name, "engine": engine.backend_name, "model": name, "object": done.key}
