"""Clips inside of other files: Lhotse's cuts and Shar, WebDataset's tars, datasets with an Audio column, DailyTalk."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.helpers.corpora import ASR, CLIPS, age, of_corpus, reasons, reference, rows
from tests.helpers.paths import DATA
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources import read_source
from voxsmith.pipeline.sources.dataset.tables import CLIP, table_rows
from voxsmith.pipeline.sources.speech import webdataset
from voxsmith.schemas.source import Source

LHOTSE = DATA / "lhotse"  # written by lhotse 1.33


def places(some: list[dict[str, Any]]) -> list[tuple[str, float, float | None]]:
    return [(one.path, one.offset, one.duration) for one in map(reference, some)]


# -- Lhotse -----------------------------------------------------------------------------------------------------------


def test_lhotses_cuts() -> None:
    """Seconds are those that lhotse's trim_to_supervisions gave for these cuts."""
    some = rows("lhotse", LHOTSE / "cuts.jsonl.gz", clips=str(ASR))
    good = [row for row in some if row["reject"] is None]
    assert [row["id"] for row in good] == [
        "speech-ls-19-198-0000.0", "speech-ls-3005-163389-0004.0", "speech-lv-0880.0", "speech-two-a.0", "speech-two-b.0",
    ]  # fmt: skip
    assert places(good) == [
        ("audio/ls-19-198-0000.flac", 0.0, 1.965),
        ("audio/ls-3005-163389-0004.flac", 0.0, 2.47),
        ("audio/lv-0880.flac", 0.0, 2.99),
        ("audio/ls-3005-163389-0004.flac", 0.5, 0.5),
        ("audio/ls-3005-163389-0004.flac", 1.25, 1.0),
    ]
    assert [(row["source_transcript"], row["speaker"], row["language"]) for row in good[2:4]] == [
        ("he was not an ill disposed young man", "lv-austen", "en"), ("one", "a", None),
    ]  # fmt: skip
    assert reasons([row for row in some if row["reject"]]) == ["bad_segment", "bad_cut", "bad_cut", "empty_transcript"]


def cut(**changes: Any) -> dict[str, Any]:
    recording = {"id": "r", "sources": [{"type": "file", "channels": [0, 1], "source": "audio/lv-0880.flac"}],
                 "sampling_rate": 16000, "num_samples": 47840, "duration": 2.99}  # fmt: skip
    said = {"id": "s", "recording_id": "r", "start": 0.5, "duration": 1.0, "channel": 1, "text": "he was"}
    return {"id": "c", "start": 1.0, "duration": 1.9, "channel": 1, "supervisions": [said], "recording": recording,
            "type": "MonoCut"} | changes  # fmt: skip


def written(file: Path, records: list[Any]) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def test_a_cut_of_one_channel(tmp_path: Path) -> None:
    (row,) = rows("lhotse", written(tmp_path / "c.jsonl", [cut()]), clips=str(ASR))
    assert reference(row).channel == 1 and places([row]) == [("audio/lv-0880.flac", 1.5, 1.0)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recording": {"sources": [{"type": "command", "channels": [0], "source": "rm -r /"}]}}, "bad_cut"),
        ({"recording": {"sources": [{"type": "file", "channels": [0], "source": "/etc/passwd"}]}}, "outside_root"),
        ({"recording": {"sources": [{"type": "file", "channels": [0], "source": "gone.wav"}]}}, "missing_clip"),
        ({"recording": None}, "missing_clip"),
        ({"recording": {"sources": 3}}, "bad_cut"),
        ({"supervisions": {"a": 1}}, "bad_cut"),
        ({"supervisions": [{"start": "0", "duration": 1}]}, "bad_segment"),
        ({"duration": 1.2}, "bad_segment"),
        ({"start": None}, "bad_segment"),
        ({"id": ["x"]}, "missing_field"),
    ],
)
def test_cuts_that_are_no_rows(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    good = cut(id="good")
    some = rows("lhotse", written(tmp_path / "c.jsonl", [good, cut(**changes), "x"]), clips=str(ASR))
    assert reasons(some) == [None, reason, "bad_line"]


def test_lhotses_shar() -> None:
    """Lengths are those of the clips that lhotse reads from these tars."""
    some = rows("shar", LHOTSE / "shar")
    assert reasons(some) == [None] * 4
    assert [(reference(row).member, *place) for row, place in zip(some, places(some), strict=True)] == [
        ("ls-19-198-0000.flac", "recording.000000.tar", 0.0, 1.965),
        ("ls-3005-163389-0004.flac", "recording.000000.tar", 0.0, 2.47),
        ("two.flac", "recording.000001.tar", 0.0, 0.5),
        ("two.flac", "recording.000001.tar", 0.75, 1.0),
    ]
    for row, samples, rate in zip(some, (15720, 19760, 28000, 28000), (8000, 8000, 16000, 16000), strict=True):
        place = reference(row)
        with tarfile.open(LHOTSE / "shar" / place.path) as tar:
            clip = soundfile.info(io.BytesIO(tar.extractfile(place.member).read()))  # type: ignore[union-attr]
        assert (clip.frames, clip.samplerate) == (samples, rate)
        assert place.size == (LHOTSE / "shar" / place.path).stat().st_size


def test_a_shar_whose_tar_is_of_other_cuts(tmp_path: Path) -> None:
    shar = LHOTSE / "shar"
    (tmp_path / "cuts.000000.jsonl.gz").write_bytes((shar / "cuts.000000.jsonl.gz").read_bytes())
    (tmp_path / "recording.000000.tar").write_bytes((shar / "recording.000001.tar").read_bytes())
    with pytest.raises(RecipeError, match=r"has 'two.flac' where its cuts have 'ls-19-198-0000'; write both again"):
        rows("shar", tmp_path)
    with pytest.raises(RecipeError, match=r"there is no cuts.000000.jsonl.gz in"):
        rows("shar", ASR)


# -- WebDataset -------------------------------------------------------------------------------------------------------


def tar_of(file: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file


def test_tars_of_webdataset(tmp_path: Path) -> None:
    one, two = (ASR / clip["path"] for clip in CLIPS[:2])
    record = json.dumps({"text": "in json", "speaker": 7, "language": "fr", "n": 3}).encode()
    long = "a" * 300  # a name that takes a header of its own
    tar_of(tmp_path / "a-000.tar", {
        "./x/0.flac": one.read_bytes(), "./x/0.json": record,
        "x/1.txt": b"in text\n", "x/1.WAV": two.read_bytes(),
        f"{long}.mp3": b"mp3", f"{long}.txt": b"long",
        "x/2.json": record, "x/2.jpg": b"no clip",
        "x/3.flac": b"clip", "x/3.json": b"{", "x/4.flac": b"clip", "x/5.flac": b"", "x/5.txt": b"\xff\xfe",
        "._x/6.flac": b"", ".DS_Store": b"",
    })  # fmt: skip
    tar_of(tmp_path / "a-001.tar", {"x/0.txt": b"again", "x/0.flac": two.read_bytes()})
    some = rows("webdataset", tmp_path / "a-*.tar")
    assert reasons(some) == [
        None, None, None, "missing_clip", "bad_line", "empty_transcript", "bad_text", "empty_transcript", None,
    ]  # fmt: skip
    good = [row for row in some if row["reject"] is None]
    assert [(reference(row).path, reference(row).member) for row in good] == [
        ("a-000.tar", "x/0.flac"), ("a-000.tar", "x/1.WAV"), ("a-000.tar", f"{long}.mp3"), ("a-001.tar", "x/0.flac"),
    ]  # fmt: skip
    assert [row["source_transcript"] for row in good] == ["in json", "in text", "long", "again"]
    assert (good[0]["speaker"], good[0]["language"]) == ("7", "fr")
    assert [row["id"] for row in good][::3] == ["speech-a-000/x/0.0", "speech-a-001/x/0.0"]
    named = rows("webdataset", tmp_path / "a-000.tar", columns={"id": "n", "source_transcript": "language"})
    assert (named[0]["id"], named[0]["source_transcript"]) == ("speech-3.0", "fr")


def test_tars_that_can_not_be_listed(tmp_path: Path) -> None:
    good = tar_of(tmp_path / "good.tar", {f"{n}.{end}": bytes(4000) for n in range(9) for end in ("flac", "txt")})
    data = good.read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(good, "x.flac")
    for bad, why in (
        (data[:5000], "is no tar, or is cut"),
        (b"x" * 2000, "is no tar"),
        (packed.getvalue(), "is packed"),
    ):
        (tmp_path / "bad.tar").write_bytes(bad)
        with pytest.raises(RecipeError, match=why):
            rows("webdataset", tmp_path / "bad.tar")


def test_no_clip_in_a_tar_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = b"\0" * 1_000_000
    tar_of(
        tmp_path / "a.tar",
        {f"{n}.{end}": clip if end == "flac" else b"text" for n in range(20) for end in ("flac", "txt")},
    )
    read = 0

    class Counted(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal read
            data = super().read(size)
            read += len(data)
            return data

    monkeypatch.setattr(webdataset, "opened", Counted)
    assert reasons(rows("webdataset", tmp_path / "a.tar")) == [None] * 20
    assert read < 100_000  # of 20 million: headers and texts


# -- datasets ---------------------------------------------------------------------------------------------------------


def audio_dataset() -> datasets.Dataset:
    some = of_corpus("ls-")[:5]
    columns = {
        "audio": [{"bytes": (ASR / clip["path"]).read_bytes(), "path": None} for clip in some],
        "text": [clip["text"] for clip in some],
        "speaker_id": [int(clip["speaker"].removeprefix("ls-")) for clip in some],
        "id": [clip["id"] for clip in some],
    }
    kinds = {"text": datasets.Value("string"), "speaker_id": datasets.Value("int64"), "id": datasets.Value("string")}
    return datasets.Dataset.from_dict(columns, datasets.Features({"audio": datasets.Audio(16000), **kinds}))


def source(folder: Path, **settings: Any) -> Source:
    return Source.model_validate(
        {"dataset": str(folder), "layout": "audio_dataset", "licence": "CC BY 4.0", **settings}
    )


def test_a_folder_of_parquet(tmp_path: Path) -> None:
    made, folder = audio_dataset(), tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    for number in range(2):
        made.shard(2, number, contiguous=True).to_parquet(folder / "data" / f"train-{number:05}-of-00002.parquet")
    some = [row for shard in read_source("speech", source(folder)) for row in shard]
    assert reasons(some) == [None] * 5 and len({reference(row).path for row in some}) == 2
    for row, clip in zip(some, of_corpus("ls-"), strict=False):
        assert row["id"] == f"speech-{clip['id']}.0" and row["source_transcript"] == clip["text"]
        assert f"ls-{row['speaker']}" == clip["speaker"]
        place = reference(row)
        file, (column, number) = folder / place.path, place.member.rsplit(":", 1)
        assert (place.size, place.time_ns) == (file.stat().st_size, file.stat().st_mtime_ns)
        cell = pq.read_table(file)[column][int(number)].as_py()
        assert cell["bytes"] == (ASR / clip["path"]).read_bytes()


@pytest.mark.parametrize("splits", [False, True])
def test_a_folder_of_arrow(tmp_path: Path, splits: bool) -> None:
    made, folder = audio_dataset(), tmp_path / "set"
    if splits:
        made_dict = datasets.DatasetDict({"train": made, "test": made.select([0])})
        made_dict.save_to_disk(folder, num_shards={"train": 2, "test": 1})
    else:
        made.save_to_disk(folder, num_shards=2)
    some = list(table_rows("here", source(folder)))
    assert [(row["text"], row["id"]) for row in some] == [(clip["text"], clip["id"]) for clip in of_corpus("ls-")[:5]]
    assert "audio" not in some[0]
    for row, clip in zip(some, of_corpus("ls-"), strict=False):
        column, number = row[CLIP]["member"].rsplit(":", 1)
        table = datasets.Dataset.from_file(row[CLIP]["path"]).data
        assert table[column][int(number)].as_py()["bytes"] == (ASR / clip["path"]).read_bytes()
    if splits:
        with pytest.raises(RecipeError, match="no split 'dev'"):
            list(table_rows("here", source(folder, split="dev")))


def test_datasets_without_one_column_of_clips(tmp_path: Path) -> None:
    def message(**settings: Any) -> str:
        with pytest.raises(RecipeError) as caught:
            list(table_rows("here", source(tmp_path, **settings)))
        return str(caught.value)

    datasets.Dataset.from_dict({"text": ["a"]}).to_parquet(tmp_path / "x.parquet")
    assert "x.parquet has no column of clips (bytes and path), but text" in message()
    clip = {"bytes": b"x", "path": None}
    pq.write_table(pa.table({"a": [clip], "b": [clip], "text": ["t"]}), tmp_path / "x.parquet")
    assert "has 2 columns of clips (a, b); name one" in message()
    assert "has no column 'c' of clips" in message(columns={"clip": "c"})
    assert "has no field 'words'" in message(columns={"clip": "a", "source_transcript": "words"})
    (row,) = table_rows("here", source(tmp_path, columns={"clip": "b"}))
    assert row[CLIP]["member"] == "b:0" and row["text"] == "t"
    assert "no split 'dev'" in message(split="dev")
    (tmp_path / "x.parquet").rename(tmp_path / "x.csv")
    assert "x.csv is neither Parquet nor Arrow; write the dataset as Parquet" in message()


# -- DailyTalk --------------------------------------------------------------------------------------------------------


def test_dialogues_of_dailytalk(tmp_path: Path) -> None:
    said = {
        n: {"text": clip["text"], "speaker": n % 2, "emotion": "no emotion", "turn": n}
        for n, clip in enumerate(CLIPS[:11])
    }
    metadata = {
        "7": said,
        "30": {"0": said[0], "1": said[3], "2": {"text": "gone", "speaker": 0}, "x": said[1]},
        "31": [],
    }
    for dialogue, turns in (("7", said), ("30", {0: said[0], 1: said[3]})):
        for turn, one in turns.items():
            place = tmp_path / "data" / dialogue / f"{turn}_{one['speaker']}_d{dialogue}.wav"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"RIFF")
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    age(tmp_path)
    some = rows("dailytalk", tmp_path)
    talks: dict[str, list[dict[str, Any]]] = {}
    for row in some:
        talks.setdefault(row["conversation_id"], []).append(row)
    assert [row["turn"] for row in talks["speech-7"]] == list(range(11))
    assert [row["speaker"] for row in talks["speech-7"][:3]] == ["0", "1", "0"]
    assert [row["source_transcript"] for row in talks["speech-7"]] == [clip["text"] for clip in CLIPS[:11]]
    assert [reference(row).path for row in talks["speech-30"][:2]] == ["data/30/0_0_d30.wav", "data/30/1_1_d30.wav"]
    assert reasons(talks["speech-30"]) == [None, None, "missing_clip"]
    assert sorted(reasons([row for name, talk in talks.items() if name not in ("speech-7", "speech-30") for row in talk])) == [
        "bad_dialogue", "bad_dialogue",
    ]  # fmt: skip
    (tmp_path / "metadata.json").write_text("[")
    with pytest.raises(RecipeError, match=r"metadata.json: no JSON"):
        rows("dailytalk", tmp_path)
