"""Tars that break off, go on, or have two members of one name: what is whole is listed, what isn't is said, and who reads
the clips says the same.
"""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.corpora import ASR, CLIPS, reasons, reference, rows
from tests.helpers.paths import DATA
from voxsmith.models.tar_members import BrokenTar, members
from voxsmith.pipeline.errors import RecipeError
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.recordings.archives import tar_index
from voxsmith.stages.engines.recordings.files import LocalFile
from voxsmith.stages.engines.recordings.places import Place

SHAR = DATA / "lhotse" / "shar"


def tar_of(*parts: tuple[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as tar:
        for name, data in parts:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def samples(*names: str) -> list[tuple[str, bytes]]:
    return [part for name in names for part in ((f"{name}.flac", bytes(2000)), (f"{name}.txt", name.encode()))]


def listed(folder: Path, *tars: bytes, **settings: Any) -> list[dict[str, Any]]:
    for number, data in enumerate(tars):
        (folder / f"t-{number}.tar").write_bytes(data)
    return rows("webdataset", folder / f"t-{{0..{len(tars) - 1}}}.tar", **settings)


def indexed(file: Path) -> set[str] | str:
    """The members that the reader of clips finds, or why it reads none."""
    opened = LocalFile(Place(str(file), str(file.parent)))
    try:
        return set(tar_index(opened).spans)
    except Refused as refused:
        return refused.reason
    finally:
        opened.close()


def test_two_samples_of_one_key_are_two_rows(tmp_path: Path) -> None:
    """The reader finds a member by its name, the first of two: the second row would get the first's clip."""
    one, two = ((ASR / clip["path"]).read_bytes() for clip in CLIPS[:2])
    neighbours = tar_of(
        ("a.flac", one), ("a.json", b'{"text": "1", "n": 1}'), ("a.flac", two), ("a.json", b'{"text": "2", "n": 2}')
    )
    apart = tar_of(("a.flac", one), ("a.txt", b"1"), *samples("b"), ("a.flac", two), ("a.txt", b"2"))
    some = listed(tmp_path, neighbours, apart)
    assert reasons(some) == [None, "repeated_id", None, None, "repeated_id"]
    assert [row["source_transcript"] for row in some if row["reject"] is None] == ["1", "1", "b"]
    assert "comes before it in the tar" in some[1]["reject"][1]
    named = rows("webdataset", tmp_path / "t-0.tar", columns={"id": "n"})
    assert reasons(named) == [None, "repeated_id"], "also where the recipe names the rows"


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        (3584 + 100, ["a"]),  # within the header of b.flac
        (3584 + 512 + 700, ["a"]),  # within b.flac
        (3584 + 512 + 2048 + 100, ["a"]),  # within the header of b.txt: b may have had a text
        (3584 + 512 + 2048 + 512, ["a"]),  # before what b.txt holds
        (7168 + 100, ["a", "b"]),  # within the header of c.flac
    ],
)
def test_of_a_tar_that_breaks_off_what_is_whole_is_listed(tmp_path: Path, cut: int, kept: list[str]) -> None:
    whole = tar_of(*samples("a", "b", "c"), format=tarfile.USTAR_FORMAT)
    assert whole[3584:3590] == b"b.flac" and whole[7168:7174] == b"c.flac"
    some = listed(tmp_path, whole[:cut], tar_of(*samples("d")))
    assert [row["source_transcript"] for row in some if row["reject"] is None] == [*kept, "d"]
    (wrong,) = [row for row in some if row["reject"]]
    assert wrong["reject"][0] == "bad_archive" and f"its first {len(kept)} samples are listed" in wrong["reject"][1]
    assert "fetch it again" in wrong["reject"][1] and wrong["place"] == str(tmp_path / "t-0.tar")
    there = indexed(tmp_path / "t-0.tar")
    assert {reference(row).member for row in some[: len(kept)]} <= set(there)
    opened = LocalFile(Place(str(tmp_path / "t-0.tar"), str(tmp_path)))
    with pytest.raises(Refused, match=r"cut_audio: c\.flac is not in the part of the archive that can be read"):
        tar_index(opened)["c.flac"]
    opened.close()


def test_a_tar_that_is_none_does_not_end_its_source(tmp_path: Path) -> None:
    good = tar_of(*samples("a"))
    some = listed(tmp_path, b"x" * 2000, good, gzip.compress(good), b"")
    assert reasons(some) == ["bad_archive", None, "bad_archive", "bad_archive"]
    assert "unpack it (gunzip, zstd -d)" in some[2]["reject"][1]
    for number in (0, 2, 3):
        assert indexed(tmp_path / f"t-{number}.tar") == "bad_archive"
        with pytest.raises(RecipeError, match=rf"^sources.speech: .*/t-{number}.tar: is"):
            rows("webdataset", tmp_path / f"t-{number}.tar")


def test_several_tars_in_one_are_said(tmp_path: Path) -> None:
    some = listed(tmp_path, tar_of(*samples("a")) + tar_of(*samples("b")))
    assert reasons(some) == [None, "bad_archive"]
    assert "ends at byte 3584, and goes on at byte 10240" in some[1]["reject"][1]
    assert indexed(tmp_path / "t-0.tar") == {"a.flac", "a.txt"}


@pytest.mark.parametrize("name", ["../a.flac", "/etc/a.flac", "x/../../a.flac", "a\udcff.flac"])
def test_names_of_members_that_lead_out(tmp_path: Path, name: str) -> None:
    some = listed(tmp_path, tar_of((name, b"x"), (name.replace("flac", "txt"), b"x"), *samples("b")))
    assert [why for why in reasons(some) if why] == ["bad_name" if "a\udcff" in name else "outside_root"]
    assert reasons(some)[-1] is None


GOOD = tar_of(*samples("a", "b"), ("c" * 200 + ".flac", b"x"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD)), st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_whatever_is_in_a_tar_it_is_walked_or_broken(cut: int, changes: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for place, byte in changes:
        data[place] = byte
    stream = io.BytesIO(bytes(data[:cut]))
    try:
        for member in members(stream):
            assert 0 <= member.start <= member.start + member.size <= cut
    except BrokenTar as broken:
        assert len(str(broken).splitlines()) == 1


def test_headers_without_end_are_broken() -> None:
    header = tar_of(("a" * 200, b""))[:1024]  # an extended header, and nothing that it goes with
    with pytest.raises(BrokenTar):
        list(members(io.BytesIO(header * 3000)))


# -- Shar -------------------------------------------------------------------------------------------------------------


def shar(folder: Path, cuts: list[dict[str, Any]], tar: bytes, number: int = 0) -> None:
    lines = "".join(f"{json.dumps(one)}\n" for one in cuts)
    (folder / f"cuts.{number:06}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / f"recording.{number:06}.tar").write_bytes(tar)


def cut(name: str) -> dict[str, Any]:
    said = {"id": f"{name}-said", "start": 0, "duration": 1.0, "channel": 0, "text": name}
    recording = {"sources": [{"type": "shar", "channels": [0]}], "sampling_rate": 8000, "num_samples": 8000}
    return {"id": name, "start": 0, "duration": 1.0, "channel": 0, "supervisions": [said], "recording": recording}


def clips(*names: str) -> bytes:
    return tar_of(
        *((f"{name}{end}", bytes(900)) for name in names for end in (".flac", ".json")), format=tarfile.USTAR_FORMAT
    )


def test_a_shar_of_which_cuts_and_clips_do_not_go_together(tmp_path: Path) -> None:
    """Each cut and each clip is a row or a reject, and other shards are read."""
    shar(tmp_path, [cut("a"), cut("b")], clips("a", "b", "c", "d"))
    shar(tmp_path, [cut("e"), cut("f"), cut("g")], clips("e"), 1)
    shar(tmp_path, [cut("h"), cut("i"), cut("j")], clips("h", "x", "j"), 2)
    shar(tmp_path, [cut("k"), cut("l"), cut("m")], clips("k", "l", "m")[: 2 * 1536 + 700], 3)
    some = rows("shar", tmp_path)
    assert [row["source_transcript"] for row in some if row["reject"] is None] == ["a", "b", "e", "h", "k"]
    assert reasons(some) == [
        None, None, "bad_archive", "bad_archive",
        None, "bad_archive", "bad_archive",
        None, "bad_archive", "bad_archive",
        None, "bad_archive", "bad_archive",
    ]  # fmt: skip
    said = [row["reject"][1] for row in some if row["reject"]]
    assert "has no cut for 'c.flac'; write both again" in said[0] and "'d.flac'" in said[1]
    assert "recording.000001.tar has fewer clips than its cuts are; write both again" in said[2]
    assert "has 'x.flac' where its cuts have 'i'; write both again" in said[4]
    assert "within 'l.flac'; fetch it again" in said[6]
