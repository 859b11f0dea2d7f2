"""Ranges of long recordings, members of tars and cells of tables: what is read is the clip, once, and little besides."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.helpers.broken_clips import CLIP, RATE, SAMPLES, encoded
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.recordings import files
from voxsmith.stages.engines.recordings.reader import Config, Reader
from voxsmith.stages.requests.clip import ReadClip


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    engine = Reader(Config(roots={"here": str(tmp_path)}))
    yield engine
    engine.close()


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many bytes were read of files since the last call."""
    counts: list[int] = []
    read_at = files.LocalFile.read_at

    def counting(self: Any, start: int, count: int) -> bytes:
        data = read_at(self, start, count)
        counts.append(len(data))
        return data

    monkeypatch.setattr(files.LocalFile, "read_at", counting)

    def since() -> int:
        total = sum(counts)
        counts.clear()
        return total

    return since


def read(reader: Reader, path: str, **reference: Any) -> np.ndarray:
    request = ReadClip(ClipReference(path, **reference).text, "here")
    samples, rate = soundfile.read(io.BytesIO(reader.submit(request).result(60).flac), dtype="float32")
    assert rate == RATE
    return samples


def refused(reader: Reader, path: str, **reference: Any) -> Refused:
    with pytest.raises(Refused) as why:
        read(reader, path, **reference)
    return why.value


LONG = np.concatenate([SAMPLES * gain for gain in np.linspace(0.3, 1, 40)])  # three minutes, no two parts alike


@pytest.mark.parametrize(("kind", "off"), [("WAV", 7e-5), ("FLAC", 7e-5), ("OGG", 0.2), ("MP3", 0.2)])
def test_a_range_is_read_without_the_rest(
    kind: str, off: float, reader: Reader, tmp_path: Path, bytes_read: Callable[[], int]
) -> None:
    name = f"long.{kind.lower()}"
    (tmp_path / name).write_bytes(encoded(LONG, format=kind))
    size = (tmp_path / name).stat().st_size
    for offset in (170.0, 171.5, 3.25):
        samples, there = read(reader, name, offset=offset, duration=1.5), LONG[round(offset * RATE) :][: len(SAMPLES)]
        assert len(samples) == 1.5 * RATE
        assert np.abs(samples - there[: len(samples)]).max() < off
        assert np.corrcoef(samples, there[: len(samples)])[0, 1] > 0.98
    # MP3 has no table of places: its frames are walked through once, for all ranges.
    assert bytes_read() < (1.2 * size if kind == "MP3" else 0.5 * size)
    last = read(reader, name, offset=175)
    assert len(last) / RATE == pytest.approx(len(LONG) / RATE - 175, abs=0.15)


def test_ranges_that_the_recording_does_not_have(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(CLIP.read_bytes())
    assert refused(reader, "a.flac", offset=4.0, duration=2).message == (
        f"{tmp_path}/a.flac: the source says 4.00 s to 6.00 s, the recording has 4.47 s"
    )
    assert refused(reader, "a.flac", offset=5.0).reason == "wrong_length"
    assert len(read(reader, "a.flac", offset=4.0, duration=0.5)) == 0.475 * RATE  # rounded in the list


def tar(folder: Path, members: dict[str, bytes], name: str = "a.tar", mode: str = "w") -> Path:
    with tarfile.open(folder / name, mode) as archive:
        for member, data in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return folder / name


def test_members_of_a_tar(reader: Reader, tmp_path: Path, bytes_read: Callable[[], int]) -> None:
    parts = [SAMPLES[n * 8000 :][:16000] for n in range(7)]
    members = {f"clips/{n:03}.flac": encoded(part, format="FLAC") for n, part in enumerate(parts)}
    size = tar(tmp_path, {**members, "clips/big.wav": encoded(LONG)}).stat().st_size
    for n in (3, 0, 6, 3):
        assert np.abs(read(reader, "a.tar", member=f"clips/{n:03}.flac") - parts[n]).max() < 7e-5
    ranged = read(reader, "a.tar", member="clips/big.wav", offset=100, duration=2)
    assert np.abs(ranged - LONG[100 * RATE :][: 2 * RATE]).max() < 7e-5
    assert bytes_read() < size / 5
    assert reader.usage["clips_read"] == 5


def test_tars_that_hold_no_such_clip(reader: Reader, tmp_path: Path) -> None:
    whole = tar(tmp_path, {"a.flac": CLIP.read_bytes(), "b.wav": encoded(SAMPLES)}).read_bytes()
    assert refused(reader, "a.tar", member="c.flac").reason == "missing_file"
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) * 2 // 3])
    assert np.abs(read(reader, "cut.tar", member="a.flac") - SAMPLES).max() < 7e-5
    assert refused(reader, "cut.tar", member="b.wav").reason in ("cut_audio", "missing_file")
    tar(tmp_path, {"a.flac": CLIP.read_bytes()}, "packed.tar", "w:gz")
    assert refused(reader, "packed.tar", member="a.flac").message.endswith("unpack it (gunzip, zstd -d)")
    (tmp_path / "no.tar").write_bytes(b"no tar" * 1000)
    assert refused(reader, "no.tar", member="a.flac").reason == "bad_archive"
    assert refused(reader, "gone.tar", member="a.flac").reason == "missing_file"


def table() -> pa.Table:
    clips = [encoded(SAMPLES[n * 4000 :][:8000], format="FLAC") for n in range(12)]
    structs = [{"bytes": clip, "path": f"{n}.flac"} for n, clip in enumerate(clips)]
    structs[5] = {"bytes": None, "path": "elsewhere.flac"}
    return pa.table({"audio": structs, "raw": clips, "text": ["said"] * 12})


def write(folder: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pq.write_table(table(), folder / name, row_group_size=4)
        return
    form = pa.ipc.new_stream if name == "stream.arrow" else pa.ipc.new_file
    with form(folder / name, table().schema) as writer:
        writer.write_table(table(), max_chunksize=5)


@pytest.mark.parametrize("name", ["a.parquet", "stream.arrow", "file.arrow"])
def test_cells_of_a_table(name: str, reader: Reader, tmp_path: Path) -> None:
    write(tmp_path, name)
    for row in (0, 1, 7, 11):
        for column in ("audio", "raw"):
            samples = read(reader, name, member=f"{column}:{row}")
            assert np.abs(samples - SAMPLES[row * 4000 :][:8000]).max() < 7e-5
    for member, reason in {
        "audio:5": "missing_file",
        "audio:12": "missing_file",
        "voice:0": "missing_file",
        "text:0": "missing_file",
        "audio": "bad_reference",
    }.items():
        assert refused(reader, name, member=member).reason == reason


def test_neighbours_in_a_row_group_are_read_together(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.parquet")
    groups: list[int] = []
    read_group = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_group",
        lambda self, group, **more: groups.append(group) or read_group(self, group, **more),
    )
    for row in (0, 1, 2, 3, 4, 6, 8, 9):
        read(reader, "a.parquet", member=f"audio:{row}")
    assert groups == [0, 1, 2]


def test_a_table_that_is_broken(reader: Reader, tmp_path: Path) -> None:
    write(tmp_path, "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "no.arrow").write_bytes(b"no table" * 100)
    for name in ("cut.parquet", "no.arrow"):
        assert refused(reader, name, member="audio:0").reason == "bad_archive"


@pytest.mark.parametrize("reference", [{"path": "a.wav", "offset": 1.0}, {"path": "a.tar", "member": "a.wav"}])
def test_a_disk_that_fails_in_the_middle_is_no_verdict(
    reference: dict[str, Any], reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that reads through a callback takes it for the end of the file."""
    (tmp_path / "a.wav").write_bytes(encoded(LONG))
    tar(tmp_path, {"a.wav": encoded(LONG)})
    pread = files.os.pread

    def failing(handle: int, count: int, start: int) -> bytes:
        if start > 10_000:
            raise OSError(5, "Input/output error")
        return pread(handle, count, start)

    monkeypatch.setattr(files.os, "pread", failing)
    with pytest.raises(Unavailable, match="can't be read now: Input/output error"):
        read(reader, **reference)


def test_a_file_that_was_replaced_is_opened_anew(reader: Reader, tmp_path: Path) -> None:
    for samples in (LONG, LONG[::-1]):
        fresh = tmp_path / "fresh"
        fresh.write_bytes(encoded(samples))
        fresh.replace(tmp_path / "a.wav")
        assert np.abs(read(reader, "a.wav", offset=1, duration=1) - samples[RATE : 2 * RATE]).max() < 7e-5


def test_few_files_stay_open(reader: Reader, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for n in range(60):
        (tmp_path / f"{n}.wav").write_bytes(encoded(SAMPLES[:8000]))
        read(reader, f"{n}.wav", offset=0.1, duration=0.2)
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 45
    reader.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
