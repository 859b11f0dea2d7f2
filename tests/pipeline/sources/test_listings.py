"""Files that didn't change aren't read again; files that did always are."""

import json
import os
import sys
import tempfile
from pathlib import Path

import datasets
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.recipes import write_recipe
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.sources.inputs import list_shards
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.store.store import Store

opened: list[str] = []
sys.addaudithook(lambda event, details: opened.append(str(details[0])) if event == "open" else None)


def shards(path: str, store: str | None = None, limit: int | None = None) -> list[Shard]:
    recipe = load_recipe(path)
    return list_shards(recipe, Store(store or recipe.store), True, limit)


def rows_file(path: str) -> Path:
    file = Path(path).with_suffix(".jsonl")
    os.utime(file, (1_600_000_000, 1_600_000_000))  # long before any listing
    return file


def read(file: Path) -> int:
    count = opened.count(str(file))
    opened.clear()
    return count


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [f"thing {n}" for n in range(30)])
    file = rows_file(path)
    first = shards(path)
    assert read(file) > 1  # hashed and read
    assert shards(path) == first and read(file) == 0
    assert shards(path, limit=5) == first[: len(shards(path, limit=5))] and read(file) == 0
    os.utime(file, (1_650_000_000, 1_650_000_000))
    assert shards(path) == first and read(file) == 1, "the time changed, the content did not"
    assert shards(path) == first and read(file) == 0


def test_what_changed_within_the_clocks_grain_is_noticed(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [f"thing {n}" for n in range(9)])
    file = Path(path).with_suffix(".jsonl")
    first = shards(path)
    stat = file.stat()
    file.write_text(file.read_text().replace("thing 4", "thing x"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert shards(path) != first


def test_shards_that_the_store_lost_are_read_again(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [f"thing {n}" for n in range(9)])
    rows_file(path)
    first = shards(path)
    for file in (tmp_path / "store/objects/source.rows").iterdir():
        file.unlink()
    assert shards(path) == first
    assert len(list((tmp_path / "store/objects/source.rows").glob("*.json"))) == len(first)


def test_a_pilot_is_no_listing(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [f"thing {n}" for n in range(30)])
    rows_file(path)
    assert len(shards(path, limit=3)) < len(shards(path))


def test_a_dataset_folder_may_hold_folders_with_dots(tmp_path: Path) -> None:
    """A split's folder may have one in its name; what hides (a download's cache, say) is no part of the dataset."""
    rows = datasets.Dataset.from_list([{"q": f"thing {n}"} for n in range(9)])
    datasets.DatasetDict({"train.clean": rows}).save_to_disk(str(tmp_path / ".hidden.above" / "saved"))
    folder = tmp_path / ".hidden.above" / "saved"
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / ".cache" / "huggingface" / "train.metadata").write_text("fetched on Monday")
    (folder / ".gitattributes").write_text("*.arrow filter=lfs")
    source = {"dataset": str(folder), "split": "train.clean", "layout": "columns", "columns": {"instruction": "q"}}
    path = write_recipe(tmp_path, [], sources={"rows": {**source, "licence": "CC0-1.0"}})
    first = shards(path)
    assert sum(shard.rows for shard in first) == 9
    (folder / ".cache" / "huggingface" / "train.metadata").write_text("fetched on Tuesday")
    (listing,) = (tmp_path / "store" / "listings").iterdir()
    before = listing.read_bytes()
    assert shards(path) == first and listing.read_bytes() == before, "nothing was read again"


edits = st.lists(
    st.tuples(st.sampled_from(["edit", "append", "remove", "touch", "none"]), st.integers(0, 50)), max_size=6
)


@settings(max_examples=15, deadline=None)
@given(edits)
def test_whatever_happens_to_the_file_the_listing_is_that_of_a_fresh_store(changes: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = [f"thing {n}" for n in range(20)]
        path = write_recipe(Path(folder), texts)
        file = Path(path).with_suffix(".jsonl")
        for step, (what, number) in enumerate(changes):
            place = number % len(texts)
            if what == "edit":
                texts[place] = f"thing {number} again"
            elif what == "append":
                texts.append(f"more {number}")
            elif what == "remove" and len(texts) > 1:
                del texts[place]
            if what != "none":
                file.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in texts))
            assert shards(path) == shards(path, f"{folder}/fresh{step}")
