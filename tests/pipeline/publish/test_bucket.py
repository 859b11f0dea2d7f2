"""publish --to: an object store with bad minutes, and a folder."""

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from filelock import FileLock

from tests.helpers.made_corpus import export_corpus, row
from tests.helpers.recipes import start_cli
from tests.helpers.s3_server import S3Server
from tests.helpers.waiting import wait_for
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.publish.bucket import Bucket, address
from voxsmith.pipeline.store.store import open_filesystem

ROWS = [row(i) for i in range(12)]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


def said(capsys: pytest.CaptureFixture[str], path: str, url: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["publish", path, "--to", url]) == code
    printed = capsys.readouterr()
    return printed.out + printed.err


def objects(url: str) -> dict[str, bytes]:
    import pyarrow.fs as pafs

    fs, root = open_filesystem(url)
    infos = fs.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    names = [info.path for info in infos if info.is_file]
    return {name.removeprefix(root).strip("/"): fs.open_input_stream(name).read() for name in names}


def test_an_object_store_gets_what_it_lacks(s3: S3Server, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, url = export_corpus(tmp_path, ROWS, rows_a_file=2), s3.url("sets/one")
    s3.share = 0.2  # of the requests fail
    try:
        assert "10 files sent, 0 were there already" in said(capsys, path, url)
    finally:
        s3.share = 0.0
    keys = objects(url)
    (tmp_path / "there").mkdir()
    for name, data in keys.items():
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / name).write_bytes(data)
    checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "there", check=False)
    assert checked.returncode == 0 and len(keys) == 11
    assert "s3://bucket/sets/one/dataset/data-*-of-00006.parquet" in keys["README.md"].decode()

    before = s3.requests.get("PUT", 0)
    assert "0 files sent, 10 were there already" in said(capsys, path, url)
    assert s3.requests.get("PUT", 0) == before

    fs, root = open_filesystem(url)
    with fs.open_output_stream(f"{root}/dataset/data-00001-of-00006.parquet") as file:
        file.write(b"half")  # an upload that was cut
    with fs.open_output_stream(f"{root}/dataset/mine.txt") as file:
        file.write(b"somebody's own file")
    assert "1 files sent, 9 were there already" in said(capsys, path, url)
    export_corpus(tmp_path, ROWS[:10], rows_a_file=2)
    assert "6 old ones deleted" in said(capsys, path, url)
    assert len([name for name in objects(url) if name.startswith("dataset/")]) == 6


def test_a_kill_costs_one_file(s3: S3Server, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, url = export_corpus(tmp_path, ROWS, rows_a_file=1), s3.url("sets/two")
    s3.puts = s3.requests.get("PUT", 0) + 6
    try:
        process = start_cli("publish", path, "--to", url)
        wait_for(lambda: s3.requests.get("PUT", 0) > (s3.puts or 0), "the seventh upload", process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    finally:
        s3.puts = None
    arrived = len([name for name in objects(url) if name.endswith(".parquet")])
    assert 1 <= arrived < 13
    sent = int(said(capsys, path, url).partition(" files sent")[0].splitlines()[-1])
    assert 16 - arrived <= sent <= 16 - arrived + 1
    assert len(objects(url)) == 17


def test_a_folder_and_bad_addresses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS, rows_a_file=4)
    said(capsys, path, str(tmp_path / "there"))
    assert (tmp_path / "there/dataset/data-00002-of-00003.parquet").is_file()
    assert not list((tmp_path / "there").rglob("*.writing"))
    output = said(capsys, path, "s3://key:secret@bucket/x", code=2)
    assert "environment" in output and "secret" not in output
    assert address("s3://key:secret@bucket/x?region=here") == "s3://bucket/x"
    assert "--to nowhere://x" in said(capsys, path, "nowhere://x", code=2)


def test_a_split_without_rows(tmp_path: Path) -> None:
    """Of ten rows all may fall into one split: both forms load as if there were no other."""
    path = export_corpus(tmp_path, ROWS[:10], {"train": 0.9, "test": 0.1})
    for form in ("parquet", "arrow"):
        there = str(tmp_path / form)
        assert main(["publish", path, "--to", there, "--format", form]) == 0
        dataset = datasets.load_dataset(there, cache_dir=str(tmp_path / "cache"))
        assert {name: len(split) for name, split in dataset.items()} == {"train": 10}
    kept = datasets.load_from_disk(f"{there}/dataset")
    assert {name: len(split) for name, split in kept.items()} == {"train": 10, "test": 0}


def test_checksums_of_others_are_no_trouble(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, there = export_corpus(tmp_path, ROWS, rows_a_file=4), tmp_path / "there"
    there.mkdir()
    (there / "mine.txt").write_bytes(b"mine")
    mine = hashlib.sha256(b"mine").hexdigest()
    (there / "SHA256SUMS").write_bytes(
        f"{mine} *mine.txt\n\nSHA256 (a.iso) = {mine}\n{mine[:20]}".encode() + b"\n\xff\n"
    )
    assert "7 files sent" in said(capsys, path, str(there))
    assert "0 files sent, 7 were there already" in said(capsys, path, str(there))
    assert f"{mine}  mine.txt\n" in (there / "SHA256SUMS").read_text()


def test_old_files_that_a_kill_left_go_the_next_time(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    there = tmp_path / "there"
    said(capsys, export_corpus(tmp_path, ROWS, rows_a_file=4), str(there))
    path = export_corpus(tmp_path, ROWS[:8], rows_a_file=4)
    blocked = there / "dataset/data-00001-of-00003.parquet"
    blocked.unlink()
    blocked.mkdir()  # so the deletion ends in the middle, as a kill would end it
    (blocked / "x").touch()
    bucket = Bucket(str(there), lambda text: None)
    bucket.listing()
    old = [f"dataset/data-0000{number}-of-00003.parquet" for number in range(3)]
    with pytest.raises(RunFailed, match="deleting"):
        bucket.put([], old, "")
    shutil.rmtree(blocked)
    assert "1 old ones deleted" in said(capsys, path, str(there))
    assert not list(there.rglob("*-of-00003.parquet"))


def test_what_was_on_its_way_when_it_was_killed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Files that were announced are ours, and their checksums count for nothing; then another export is published."""
    there = tmp_path / "there"
    path = export_corpus(tmp_path, ROWS, rows_a_file=4)
    said(capsys, path, str(there))
    whole = objects(str(there))
    sums = there / "SHA256SUMS"
    names = [
        "README.md",
        "dataset/data-00000-of-00003.parquet",
        "dataset/data-00001-of-00009.parquet",
        "rejects/data-00001-of-00002.parquet",
    ]
    header, *lines = sums.read_text().splitlines()
    sums.write_text("\n".join([header, *(f"# on its way: {name}" for name in names), *lines]) + "\n")
    for name in names[:3]:  # new content, of the old size, before its line was written
        (there / name).write_bytes(b"x" * len(whole.get(name, b"new")))
    for name in (*names, "SHA256SUMS"):
        (there / f"{name}.writing").write_bytes(b"half")
    assert "2 files sent" in said(capsys, path, str(there))
    assert objects(str(there)) == whole


def test_one_at_a_time_and_damage_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = export_corpus(tmp_path, ROWS)
    with FileLock(tmp_path / "out/made_corpus/.publish/lock"):
        assert "another process" in said(capsys, path, str(tmp_path / "there"), code=1)
    file = next((tmp_path / "out/made_corpus/dataset").glob("*.arrow"))
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[: len(data) // 2])
    output = said(capsys, path, str(tmp_path / "there"), code=1)
    assert "the same command goes on" in output and not (tmp_path / "there/README.md").exists()
