"""Whatever is in a corpus' files, each layout gives rows, rejects, or one line: no traceback, and no good row is lost."""

import json
import tarfile
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.corpora import CLIPS, manifest, put, reasons, rows
from voxsmith.pipeline.errors import RecipeError

GOOD = "good-1-1"  # the id of the utterance that is as it should be


def put_good(folder: Path, place: str) -> None:
    put(CLIPS[0], folder / place)


# By layout: write a corpus of one good utterance and these bytes, and give what `path` names.
def librispeech(folder: Path, data: bytes) -> Path:
    put_good(folder, f"1/1/{GOOD}.flac")
    (folder / "1/1/1-1.trans.txt").write_bytes(f"{GOOD} fine\n".encode() + data)
    return folder


def ljspeech(folder: Path, data: bytes) -> Path:
    put_good(folder, f"wavs/{GOOD}.wav")
    (folder / "metadata.csv").write_bytes(f"{GOOD}|fine|fine\n".encode() + data)
    return folder


def vctk(folder: Path, data: bytes) -> Path:
    put_good(folder, f"wav48/p1/{GOOD}.wav")
    (folder / "txt/p1").mkdir(parents=True)
    (folder / f"txt/p1/{GOOD}.txt").write_text("fine")
    (folder / "txt/p1/other.txt").write_bytes(data)
    return folder


def common_voice(folder: Path, data: bytes) -> Path:
    put_good(folder, f"clips/{GOOD}.mp3")
    (folder / "v.tsv").write_bytes(f"path\tsentence\tup_votes\r\n{GOOD}.mp3\tfine\t2\r\n".encode() + data)
    return folder / "v.tsv"


def dailytalk(folder: Path, data: bytes) -> Path:
    put_good(folder, "data/7/0_1_d7.wav")
    turns = {"0": {"text": "fine", "speaker": 1}, data.decode("latin-1"): {"text": "x", "speaker": 2}}
    (folder / "metadata.json").write_text(json.dumps({"7": turns, data.decode("latin-1"): turns}))
    return folder


def webdataset(folder: Path, data: bytes) -> Path:
    with tarfile.open(folder / "t.tar", "w") as tar:
        for name, content in ((f"{GOOD}.flac", b"x"), (f"{GOOD}.txt", b"fine"), ("b.flac", b"x"), ("b.json", data)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    return folder / "t.tar"


def kaldi(folder: Path, data: bytes) -> Path:
    put_good(folder, "a.flac")
    (folder / "wav.scp").write_bytes(b"r a.flac\n")
    (folder / "segments").write_bytes(b"! r 0 1\n" + data)
    (folder / "text").write_bytes(b"! fine\n" + data)
    return folder


WRITERS: dict[str, Callable[[Path, bytes], Path]] = {
    one.__name__: one for one in (librispeech, ljspeech, vctk, common_voice, dailytalk, webdataset, kaldi)
}
# Pieces that such files are made of, and what doesn't belong into any.
PIECES = [
    GOOD, "\n", "\r\n", "\r", "\t", " ", "|", "/", "..", "../x", "/etc/passwd", "\0", "\ufeff", "ä", "\u2028", "x", "1", "-1",
    "nan", "1e999", '{"text": 1}', '{"text": "y", "speaker": [1]}', "[]", "{", '"', "9" * 400, "a" * 5000,
]  # fmt: skip
BYTES = st.lists(st.sampled_from([one.encode() for one in PIECES]) | st.binary(max_size=3), max_size=8).map(b"".join)


@pytest.mark.parametrize("layout", WRITERS)
@settings(max_examples=25, deadline=None)
@given(data=BYTES)
def test_any_bytes_in_a_corpus_files(layout: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = WRITERS[layout](Path(place), data)
        try:
            some = rows(layout, path)
        except RecipeError as error:
            assert layout == "kaldi" and "is not in order" in str(error) and len(str(error).splitlines()) == 1
            return
    assert "fine" in [row["source_transcript"] for row in some if row["reject"] is None]


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*PIECES, "a.flac", 10**400, "\udc80"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "text", "start"]), inner, max_size=2)
    ),
    max_leaves=4,
)
FIELDS = {
    "manifest": (
        "path",
        "text",
        "sentence",
        "speaker",
        "speaker_id",
        "language",
        "offset",
        "duration",
        "channel",
        "id",
    ),
    "nemo": ("audio_filepath", "text", "speaker", "lang", "offset", "duration"),
    "lhotse": ("id", "start", "duration", "channel", "supervisions", "recording", "type"),
}


@pytest.mark.parametrize("layout", FIELDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_value_in_any_field(layout: str, data: st.DataObject) -> None:
    good: dict[str, Any] = {
        "manifest": {"path": "a.flac", "text": "fine"},
        "nemo": {"audio_filepath": "a.flac", "text": "fine"},
        "lhotse": {
            "id": "c", "start": 0, "duration": 1.0, "channel": 0, "type": "MonoCut",
            "supervisions": [{"id": "s", "start": 0, "duration": 1.0, "text": "fine"}],
            "recording": {"sources": [{"type": "file", "channels": [0], "source": "a.flac"}]},
        },
    }[layout]  # fmt: skip
    bad = good | data.draw(st.dictionaries(st.sampled_from(FIELDS[layout]), VALUES, max_size=3))
    with tempfile.TemporaryDirectory() as place:
        put_good(Path(place), "a.flac")
        some = rows(layout, manifest(Path(place, "m.jsonl"), [good, bad]))
    assert len(some) >= 2 and reasons(some)[0] is None


def test_names_that_nobody_gave_are_tried_in_turn(tmp_path: Path) -> None:
    """A field that is empty, or a label's number, is no reason to lose the row."""
    put_good(tmp_path, "a.flac")
    records = [
        {
            "path": "a.flac",
            "text": None,
            "sentence": "one",
            "speaker": "",
            "speaker_id": 7,
            "language": 3,
            "locale": "de",
        },
        {"path": "a.flac", "normalized_text": "two", "client_id": "c", "speaker": ["x"], "lang": "fr"},
    ]
    some = rows("manifest", manifest(tmp_path / "m.jsonl", records))
    assert reasons(some) == [None, None]
    assert [(row["source_transcript"], row["speaker"], row["language"]) for row in some] == [
        ("one", "7", "de"), ("two", "c", "fr"),
    ]  # fmt: skip
