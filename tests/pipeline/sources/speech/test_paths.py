"""Names of files in manifests: none leads out of the folder that the clips lie in, whatever it is."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.corpora import CLIPS, LONG_AGO, manifest, put, reasons, reference, rows
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.record.values import Unfit
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.watch import Watch


def corpus(folder: Path) -> Path:
    """clips/in/a.flac, and a secret beside clips."""
    put(CLIPS[0], folder / "clips" / "in" / "a.flac")
    put(CLIPS[1], folder / "secret.flac")
    return folder / "clips"


def reason(folder: Path, *paths: str) -> list[str | None]:
    file = manifest(folder / "list.jsonl", [{"path": path, "text": "x"} for path in ("in/a.flac", *paths)])
    return reasons(rows("manifest", file))[1:]


def test_paths_that_lead_out(tmp_path: Path) -> None:
    clips = corpus(tmp_path)
    (clips / "link.flac").symlink_to(tmp_path / "secret.flac")
    (clips / "out").symlink_to(tmp_path)
    (clips / "inside.flac").symlink_to(clips / "in" / "a.flac")
    (clips / "round.flac").symlink_to("round.flac")
    (clips / "gone.flac").symlink_to("nowhere.flac")
    outside = ["../secret.flac", "in/../../secret.flac", "/etc/passwd", str(tmp_path / "secret.flac"), "link.flac"]
    outside += ["out/secret.flac", "s3://bucket/a.flac", "file:///etc/passwd", f"{clips}/../secret.flac", "/", ".."]
    assert reason(clips, *outside) == ["outside_root"] * len(outside)
    inside = ["./in/a.flac", "in//a.flac", "in/../in/a.flac", str(clips / "in" / "a.flac"), "inside.flac"]
    assert reason(clips, *inside) == [None] * len(inside)
    assert reason(clips, "round.flac", "gone.flac", "in", "in/a.flac/b", "") == [
        "missing_clip" if name != "round.flac" else "bad_name" for name in ("round.flac", "", "", "", "")
    ]  # fmt: skip


def test_a_root_that_is_a_link_is_fine(tmp_path: Path) -> None:
    clips = corpus(tmp_path)
    (tmp_path / "link").symlink_to(clips)
    file = manifest(clips / "list.jsonl", [{"path": str(clips / "in" / "a.flac"), "text": "x"}])
    row = rows("manifest", tmp_path / "link" / file.name)[0]
    assert row["reject"] is None and reference(row).path == "in/a.flac"


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    clips = corpus(tmp_path)
    assert reason(clips, "a\0b.flac", "x" * 5000, "ok/" * 3000, "\udc80.flac") == [
        "bad_text", "bad_name", "bad_name", "bad_text",
    ]  # fmt: skip


def test_names_with_spaces_and_of_other_scripts(tmp_path: Path) -> None:
    names = ["a b.flac", "ä.flac", "音.flac", "a%20b.flac", "a\\b.flac", "a?b#c.flac", "'\"|;$(x).flac", " .flac"]
    for name in names:
        put(CLIPS[0], tmp_path / name)
    some = rows("manifest", manifest(tmp_path / "m.jsonl", [{"path": name, "text": "x"} for name in names]))
    assert reasons(some[:-1]) == [None] * 7 and [reference(row).path for row in some[:-1]] == names[:-1]


def test_names_that_are_not_utf8_are_rejects(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(name)
    put(CLIPS[0], tmp_path / "a" / "1-2-3.flac")
    (tmp_path / "a" / "1-2.trans.txt").write_text("1-2-3 X\n")
    Path(os.fsdecode(name), "4-5.trans.txt").write_text("4-5-6 X\n")
    put(CLIPS[0], Path(os.fsdecode(name), "4-5-6.flac"))
    some = rows("librispeech", tmp_path)
    assert reasons(some) == [None, "bad_name"]


NAMES = st.lists(st.sampled_from(["..", ".", "in", "a.flac", "out", "link", "", "/", "\\", "s3:", "~"]), max_size=6)


@settings(max_examples=300, deadline=None)
@given(NAMES.map("/".join), st.booleans())
def test_no_path_leads_out(path: str, absolute: bool) -> None:
    """Whatever is located lies in the folder, as the system itself resolves it."""
    with tempfile.TemporaryDirectory() as place:
        clips = Path(place, "clips")
        (clips / "in").mkdir(parents=True)
        for file in (clips / "in" / "a.flac", Path(place, "a.flac")):
            file.touch()
        (clips / "out").symlink_to(place)
        (clips / "link").symlink_to("in")
        try:
            file = Folder(str(clips), Watch()).locate(f"{clips}/{path}" if absolute else path)
        except Unfit as unfit:
            assert unfit.reason in ("outside_root", "missing_clip", "bad_name")
        else:
            real = os.path.realpath(clips / file.path)
            assert os.path.isfile(real) and real.startswith(os.path.realpath(clips) + "/")
            assert ".." not in file.path.split("/") and not file.path.startswith("/")


def test_offsets_and_durations_that_are_none(tmp_path: Path) -> None:
    put(CLIPS[0], tmp_path / "a.flac")
    wrong = [{"offset": -1}, {"offset": "1"}, {"duration": 0}, {"duration": True}, {"channel": -1}, {"offset": 1e999}]
    records = [{"path": "a.flac", "text": "x", **one} for one in wrong]
    good = {"path": "a.flac", "text": "x", "offset": 0, "duration": 2, "channel": 1}
    some = rows("manifest", manifest(tmp_path / "m.jsonl", [good, *records, "{", "[]", '{"text": "no path"}']))
    assert reasons(some) == [None, *["bad_segment"] * 6, "bad_line", "bad_line", "missing_field"]
    assert reference(some[0]).channel == 1


def test_the_place_is_what_names_a_clip_without_an_id(tmp_path: Path) -> None:
    file = manifest(tmp_path / "m.jsonl", [{"path": "a.flac", "text": "x"}])
    put(CLIPS[0], tmp_path / "a.flac")
    first = rows("manifest", file)[0]
    os.utime(tmp_path / "a.flac", (LONG_AGO + 1, LONG_AGO + 1))
    second = rows("manifest", file)[0]
    assert first["id"] != second["id"]
    assert reference(second).time_ns == (LONG_AGO + 1) * 10**9


@pytest.mark.parametrize("count", [1, 3])
def test_a_folder_without_any_of_the_clips_is_no_verdict_on_them(tmp_path: Path, count: int) -> None:
    file = manifest(tmp_path / "m.jsonl", [{"path": f"{n}.flac", "text": "x"} for n in range(count)])
    with pytest.raises(RecipeError, match=rf"none of the {count} clips .* line 1: there is no file '0.flac'"):
        rows("manifest", file)


def test_a_disk_that_fails_is_no_verdict_on_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(CLIPS[0], tmp_path / "a.flac")
    file = manifest(tmp_path / "m.jsonl", [{"path": "a.flac", "text": "x"}])
    plain = os.lstat

    def failing(path: str, **settings: Any) -> os.stat_result:
        if str(path).endswith("a.flac"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return plain(path, **settings)

    monkeypatch.setattr(os, "lstat", failing)
    with pytest.raises(RunFailed, match=r"a.flac: Input/output error; the same command tries again"):
        rows("manifest", file)
