"""Clips by the gigabyte: one Arrow array holds 2 GB of them at most, a shard may hold more."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsmith.pipeline.export.writer import SplitWriter
from voxsmith.pipeline.store import objects
from voxsmith.pipeline.store.digests import column_digest
from voxsmith.pipeline.store.objects import build_table, column_field, read_columns
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.table_slices import slices
from voxsmith.schemas.columns import AUDIO, COLUMNS


def clips(sizes: list[int], seed: int = 0) -> list[dict[str, Any] | None]:
    draw = np.random.default_rng(seed)
    return [{"bytes": draw.bytes(size), "path": str(size)} if size else None for size in sizes]


def objects_of(store: Store, sizes: list[int]) -> dict[str, tuple[str, str]]:
    """Two attempts, and a pick that takes them in turn."""
    names = ("query_audio_1", "query_audio_2")
    none: list[Any] = [None] * len(sizes)
    empty: list[Any] = [[] for _ in sizes]
    for number, name in enumerate(names):
        rows = [{name: clip} for clip in clips(sizes, number)]
        store.commit(
            name, "k", build_table([column_field(name, COLUMNS["query_audio"], None)], rows, none, empty, empty), {}
        )
    picked = [{"query_audio": row % 2} for row in range(len(sizes))]
    store.commit(
        "pick",
        "k",
        build_table([column_field("query_audio", COLUMNS["query_audio"], names)], picked, none, empty, empty),
        {},
    )
    return {name: (name, "k") for name in names} | {"query_audio": ("pick", "k")}


@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=30), limit=st.integers(1, 1000))
@settings(max_examples=60, deadline=None)
def test_parts_are_bounded_and_whole(sizes: list[int], limit: int) -> None:
    table = pa.table({"a": pa.array(clips(sizes), AUDIO), "n": range(len(sizes))})
    tables = list(slices(table, limit))
    assert pa.concat_tables(tables).equals(table)
    assert all(part.nbytes <= limit or len(part) == 1 for part in tables)


def test_objects_in_small_parts_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [0, 900, 10, 0, 2500, 1, 700, 700, 700, 0]
    whole = read_columns(store := Store(str(tmp_path / "whole")), objects_of(store, sizes))
    monkeypatch.setattr(objects, "BATCH_BYTES", 1000)
    monkeypatch.setattr(slices, "__defaults__", (1000,))
    cut = read_columns(store := Store(str(tmp_path / "cut")), objects_of(store, sizes))
    assert cut["query_audio"].num_chunks > 4 and cut.equals(whole)
    assert column_digest(cut["query_audio"]) == column_digest(whole["query_audio"])
    first, second = clips(sizes, 0), clips(sizes, 1)
    assert cut["query_audio"].to_pylist() == [(first, second)[row % 2][row] for row in range(len(sizes))]


@pytest.mark.heavy
def test_a_shard_of_more_than_two_gigabytes(tmp_path: Path) -> None:
    """Through an object, a choice between attempts, and the dataset's files, which `datasets` reads."""
    import datasets

    from voxsmith.pipeline.export.writer import assemble

    sizes = [60_000_000] * 40
    store = Store(str(tmp_path / "store"))
    table = read_columns(store, objects_of(store, sizes)).select(["query_audio"])
    assert table.nbytes > 2**31
    writer = SplitWriter(tmp_path / "files", table.schema, {"query_audio": 16000}, [], 500_000_000)
    for part in slices(table):
        writer.write("", part)
    files = [tmp_path / "files" / file for file in writer.close()[""]]
    assert len(files) > 3
    assemble(tmp_path / "dataset", {"": files}, table.schema, {"query_audio": 16000}, "x")
    loaded = datasets.load_from_disk(str(tmp_path / "dataset")).cast_column("query_audio", datasets.Audio(decode=False))
    assert len(loaded) == 40
    assert [loaded[row]["query_audio"]["bytes"] for row in (0, 39)] == [
        table["query_audio"][row].as_py()["bytes"] for row in (0, 39)
    ]
