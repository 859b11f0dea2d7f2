"""Recorded speech in an object store, here fsspec's own in memory."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from pydantic import ValidationError

from tests.helpers.corpora import librispeech, ljspeech, manifest, reasons, reference, rows, vctk
from tests.helpers.recipes import write_recipe
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.sources.inputs import list_shards
from voxsmith.pipeline.sources.shard import Shard
from voxsmith.pipeline.sources.speech import bucket
from voxsmith.pipeline.store.store import Store

URL = "memory://corpora/some"


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    memory = fsspec.filesystem("memory")
    yield memory
    if memory.exists("/corpora"):
        memory.rm("/corpora", recursive=True)


def upload(store: fsspec.AbstractFileSystem, folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            store.pipe_file(f"/corpora/some/{file.relative_to(folder)}", file.read_bytes())


@pytest.mark.parametrize(("layout", "make"), [("librispeech", librispeech), ("ljspeech", ljspeech), ("vctk", vctk)])
def test_trees_are_read_as_on_a_disk(
    tmp_path: Path, store: fsspec.AbstractFileSystem, layout: str, make: object
) -> None:
    upload(store, make(tmp_path))  # type: ignore[operator]
    there, here = rows(layout, URL), rows(layout, tmp_path)
    assert [row["id"] for row in there] == [row["id"] for row in here]
    for far, near in zip(there, here, strict=True):
        assert (far["source_transcript"], far["speaker"]) == (near["source_transcript"], near["speaker"])
        assert (reference(far).path, reference(far).size) == (reference(near).path, reference(near).size)
        assert reference(far).time_ns is None


def test_a_manifest_and_its_clips(
    tmp_path: Path, store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ["a/x.flac", f"{URL}/a/x.flac", "./a//x.flac", "../out.flac", "memory://corpora/out.flac", "/a/x.flac"]
    paths += ["s3://other/x.flac", "a/gone.flac", "b/gone.flac", "a"]
    for name in ("some/a/x.flac", "out.flac"):
        store.pipe_file(f"/corpora/{name}", b"12345")
    lines = "".join(json.dumps({"path": path, "text": "x"}) + "\n" for path in paths)
    store.pipe_file("/corpora/some/m.jsonl.gz", gzip.compress(lines.encode()))
    asked: list[str] = []
    plain = bucket.Bucket._list
    monkeypatch.setattr(bucket.Bucket, "_list", lambda self, folder: asked.append(folder) or plain(self, folder))
    some = rows("manifest", f"{URL}/m.jsonl.gz")
    assert reasons(some) == [None] * 3 + ["outside_root"] * 4 + ["missing_clip"] * 3
    assert {(reference(row).path, reference(row).size) for row in some[:3]} == {("a/x.flac", 5)}
    assert sorted(asked) == ["", "a", "b"], "a request a folder, not one a clip"
    here = manifest(tmp_path / "here.jsonl", [{"path": "a/x.flac", "text": "x"}])
    assert reference(rows("manifest", here, clips=f"{URL}/")[0]).path == "a/x.flac"


def test_kaldi_with_data_here_and_clips_there(tmp_path: Path, store: fsspec.AbstractFileSystem) -> None:
    store.pipe_file("/corpora/some/a.flac", b"12345")
    (tmp_path / "wav.scp").write_text("u1 a.flac\n")
    (tmp_path / "text").write_text("u1 ONE\n")
    assert reference(rows("kaldi", tmp_path, clips=URL)[0]).path == "a.flac"
    upload(store, tmp_path)
    assert reference(rows("kaldi", URL)[0]).path == "a.flac"


def shards(path: str) -> list[Shard]:
    recipe = load_recipe(path)
    return list_shards(recipe, Store(recipe.store), True)


def test_a_listing_is_kept_while_the_objects_are_as_they_were(
    tmp_path: Path, store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(store, librispeech(tmp_path / "corpus"))
    source = {"layout": "librispeech", "path": URL, "licence": "x"}
    path = write_recipe(tmp_path, [], "speech", sources={"speech": source})
    first = shards(path)
    opened: list[str] = []
    plain = bucket.opened_url
    monkeypatch.setattr(bucket, "opened_url", lambda url: opened.append(url) or plain(url))
    assert shards(path) == first and opened == []
    text = next(name for name in store.find("/corpora") if name.endswith("3005-163389.trans.txt"))
    store.pipe_file(text, store.cat_file(text).replace(b"COWARD", b"HEROES"))
    assert shards(path) != first and len(opened) > 1


def test_what_can_not_be_opened_is_one_line(
    tmp_path: Path, store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecipeError, match="nothing is there"):
        rows("librispeech", "memory://corpora/nowhere")
    with pytest.raises(RecipeError, match="no such file"):
        rows("manifest", "memory://corpora/nowhere/m.jsonl")
    with pytest.raises(RecipeError, match="can't be opened"):
        rows("librispeech", "nosuchscheme://x/y")
    with pytest.raises(RecipeError, match="can't be listed"):
        rows("librispeech", "https://127.0.0.1/x")
    for url in ("s3://key:secret@bucket/x", "s3://bucket/x?region=eu"):
        with pytest.raises(ValidationError, match="holds no keys and no '\\?'"):
            rows("librispeech", url)
    with pytest.raises(ValidationError, match="without file://"):
        rows("librispeech", "file:///etc")

    def broken(*_: object, **__: object) -> None:
        raise TimeoutError("the store is away")

    monkeypatch.setattr(type(store), "find", broken)
    with pytest.raises(RunFailed, match="the store is away; the same command tries again"):
        rows("librispeech", URL)
