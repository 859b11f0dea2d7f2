"""An object whose bytes changed is noticed when it is read, and recomputed."""

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from itertools import accumulate, chain
from pathlib import Path

import pyarrow as pa
import pytest

from tests.helpers.recipes import (
    ROOT,
    TEXTS,
    asked,
    digests_of,
    open_state,
    run_cli,
    run_inline,
    texts_of,
    write_recipe,
)
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.report.outputs import export_state
from voxsmith.pipeline.store.digests import column_digest
from voxsmith.pipeline.store.memo import Memo
from voxsmith.pipeline.store.objects import Damaged, build_table, read_columns
from voxsmith.pipeline.store.store import Store


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    """One bit of the values of the first column."""
    data = bytearray(file.read_bytes())
    data[data.index(b"THING NUMBER") + 3] ^= 1
    file.write_bytes(bytes(data))


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("damage", [truncate, flip, remove])
def test_reading_tells_which_object_is_damaged(tmp_path: Path, damage) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(state)
    places = state.places(("query_text",), 0)
    digests = state.digests(places, 0)
    read_columns(state.store, places, digests)
    stage, key = places["query_text"]
    damage(tmp_path / f"store/objects/{stage}/{key}.arrow")
    with pytest.raises(Damaged, match=f"objects/{stage}/{key} is damaged") as error:
        read_columns(state.store, places, digests)
    assert error.value.place == (stage, key)


def test_looking_at_rejects_of_a_damaged_object_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, ["a bad one"])
    run_inline(open_state(path))
    (file,) = (tmp_path / "store/objects/toy_shout").glob("*.arrow")
    truncate(file)
    assert main(["rejects", path]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("voxsmith: objects/toy_shout/") and "`voxsmith run` makes it again" in line


@pytest.mark.parametrize("looked_at_for", ["overrides", "retries"])
def test_rows_of_a_source_that_are_looked_at_before_a_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, looked_at_for: str
) -> None:
    shard = {"least": 2, "target": 4, "most": 8}
    path = write_recipe(tmp_path, ["a bad one", "a good one"], sources__rows__shard=shard)
    run_inline(open_state(path))
    (row, _) = texts_of(open_state(path), "id")
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": row, "query_text": "better"}))
    if looked_at_for == "retries":
        assert main(["run", path, "--retry-rejects", "bad", "--only", "toy_words"]) == 0
    sets = ["--set", f"overrides={tmp_path}/mine.jsonl"] if looked_at_for == "overrides" else []
    for file in (tmp_path / "store/objects/source.rows").glob("*.arrow"):
        truncate(file)
    capsys.readouterr()
    for command, message in (("plan", "takes it out"), ("export", "has been taken out, and the same command")):
        assert main([command, path, *sets]) == 1
        assert message in capsys.readouterr().err
    assert run_inline(open_state(path, overrides=sets[1:])) == {}
    assert main(["export", path, *sets]) == 0


LENGTHS = (3, 0, 5, 21, 2)  # of the values; the second is null
KINDS = {
    "binary": (pa.binary(), [b"x" * length or None for length in LENGTHS]),
    "string": (pa.string(), ["x" * length or None for length in LENGTHS]),
    "list": (pa.list_(pa.uint16()), [[7] * length or None for length in LENGTHS]),
}
REQUESTS = {
    "in a row": [[bytes([number]) * 16 for number in range(len(LENGTHS))]],
    "in rows": [[bytes([row, number]) * 8 for number in range(length)] or None for row, length in enumerate(LENGTHS)],
}
REPLIES = {
    "in a row": [KINDS["binary"][1]],  # their own offsets are changed, and those of the rows' lists below
    "in rows": [row and [b"reply to " + name for name in row] for row in REQUESTS["in rows"]],
}


def flipped_offsets(file: Path) -> Iterator[None]:
    """Comes back with each bit changed in turn of the buffers of offsets that make these lengths."""
    whole, offsets = file.read_bytes(), struct.pack("<6i", 0, *accumulate(LENGTHS))
    places = [match.start() for match in re.finditer(re.escape(offsets), whole)]
    assert places
    for bit in (8 * place + bit for place in places for bit in range(8 * len(offsets))):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.unlink()  # who has the file mapped keeps it as it was
        file.write_bytes(data)
        yield


def read_flipped(folder: str, kind: str) -> None:
    store, column = Store(folder), pa.chunked_array([pa.array(KINDS[kind][1], KINDS[kind][0])])
    store.commit("s", "k", pa.table({"c": column}), {})
    for _ in flipped_offsets(Path(folder, "objects/s/k.arrow")):
        with pytest.raises(Damaged):
            read_columns(store, {"c": ("s", "k")}, {"c": column_digest(column)})


def remember_flipped(folder: str, kind: str) -> None:
    store = Store(folder)
    table = pa.table({"_requests": REQUESTS[kind], "_replies": REPLIES[kind]})
    store.commit("s", "k", table, {"replies": column_digest(table["_replies"])})
    asked = dict(zip(chain(*filter(None, REQUESTS[kind])), chain(*filter(None, REPLIES[kind])), strict=True))
    for _ in flipped_offsets(Path(folder, "objects/s/k.arrow")):
        memo = Memo(store, "s", None)
        assert all(memo.get(name) in (None, reply) for name, reply in asked.items())


@pytest.mark.parametrize(
    ("check", "kind"), [*(("read_flipped", kind) for kind in KINDS), *(("remember_flipped", kind) for kind in REQUESTS)]
)
def test_a_changed_offset_is_told_and_kills_nothing(tmp_path: Path, check: str, kind: str) -> None:
    """In a process of its own: Arrow ends the one that follows such an offset."""
    call = f"from tests.pipeline.store import test_damage; test_damage.{check}({str(tmp_path)!r}, {kind!r})"
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, "-c", call], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_a_damaged_reply_of_a_task_that_did_not_finish_is_asked_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    path = store.write_partial("s", "k", build_table([], [{}], [None], [[b"1"]], [[b"THING NUMBER one"]]))
    assert Memo(store, "s", None).get(b"1") == b"THING NUMBER one"
    flip(tmp_path / path)
    assert Memo(store, "s", None).get(b"1") is None


@pytest.mark.usefixtures("one_ray")
def test_damaged_objects_are_made_anew_and_the_result_is_the_same(tmp_path: Path) -> None:
    """Three objects damaged in three ways; their column is read because the stage below has other settings."""
    path = write_recipe(tmp_path, TEXTS, stages__toy_count__times=2)
    state = open_state(path)
    run_inline(state)
    export_state(state)
    whole = digests_of(tmp_path / "out" / "toy" / "dataset")
    other = open_state(path, overrides=["stages.toy_count.times=3"])
    run_inline(other)
    export_state(other)
    asked(path)
    objects = sorted((tmp_path / "store/objects/toy_shout").glob("*.arrow"))
    for damage, file in zip((truncate, flip, remove), objects, strict=False):
        damage(file)
    code, output = run_cli("export", path)  # reads the texts
    assert code == 1 and "makes it again" in output, output
    code, output = run_cli("run", path, "--set", "stages.toy_count.times=4")
    assert code == 0, output
    assert output.count("was damaged: it is made anew") == 2, output  # one was noticed at export
    code, output = run_cli("run", path)
    assert code == 0, output
    assert digests_of(tmp_path / "out" / "toy" / "dataset") == whole
    for file in objects:
        with pa.memory_map(str(file)) as source:
            assert pa.ipc.open_file(source).read_all().validate() is None
