"""publish --to: where a corpus can't go, and what is there already stays whose it is."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from tests.helpers.made_corpus import export_corpus, row
from tests.helpers.recipes import write_recipe
from tests.helpers.s3_server import S3Server
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.store.store import open_filesystem

ROWS = [row(i) for i in range(12)]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def refused(capsys: pytest.CaptureFixture[str], path: str, to: str, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["publish", path, "--to", to, *arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "to",
    [
        "out/made_corpus",
        "out/made_corpus/",
        "out/made_corpus/dataset",
        "out/made_corpus/dataset/new",
        "out/made_corpus/.publish",
        "out/made_corpus.pilot",
        "out",
        ".",
        "store",
        "store/objects",
        "other/../out/made_corpus",
        "link",
        "link/below",
        "file:out/made_corpus",
    ],
)
def test_the_recipes_own_folders_are_no_place(capsys: pytest.CaptureFixture[str], tmp_path: Path, to: str) -> None:
    path = export_corpus(tmp_path, ROWS)
    (tmp_path / "store").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("out/made_corpus")
    before = contents(tmp_path)
    url = f"file://{tmp_path}/{to.removeprefix('file:')}" if to.startswith("file:") else f"{tmp_path}/{to}"
    for arguments in ([], ["--format", "arrow"], ["--dry-run"]):
        assert "name another folder" in refused(capsys, path, url, *arguments)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("memory://x", "nothing can be kept in memory://"),
        ("https://me:hunter2@127.0.0.1/x", "nothing can be kept in https://"),
        ("zip://x::file:///tmp/y.zip", "nothing can be kept in zip://"),
        ("made_corpus.yaml", "made_corpus.yaml is a file; name a folder"),
        ("made_corpus.yaml/below/it", "made_corpus.yaml is a file; name a folder"),
    ],
)
def test_what_keeps_nothing_is_no_place(capsys: pytest.CaptureFixture[str], tmp_path: Path, to: str, why: str) -> None:
    path = export_corpus(tmp_path, ROWS)
    message = refused(capsys, path, to if "://" in to else str(tmp_path / to))
    assert why in message and "hunter2" not in message


def test_a_place_is_what_it_is_by_any_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to where the command runs, and through links on either side."""
    path = export_corpus(tmp_path, ROWS)
    monkeypatch.chdir(tmp_path / "out" / "made_corpus")
    for to in (".", "dataset", "../made_corpus", ".."):
        assert "name another folder" in refused(capsys, path, to)
    (tmp_path / "alias").symlink_to(tmp_path / "out")
    for to in ("alias/made_corpus", "alias"):
        assert "name another folder" in refused(capsys, path, str(tmp_path / to))
    assert main(["publish", path, "--to", str(tmp_path / "out" / "made_corpus_published")]) == 0  # beside is not inside
    assert main(["publish", path, "--to", str(tmp_path / "out" / "made_corpus_published")]) == 0


def test_another_export_and_another_corpus_stay(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, there = export_corpus(tmp_path, ROWS), tmp_path / "there"
    other = tmp_path / "out" / "other"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    assert "an export; name another" in refused(capsys, path, str(other / "dataset"))
    assert main(["publish", path, "--to", str(there)]) == 0
    before = contents(there)
    manifest = tmp_path / "out/made_corpus/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"name": "another"}))
    assert "the corpus 'made_corpus' is published there" in refused(capsys, path, str(there))
    assert contents(there) == before


@pytest.mark.parametrize("name", ["README.md", "manifest.json", "report.html", "dataset/data-00000-of-00003.parquet"])
@pytest.mark.parametrize("place", ["folder", "s3"])
def test_files_of_others_are_never_written_over(
    capsys: pytest.CaptureFixture[str], s3: S3Server, tmp_path: Path, name: str, place: str
) -> None:
    """Not even those that somebody has listed with a checksum."""
    path = export_corpus(tmp_path, ROWS, rows_a_file=4)
    url = str(tmp_path / "there") if place == "folder" else s3.url(f"{tmp_path.name}")
    fs, root = open_filesystem(url)
    theirs = {name: b"theirs", "dataset/data-00000-of-00007.parquet": b"theirs, too", "notes.txt": b"x"}
    theirs |= {"SHA256SUMS": "".join(f"{hashlib.sha256(b).hexdigest()}  {n}\n" for n, b in theirs.items()).encode()}
    for one, data in theirs.items():
        if place == "folder":
            fs.create_dir(f"{root}/{one}".rpartition("/")[0], recursive=True)
        with fs.open_output_stream(f"{root}/{one}") as file:
            file.write(data)
    assert f"{name} is there, and no publication wrote it" in refused(capsys, path, url)
    infos = fs.get_file_info(pafs.FileSelector(root, recursive=True))
    assert {info.path.removeprefix(f"{root}/") for info in infos if info.is_file} == theirs.keys()
    fs.delete_file(f"{root}/{name}")
    assert main(["publish", path, "--to", url]) == 0
    left = {one: fs.open_input_stream(f"{root}/{one}").read() for one in theirs if one not in (name, "SHA256SUMS")}
    assert left == {one: data for one, data in theirs.items() if one in left}
    assert main(["publish", path, "--to", url]) == 0


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_a_card_that_somebody_edited_is_kept(
    capsys: pytest.CaptureFixture[str], s3: S3Server, tmp_path: Path, place: str
) -> None:
    path = export_corpus(tmp_path, ROWS)
    url = str(tmp_path / "there") if place == "folder" else s3.url(f"{tmp_path.name}")
    assert main(["publish", path, "--to", url]) == 0
    fs, root = open_filesystem(url)
    card = fs.open_input_stream(f"{root}/README.md").read()
    edited = card.replace(b"Known limits", b"KNOWN LIMITS")  # of the same size
    with fs.open_output_stream(f"{root}/README.md") as file:
        file.write(edited)
    export_corpus(tmp_path, ROWS[:8])
    assert "README.md was edited since it was published" in refused(capsys, path, url)
    assert fs.open_input_stream(f"{root}/README.md").read() == edited
    fs.delete_file(f"{root}/README.md")
    assert main(["publish", path, "--to", url]) == 0


def test_links_inside_lead_nowhere_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, there, other = export_corpus(tmp_path, ROWS), tmp_path / "there", tmp_path / "other"
    there.mkdir()
    other.mkdir()
    (there / "dataset").symlink_to(tmp_path / "out" / "made_corpus" / "dataset")
    assert "dataset is a link to another place" in refused(capsys, path, str(there))
    (there / "dataset").unlink()
    (tmp_path / "linked").symlink_to(there)  # the folder itself may be one
    assert main(["publish", path, "--to", str(tmp_path / "linked")]) == 0
    assert not contents(other) and (there / "README.md").is_file()


def test_the_list_of_checksums_stays_one(tmp_path: Path) -> None:
    path, there = export_corpus(tmp_path, ROWS, rows_a_file=4), tmp_path / "there"
    assert main(["publish", path, "--to", str(there)]) == 0
    checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=there, check=False)
    assert checked.returncode == 0
    lines = (there / "SHA256SUMS").read_text().splitlines()
    assert [line for line in lines if line.startswith("#")] == ["# written by voxsmith publish"]
    old = [line for line in lines if not line.startswith("#")]  # as versions before wrote it
    (there / "SHA256SUMS").write_text("\n".join(old) + "\n")
    before = os.stat(there / "README.md").st_mtime_ns
    assert main(["publish", path, "--to", str(there)]) == 0
    assert os.stat(there / "README.md").st_mtime_ns == before


def test_a_store_in_a_bucket_is_no_place(capsys: pytest.CaptureFixture[str], s3: S3Server, tmp_path: Path) -> None:
    export_corpus(tmp_path, ROWS)
    path = write_recipe(tmp_path, ["x"], name="made_corpus", store=s3.url("lab/store"))
    for to in ("lab", "lab/store", "lab/store/objects/x", ""):
        assert "the recipe's store; name another folder" in refused(capsys, path, s3.url(to))
