"""The store: what is there is whole, and columns come back as they were written."""

import json
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.recipes import asked, digests_of, open_state, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan.keys import difference, shard_key
from voxsmith.pipeline.plan.manifests import now, write_run
from voxsmith.pipeline.store.digests import column_digest, digest
from voxsmith.pipeline.store.forms import Form
from voxsmith.pipeline.store.memo import Memo
from voxsmith.pipeline.store.objects import build_table, column_field, read_columns
from voxsmith.pipeline.store.store import Store
from voxsmith.pipeline.store.table_cache import TableCache
from voxsmith.schemas.columns import AUDIO, COLUMNS

clips = st.one_of(
    st.none(), st.fixed_dictionaries({"bytes": st.binary(max_size=40), "path": st.text("ab", max_size=4)})
)


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    writers = [threading.Thread(target=store.write_bytes, args=("a/b", bytes([n]) * 100_000)) for n in range(8)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        data = store.read_bytes("a/b")
        if data is not None:
            seen.add((len(data), len(set(data))))
    assert seen <= {(100_000, 1)}
    assert store.files("a") == ["a/b"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(RuntimeError), store._appearing("x") as name:
        Path(name).write_bytes(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_urls_and_paths_are_one_store(tmp_path: Path) -> None:
    form = Form("a count", dict[str, int])
    Store(str(tmp_path)).write_json("a.json", {"x": 1})
    assert Store(f"file://{tmp_path}").read_json("a.json", form) == {"x": 1}
    assert Store(str(tmp_path)).read_json("b.json", form) is None


@pytest.mark.parametrize("left", [b"", b'{"columns": {"query', b"\0" * 300, b"\xff\xfe", b"[]", b"null"])
def test_a_commit_that_is_no_json_object_is_none_and_can_be_written(tmp_path: Path, left: bytes) -> None:
    store = Store(str(tmp_path))
    meta = {"rows": 1, "columns": {}, "rejects": {}, "parts": {}}
    store.commit("s", "whole", pa.table({"n": [1]}), meta)
    store.commit("s", "cut", pa.table({"n": [1]}), meta)
    (tmp_path / "objects/s/cut.json").write_bytes(left)
    assert store.meta("s", "cut") is None
    assert store.metas("s", ["cut", "whole"]) == {"whole": meta}
    assert store.keys("s") == ({"whole", "cut"} if left else {"whole"})
    store.commit("s", "cut", pa.table({"n": [1]}), meta | {"rows": 2})
    assert store.meta("s", "cut") == meta | {"rows": 2}


@pytest.mark.parametrize("size", [0, 40])
def test_small_files_that_a_power_loss_emptied_or_cut_stop_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    """Whatever was written last may be empty, or cut: what can be made anew is, and the rest is told in one line."""
    path = write_recipe(tmp_path, [f"thing {n}" for n in range(24)])
    state = open_state(path)
    run_inline(state)
    for run in ("toy-20250101T000000", "toy-20250101T000001"):
        write_run(state, run, now(), "done")
        state.store.write_json(f"runs/{run}/progress.json", {"status": "running"})
    assert main(["export", path]) == 0
    exported = digests_of(tmp_path / "out" / "toy")
    asked(path)
    store, out = tmp_path / "store", tmp_path / "out" / "toy"
    stage = sorted((store / "objects/toy_shout").glob("*.json"))[0]
    source = sorted((store / "objects/source.rows").glob("*.json"))[0]
    run = store / "runs/toy-20250101T000001"
    pieces = list((out / ".pieces").glob("*/written.json"))
    listings = list((store / "listings").iterdir())
    lost = [stage, source, *listings, run / "manifest.json", run / "progress.json", *pieces, out / "manifest.json"]
    assert len(lost) == 7
    for file in lost:
        os.truncate(file, size)
    for verb in ("status", "plan", "rejects"):
        assert main([verb, path]) == 0
    again = open_state(path)
    assert {task.node for task in again.ready.values()} == {"toy_shout"} and len(again.ready) == 1
    assert run_inline(again) == {} and asked(path) == []
    assert main(["publish", path, "--repo", "user/name", "--dry-run"]) == 1
    assert "first: voxsmith run" in capsys.readouterr().err
    assert main(["export", path]) == 0
    assert digests_of(out) == exported
    assert json.loads(stage.read_bytes())["rows"] and json.loads(source.read_bytes())["rows"]
    assert main(["gc", path, "--dry-run"]) == 1
    assert f"{store}/runs/toy-20250101T000001/manifest.json is empty or cut" in capsys.readouterr().err


@settings(max_examples=40, deadline=None)
@given(first=st.lists(clips, min_size=1, max_size=8), seed=st.randoms(use_true_random=False))
def test_a_column_that_points_gives_what_it_points_at(
    tmp_path_factory: pytest.TempPathFactory, first: list, seed
) -> None:
    store = Store(str(tmp_path_factory.mktemp("s")))
    second = [{"bytes": bytes([n]), "path": str(n)} for n in range(len(first))]
    index = [seed.choice([None, 0, 1]) for _ in first]
    names = ("query_audio_1", "query_audio_2")
    for name, values in zip(names, (first, second), strict=True):
        rows = [{name: value} for value in values]
        empty: list = [[] for _ in rows]
        store.commit(
            name,
            "k",
            build_table([column_field(name, COLUMNS["query_audio"], None)], rows, [None] * len(rows), empty, empty),
            {},
        )
    rows = [{"query_audio": n} for n in index]
    empty = [[] for _ in rows]
    field = column_field("query_audio", COLUMNS["query_audio"], names)
    store.commit("pick", "k", build_table([field], rows, [None] * len(rows), empty, empty), {})
    table = read_columns(store, {"query_audio": ("pick", "k"), **{name: (name, "k") for name in names}})
    wanted = [None if n is None else (first, second)[n][row] for row, n in enumerate(index)]
    assert table["query_audio"].to_pylist() == wanted


@given(values=st.lists(clips, max_size=12), cut=st.integers(0, 12))
def test_a_digest_names_values_and_not_chunks(values: list, cut: int) -> None:
    whole = pa.chunked_array([pa.array(values, AUDIO)])
    parts = pa.chunked_array([pa.array(values[:cut], AUDIO), pa.array(values[cut:], AUDIO)], AUDIO)
    assert column_digest(parts) == column_digest(whole)
    if values and values[0] is not None:
        changed = [{**values[0], "bytes": values[0]["bytes"] + b"x"}, *values[1:]]
        assert column_digest(pa.chunked_array([pa.array(changed, AUDIO)])) != column_digest(whole)


KINDS = [
    (pa.string(), st.text(max_size=4)),
    (pa.binary(), st.binary(max_size=4)),
    (pa.int8(), st.integers(-3, 3)),
    (pa.float32(), st.sampled_from([0.0, 0.5, -3.25])),
    (pa.bool_(), st.booleans()),
    (pa.list_(pa.uint16()), st.lists(st.none() | st.integers(0, 3), max_size=3)),
    (pa.list_(pa.binary()), st.lists(st.none() | st.binary(max_size=2), max_size=3)),
    (AUDIO, clips),
]


@given(data=st.data(), kind=st.sampled_from(KINDS))
def test_a_digest_of_any_kind_of_column(data: st.DataObject, kind: tuple) -> None:
    """Two columns have the same digest just where they have the same values, wherever they are cut or sliced from."""
    type_, one = kind
    columns = st.lists(st.none() | one, max_size=8)
    first, second = data.draw(columns), data.draw(columns)
    cut = data.draw(st.integers(0, 8))

    def digest_of(*chunks: pa.Array) -> str:
        return column_digest(pa.chunked_array([*chunks], type_))

    whole = pa.array([*first, *second], type_)
    sliced = whole.slice(len(first))
    assert digest_of(sliced) == digest_of(pa.array(second, type_)) == digest_of(sliced[:cut], sliced[cut:])
    same = pa.array(first, type_).to_pylist() == sliced.to_pylist()
    assert (digest_of(pa.array(first, type_)) == digest_of(sliced)) == same


def test_what_stands_in_a_nulls_place_is_not_in_the_digest() -> None:
    _, offsets, data = pa.array(["ab", "c"]).buffers()
    masked = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\x02"), offsets, data])
    assert masked.to_pylist() == [None, "c"]
    assert column_digest(pa.chunked_array([masked])) == column_digest(pa.chunked_array([pa.array([None, "c"])]))


@given(one=st.dictionaries(st.text(max_size=5), st.integers()), two=st.dictionaries(st.text(max_size=5), st.integers()))
def test_keys_differ_just_where_parts_differ(one: dict, two: dict) -> None:
    assert (shard_key(one) == shard_key(two)) == (one == two)
    assert (difference(one, two) is None) == (one == two)
    assert digest(dict(reversed(one.items()))) == digest(one)


def test_the_memo_finds_replies_in_objects_and_in_parts(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    asked = [[b"1", b"2"], [], [b"3"]]
    replies = [[b"one", b"two"], [], [b"three"]]
    rows = [{"query_text": "a"}, {}, {"query_text": "b"}]
    store.commit(
        "s",
        "k",
        build_table([column_field("query_text", COLUMNS["query_text"], None)], rows, [None] * 3, asked, replies),
        {},
    )
    store.write_partial("s", "j", build_table([], [{}], [None], [[b"4"]], [[b"four"]]))
    memo = Memo(store, "s", None)
    assert [memo.get(name) for name in (b"1", b"2", b"3", b"4", b"5")] == [b"one", b"two", b"three", b"four", None]


def test_a_clip_that_is_the_reply_is_stored_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    rows = [{"query_audio_1": {"bytes": b"clip", "path": "p"}}]
    store.commit(
        "s",
        "k",
        build_table([column_field("query_audio_1", COLUMNS["query_audio"], None)], rows, [None], [[b"1"]], [[None]]),
        {},
    )
    assert Memo(store, "s", "query_audio_1").get(b"1") == b"clip"


def test_the_memo_holds_few_tables_and_finds_every_reply(tmp_path: Path) -> None:
    """Of 30 objects five fit; whatever the order, each reply is found, and the one asked last is at hand."""
    store = Store(str(tmp_path))
    for shard in range(30):
        rows = [{"query_audio_1": {"bytes": bytes([shard, row]) * 5_000, "path": "p"}} for row in range(4)]
        asked = [[bytes([shard, row])] for row in range(4)]
        fields = [column_field("query_audio_1", COLUMNS["query_audio"], None)]
        store.commit("s", f"k{shard}", build_table(fields, rows, [None] * 4, asked, [[None] for _ in rows]), {})
    cache = TableCache(210_000)
    memos = [Memo(store, "s", "query_audio_1", cache) for _ in range(2)]  # of two stages that share an actor
    names = [bytes([shard, row]) for shard in range(30) for row in range(4)]
    for memo, name in [(memos[0], name) for name in names] + [(memos[n % 2], names[n * 77 % 120]) for n in range(240)]:
        assert memo.get(name) == name * 5_000
        assert 40_000 < cache.bytes <= cache.limit


def test_a_table_that_is_larger_than_all_that_may_be_held_is_held_alone() -> None:
    cache, reads = TableCache(100), []

    def read(name: str, size: int) -> pa.Table:
        return cache.get(name, lambda: reads.append(name) or pa.table({"x": pa.array(range(size), pa.int8())}))

    for name, size in [("small", 60), ("other", 30), ("small", 60), ("third", 30), ("small", 60), ("large", 120)]:
        assert len(read(name, size)) == size
    assert reads == ["small", "other", "third", "large"] and cache.bytes == 120  # of the first three "other" went
    assert len(read("large", 120)) == 120 and reads[-1] == "large" and len(reads) == 4
