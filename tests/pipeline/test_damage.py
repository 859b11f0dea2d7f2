"""An object whose bytes changed is noticed where it is read, and made anew."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from bench import TEXTS, asked, digests_of, open_state, run_cli, run_inline, write_recipe

from pipeline.objects import Damaged, read_columns
from pipeline.publication import export_state

pytestmark = pytest.mark.usefixtures("one_ray")


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
def test_reading_tells_which_object_is_damaged(toys: None, tmp_path: Path, damage) -> None:
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


def test_damaged_objects_are_made_anew_and_the_result_is_the_same(toys: None, tmp_path: Path) -> None:
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
    assert code == 1 and "makes it anew" in output, output
    code, output = run_cli("run", path, "--set", "stages.toy_count.times=4")
    assert code == 0, output
    assert output.count("was damaged: it is made anew") == 2, output  # one was noticed at export
    code, output = run_cli("run", path)
    assert code == 0, output
    assert digests_of(tmp_path / "out" / "toy" / "dataset") == whole
    for file in objects:
        with pa.memory_map(str(file)) as source:
            assert pa.ipc.open_file(source).read_all().validate() is None
