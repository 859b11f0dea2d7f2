"""Versions share a store: what another one wrote with a key more, a key less, or a value of another type.

No command ends in a traceback. What can be made again is made again, without asking an engine anything; what protects
objects and can't be read ends `gc` with one line.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.helpers.recipes import asked, digests_of, finish, open_state, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.run.remembered import unpacked
from voxsmith.pipeline.store import liveness
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.liveness import at_work, is_gone, marks
from voxsmith.pipeline.store.memo import Memo
from voxsmith.pipeline.store.store import Store
from voxsmith.stages.requests.llm import Completion

TEXTS = [*(f"tell me about thing number {n}" for n in range(5)), "a bad one"]
LOUD = {"stages__toy_shout__engine": "llm", "stages__toy_shout__style": "loud"}
VERBS = ("plan", "status", "explain", "rejects", "export", "diff", "gc")
OTHERS: tuple[Any, ...] = (None, True, 7, -1.5, 1e300, "text", ["a", 1], {"a": {"b": None}}, [], {})
KINDS = {
    "manifest": "runs/*/manifest.json",
    "mark": "live/*.json",
    "progress": "runs/*/progress.json",
    "commit": "objects/toy_shout/*.json",
    "source": "objects/source.rows/*.json",
    "listing": "listings/*.json",
    "overrides": "overrides/*.json",
}
PROGRESS = {"seconds": 3.5, "tasks": 2, "of_tasks": 6, "rejects": 0, "source_rejects": 0, "eta_seconds": 4}
PROGRESS |= {"eta_at_least": 4, "actors": {"llm": 1}, "running": ["toy_shout"], "status": "running", "every": 10.0}
PROGRESS |= {"stages": {"toy_shout": {"rows": 2, "of": 6, "rate": 0.5, "rejects": 0}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with every kind of file, between two runs."""
    folder = tmp_path_factory.mktemp("made")
    row = _first_id(write_recipe(folder, TEXTS))
    overrides = folder / "mine.jsonl"
    overrides.write_text(json.dumps({"id": row, "query_text": "better"}))
    path = write_recipe(folder, TEXTS, overrides=str(overrides))
    finish(path)
    path = write_recipe(folder, TEXTS, overrides=str(overrides), **LOUD)
    state = finish(path)
    (_, run) = sorted(file.parent.name for file in (folder / "store").glob("runs/*/manifest.json"))
    state.store.write_json(f"runs/{run}/progress.json", PROGRESS | {"run": run, "written": "2026-01-01T00:00:00+00:00"})
    asked(path)
    return folder


def _first_id(path: str) -> str:
    state = open_state(path)
    shard = state.shards[0]
    return str(state.store.read(shard.folder, shard.key, ["id"])["id"][0].as_py())


@pytest.fixture
def path(made: Path, tmp_path: Path) -> str:
    """That store, with a process at work in it (this one)."""
    shutil.copytree(made / "store", tmp_path / "store")
    shutil.copytree(made / "out", tmp_path / "out")
    text = (made / "toy.yaml").read_text().replace(f"store: {made}", f"store: {tmp_path}")
    (tmp_path / "toy.yaml").write_text(text.replace(f"out: {made}", f"out: {tmp_path}"))
    return str(tmp_path / "toy.yaml")


def changed(value: Any, most: int) -> Iterator[tuple[str, Any]]:
    """The JSON with one key more, with each of its keys (at most so many, to any depth) left out, and with other values."""
    yield "all", [value]
    yield "a key more", value | {"zz_newer": {"version": [9]}}
    places = list(_places(value))
    for where in places[:: max(1, len(places) // most)]:
        yield f"without {'.'.join(map(str, where))}", _put(value, where, None, leave_out=True)
        for other in OTHERS:
            yield f"{'.'.join(map(str, where))} = {other!r}", _put(value, where, other)


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from _places(inner, (*above, key))


def _put(value: Any, where: tuple[Any, ...], new: Any, leave_out: bool = False) -> Any:
    copy = json.loads(json.dumps(value))
    place = copy
    for key in where[:-1]:
        place = place[key]
    if leave_out:
        del place[where[-1]]
    else:
        place[where[-1]] = new
    return copy


@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.heavy)], ids=["few", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_command_ends_in_a_traceback(kind: str, few: bool, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each change of a file meets a command, in turn; in `make test` fewer places of it change, and each third change counts."""
    folder, count = Path(path).parent, 0
    with at_work(Store(str(folder / "store")), "run toy", ["toy_shout"], every=3600):
        file = sorted((folder / "store").glob(KINDS[kind]))[-1]
        whole = file.read_text()
        changes = changed(json.loads(whole), 12 if few else 40)
        for number, (name, value) in enumerate(islice(changes, None, None, 3 if few else 1)):
            file.write_text(json.dumps(value))
            verb = VERBS[number % len(VERBS)]
            capsys.readouterr()
            code, err = run_verb(verb, path), capsys.readouterr().err
            assert code in (0, 1, 2), f"{kind}: {name}: {verb}: {err}"
            if code:
                (line,) = err.splitlines()
                assert str(folder) in line or "objects/" in line, f"{kind}: {name}: {verb}: {line}"
            count += 1
        file.write_text(whole)
    assert count > 20


def run_verb(verb: str, path: str) -> int:
    more = {"explain": ["toy_shout", "0"], "gc": ["--grace", "0", "--dry-run"], "diff": ["last", "last"]}.get(verb, [])
    return main([verb, path, *more])


@pytest.mark.parametrize("kind", ["manifest", "mark"])
def test_gc_deletes_nothing_where_it_cannot_know_what_is_needed(
    kind: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what the latest run used, and of what a process at work may need; each key left out, or of another type."""
    folder = Path(path).parent / "store"
    whole = digests_of(folder / "objects", "**/*")
    count = stops = 0
    with at_work(Store(str(folder)), "run toy", ["toy_shout"] if kind == "mark" else [], every=3600):
        file = sorted(folder.glob(KINDS[kind]))[-1]
        said = file.read_text()
        needed = (
            needed_by(json.loads(said), whole)
            if kind == "manifest"
            else {name: digest for name, digest in whole.items() if name.startswith("toy_shout/")}
        )
        assert needed and needed.keys() < whole.keys()
        for name, value in top_level(json.loads(said)):
            file.write_text(json.dumps(value))
            shutil.copytree(folder / "objects", folder.parent / "before", dirs_exist_ok=True)
            code = main(["gc", path, "--grace", "0"])
            err = capsys.readouterr().err
            left = digests_of(folder / "objects", "**/*")
            assert left.items() >= needed.items(), f"{name}: {err}"
            count += 1
            if code:
                (line,) = err.splitlines()
                assert left == whole and str(file) in line, f"{name}: {line}"
                stops += 1
            shutil.copytree(folder.parent / "before", folder / "objects", dirs_exist_ok=True)
        file.write_text(said)
    assert stops == count if kind == "mark" else stops > 5


def needed_by(manifest: dict[str, Any], whole: dict[str, str]) -> dict[str, str]:
    """The objects that this run used."""
    keys = {key for keys in manifest["keys"].values() for key in keys.values()}
    keys |= {key for place in ("sources", "as_read") for _, key in manifest[place].values()}
    return {name: digest for name, digest in whole.items() if Path(name).stem in keys}


def top_level(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Without each key, and with a value of each other type for it; and what is no mapping at all."""
    yield "a list", [said]
    yield "cut", "{"
    for key in said:
        yield f"without {key}", {name: value for name, value in said.items() if name != key}
        for other in OTHERS:
            if type(other) is not type(said[key]) and not (key == "limit" and other == 7):
                yield f"{key} = {other!r}", said | {key: other}


def test_what_can_be_made_again_asks_no_engine(path: str) -> None:
    store = Path(path).parent / "store"
    for pattern in ("commit", "source", "listing", "overrides", "progress"):
        for number, file in enumerate(sorted(store.glob(KINDS[pattern]))):
            said = json.loads(file.read_bytes())
            file.write_text(json.dumps({"version": 9} if number % 2 else said | {key: ["another"] for key in said}))
    state = open_state(path)
    assert len(state.ready) == len(state.shards)
    assert run_inline(state) == {} and asked(path) == []
    assert not open_state(path).ready


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("retries/toy.json", '{"toy_shout": 3}'),
        ("retries/toy.json", '{"toy_shout": {"rows-1.0": "twice"}}'),
        ("retries/toy.json", "[1]"),
        ("retries/toy.json", '{"toy_shout": '),
        ("store.json", '{"schema": [2]}'),
    ],
)
def test_what_cannot_be_made_again_is_one_line(
    path: str, file: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Path(path).parent / "store" / file
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    for verb in ("plan", "status", "export", "rejects", "run"):
        capsys.readouterr()
        assert main([verb, path]) in (1, 2)
        (line,) = capsys.readouterr().err.splitlines()
        assert str(place) in line and place.read_text() == text


def test_a_lock_of_another_form_is_one_line(path: str) -> None:
    """What a codebook is pinned to is not guessed."""
    state = open_state(path)
    for lock in ({}, {"fixed": 3, "key": "k"}, {"fixed": "f"}, {"fixed": "f", "key": None}, []):
        state.store.write_json("locks/toy.toy_shout.json", lock)
        with pytest.raises(RunFailed, match=r"locks/toy.toy_shout.json isn't in the form of a fit stage's lock \("):
            state.lock_of("toy_shout")
    newer = {"fixed": digest(state.fixed["toy_shout"]), "key": "k", "since": "2.0"}
    state.store.write_json("locks/toy.toy_shout.json", newer)
    assert state.lock_of("toy_shout") == {"fixed": newer["fixed"], "key": "k"}


def test_a_mark_that_nobody_can_read_is_in_the_way_for_a_day_at_most(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(str(Path(path).parent / "store"))
    file = Path(store.root) / "live" / "gc-0123456789ab.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    assert main(["gc", path, "--grace", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(file) in line and "delete the file" in line
    monkeypatch.setattr(liveness, "BEAT", 0.05)
    (mark,) = marks(store)
    assert mark.folders is None and not is_gone(store, mark, datetime.now(UTC))
    assert is_gone(store, mark, datetime.now(UTC) + timedelta(days=2))
    with at_work(store, "run toy", ()):  # it may be that of a gc: it is waited for while it moves
        assert not file.exists()


@pytest.mark.parametrize(
    "note", [".pieces/*/written.json", ".publish/made.json", ".publish/cards.json", "manifest.json"]
)
def test_notes_beside_a_dataset_of_another_form(
    note: str, path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they note is made again, and is the same; a manifest is no note, and may be told."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert main(["export", path]) == main(["publish", path, "--to", str(tmp_path / "there")]) == 0
    shutil.copytree(out, whole)
    data = digests_of(out / "toy" / "dataset")
    (file,) = (out / "toy").glob(note)
    for name, value in islice(changed(json.loads(file.read_bytes()), 12), None, None, 5):
        shutil.rmtree(out)
        shutil.copytree(whole, out)
        file.write_text(json.dumps(value))
        for command in (["export", path], ["publish", path, "--to", str(tmp_path / "there")]):
            capsys.readouterr()
            code, err = main(command), capsys.readouterr().err
            assert code == 0 or (note == "manifest.json" and len(err.splitlines()) == 1), f"{name}: {command[0]}: {err}"
        assert digests_of(out / "toy" / "dataset") == data


def test_a_run_of_another_version_is_not_called_killed(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """How far it is can't be read; that it is on can."""
    root = Path(path).parent / "store"
    manifest = sorted(root.glob(KINDS["manifest"]))[-1]
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | {"status": "running"}))
    (manifest.parent / "progress.json").write_text(json.dumps({"percent": 12}))
    for what, how in (("run toy", "running"), ("run other", "killed"), (None, "killed")):
        with at_work(Store(str(root)), what, ()) if what else nullcontext():
            capsys.readouterr()
            assert main(["status", path]) == 0
            assert f"last run {manifest.parent.name}: {how}" in capsys.readouterr().out
    with at_work(Store(str(root)), "run toy", ()) as mark:
        (root / "live" / f"{mark.name}.json").write_text("{}")  # one that says nothing may be on
        assert main(["status", path]) == 0
        assert f"{manifest.parent.name}: running" in capsys.readouterr().out


PARTIAL = [pa.array([[b"1" * 16]], pa.list_(pa.binary())), pa.array([[b"{}"]], pa.list_(pa.binary()))]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"_requests": [1], "_replies": [2]}),
        pa.table({"_requests": [["text"]], "_replies": [["text"]]}),
        pa.table({"_requests": [[[1]]], "_replies": PARTIAL[1]}),
        pa.table({"_requests": PARTIAL[0], "_replies": [{"reply": b"x"}]}),
        pa.table({"_requests": PARTIAL[0]}),
        pa.table({"other": [1]}),
    ],
    ids=str,
)
def test_a_partial_object_of_another_form_is_passed_over(tmp_path: Path, table: pa.Table) -> None:
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path)
    state.store._write_table("objects/toy_shout/aa.part-1", table)
    state.store.commit("toy_shout", "bb", table, {"columns": 3, "replies": []})
    assert Memo(state.store, "toy_shout", None).get(b"1" * 16) is None
    assert run_inline(state) == {} and sum(state.rejected.values()) == 1


@pytest.mark.parametrize(
    "reply", [b'{"text": "x", "finish": "stop"}', b'{"text": ["x"], "finish": "stop", "tokens": 1}', b"[]", b"\xff"]
)
def test_a_kept_reply_of_another_form_is_asked_for_again(tmp_path: Path, reply: bytes) -> None:
    path = write_recipe(tmp_path, TEXTS)
    state = open_state(path)
    run_inline(state)
    requests = asked(path)
    store = state.store
    for file in Path(store.root).glob("objects/toy_shout/*"):
        if file.suffix == ".arrow":
            table = store.read("toy_shout", file.stem)
            replies = pa.array([[reply] for _ in range(len(table))], pa.list_(pa.binary()))
            place = table.column_names.index("_replies")
            file.unlink()
            store._write_table(f"objects/toy_shout/{file.name}", table.set_column(place, "_replies", replies))
    for file in Path(store.root).glob("objects/toy_shout/*.json"):
        file.unlink()
    again = open_state(path)
    assert run_inline(again) == {} and again.rejected == state.rejected
    assert sorted(asked(path)) == sorted(line for line in requests if not line.startswith("count"))


def test_a_reply_with_a_key_more_is_no_other_reply() -> None:
    assert unpacked(Completion, b'{"text": "x", "finish": "stop", "tokens": 1, "newer": 2}') == Completion(
        "x", "stop", 1
    )


def test_verdicts_of_another_form_are_told(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(str(Path(path).parent / "store"))
    (commit,) = [
        file
        for file in Path(store.root).glob("objects/toy_shout/*.json")
        if json.loads(file.read_bytes())["rejects"] and file.stem in used(path)
    ]
    table = store.read("toy_shout", commit.stem)
    place = table.column_names.index("_reject")
    other = table.set_column(place, "_reject", pa.array([{"why": "x"}] * len(table)))
    commit.with_suffix(".arrow").unlink()
    store._write_table(f"objects/toy_shout/{commit.stem}.arrow", other)
    assert main(["rejects", path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"objects/toy_shout/{commit.stem} is damaged: its _reject is " in line


def test_a_listing_that_counts_other_rows_is_one_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    (listing,) = (Path(path).parent / "store").glob("listings/*.json")
    whole = json.loads(listing.read_bytes())
    listing.write_text(json.dumps(whole | {"shards": [shard | {"rows": 7} for shard in whole["shards"]]}))
    for verb in ("rejects", "export"):
        assert main([verb, path]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "is listed with 7 rows, and there are " in line and f"delete the folder {listing.parent}" in line
    shutil.rmtree(listing.parent)
    state = open_state(path)
    assert sum(shard.rows for shard in state.shards) == len(TEXTS) and not state.ready
    assert main(["rejects", path]) == main(["export", path]) == 0 and asked(path) == []


def used(path: str) -> set[str]:
    return {done.key for done in open_state(path).done.values()}
