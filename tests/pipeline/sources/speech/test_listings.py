"""A listing of recorded speech is made once, and again where what it was made from is another."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.corpora import CLIPS, LONG_AGO, age, librispeech, manifest, put, vctk
from tests.helpers.recipes import write_recipe
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.sources.inputs import list_shards
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.store.store import Store

opened: list[str] = []
sys.addaudithook(lambda event, details: opened.append(str(details[0])) if event in ("open", "os.scandir") else None)


def write(folder: Path, layout: str, path: Path, **settings: Any) -> str:
    source = {"layout": layout, "path": str(path), "licence": "CC BY 4.0", **settings}
    return write_recipe(folder, [], "speech", sources={"speech": source})


def shards(recipe_file: str) -> list[Shard]:
    recipe = load_recipe(recipe_file)
    return list_shards(recipe, Store(recipe.store), True)


def rejects(some: list[Shard]) -> dict[str, int]:
    return {reason: count for shard in some for reason, count in shard.rejects.items()}


def looks_into(folder: Path) -> int:
    """How often files of the corpus were opened, or folders of it listed, since the last call."""
    count = sum(name.startswith(str(folder)) for name in opened)
    opened.clear()
    return count


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    corpus = librispeech(tmp_path / "corpus")
    age(corpus)
    return corpus


def test_a_tree_is_read_once(tmp_path: Path, tree: Path) -> None:
    path = write(tmp_path, "librispeech", tree)
    first = shards(path)
    assert sum(shard.rows for shard in first) == 15 and looks_into(tree) > 0
    assert shards(path) == first and looks_into(tree) == 0
    file = next(tree.rglob("*.trans.txt"))
    os.utime(file, (LONG_AGO + 9, LONG_AGO + 9))
    looks_into(tree)
    assert shards(path) == first and looks_into(tree) == 1, "its time is another, and its sha256 the same"
    assert shards(path) == first and looks_into(tree) == 0


def test_a_transcript_that_was_edited_changes_its_row(tmp_path: Path, tree: Path) -> None:
    path = write(tmp_path, "librispeech", tree)
    first = shards(path)
    file = next(tree.rglob("3005-163389.trans.txt"))
    file.write_text(file.read_text().replace("COWARD", "HEROES"))  # of the same length
    age(tree)
    os.utime(file, (LONG_AGO + 9, LONG_AGO + 9))
    second = shards(path)
    assert [shard.columns["clip"] for shard in second] == [shard.columns["clip"] for shard in first]
    assert [shard.columns["id"] for shard in second] == [shard.columns["id"] for shard in first]
    assert [shard.columns["source_transcript"] for shard in second] != [
        shard.columns["source_transcript"] for shard in first
    ]


def test_clips_that_come_and_go_are_noticed(tmp_path: Path, tree: Path) -> None:
    path = write(tmp_path, "librispeech", tree)
    clip = next(tree.rglob("3005-163389-0004.flac"))
    kept = clip.read_bytes()
    clip.unlink()
    assert rejects(shards(path)) == {"missing_clip": 1}
    clip.write_bytes(kept)
    assert rejects(shards(path)) == {}
    age(tree)
    known = shards(path)
    assert shards(path) == known
    new = tree / "train-tiny" / "9" / "8"
    put(CLIPS[0], new / "9-8-7.flac")
    (new / "9-8.trans.txt").write_text("9-8-7 MORE\n")
    assert sum(shard.rows for shard in shards(path)) == 16


def test_a_touched_folder_is_listed_again(tmp_path: Path, tree: Path) -> None:
    """For clips that were changed in their places: a plan doesn't look at each of millions."""
    path = write(tmp_path, "librispeech", tree)
    first = shards(path)
    clip = next(tree.rglob("3005-163389-0004.flac"))
    clip.write_bytes(clip.read_bytes() + b"\0")
    looks_into(tree)
    assert shards(path) == first and looks_into(tree) == 0
    os.utime(clip.parent)
    changed = [shard.columns["clip"] for shard in shards(path)]
    assert changed != [shard.columns["clip"] for shard in first]


def test_folders_of_a_manifests_clips_are_watched(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    for name in ("a", "b"):
        put(CLIPS[0], corpus / name / "x.flac")
    records = [{"path": f"{name}/x.flac", "text": "x"} for name in ("a", "b", "c")]
    file = manifest(corpus / "m.jsonl", records)
    age(corpus)
    path = write(tmp_path, "manifest", file)
    first = shards(path)
    assert rejects(first) == {"missing_clip": 1}
    looks_into(corpus)
    assert shards(path) == first and looks_into(corpus) == 0
    put(CLIPS[0], corpus / "c" / "x.flac")
    assert rejects(shards(path)) == {}
    (corpus / "a" / "x.flac").unlink()
    assert rejects(shards(path)) == {"missing_clip": 1}


def test_transcripts_of_their_own_files_are_watched(tmp_path: Path) -> None:
    corpus = vctk(tmp_path / "corpus")
    age(corpus)
    path = write(tmp_path, "vctk", corpus)
    first = shards(path)
    looks_into(corpus)
    assert shards(path) == first and looks_into(corpus) == 0
    (corpus / "txt/p287/p287_002.txt").write_text("Ask him.\n")
    assert shards(path) != first
