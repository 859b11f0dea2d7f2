"""Recorded clips become clips of a corpus, or rejects that say why."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.broken_clips import ASR, CLIP, SAMPLES, encoded, plant
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.recordings.reader import Config as Settings
from voxsmith.stages.engines.recordings.reader import Reader
from voxsmith.stages.read_clip import Config, read_clip
from voxsmith.stages.requests.clip import ReadClip


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    engine = Reader(Settings(roots={"asr": str(ASR), "here": str(tmp_path)}))
    yield engine
    engine.close()


def row(reader: Reader, reference: ClipReference, source: str = "here", **settings: Any) -> dict[str, Any]:
    """What the stage writes. Raises Reject, Refused, Unavailable."""
    call = read_clip({"id": "r", "clip": reference.text, "source": source}, Context(Config(**settings)))
    reply = reader.submit(next(call)).result(60)
    with pytest.raises(StopIteration) as end:
        call.send(reply)
    return end.value.value


def test_a_side_s_clip_becomes_its_audio(reader: Reader) -> None:
    record = json.loads((ASR / "manifest.jsonl").read_text().splitlines()[0])
    place = ClipReference(record["path"]).text
    call = read_clip({"id": "r", "query_clip": place, "source": "asr"}, Context(Config(of="query")))
    with pytest.raises(StopIteration) as end:
        call.send(reader.submit(next(call)).result(60))
    assert list(end.value.value) == ["query_audio"]


def heard(written: dict[str, Any]) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(written["audio"]["bytes"]), dtype="float32")
    assert rate == 16000 and samples.ndim == 1
    return samples


def reason(reader: Reader, reference: ClipReference, source: str = "here", **settings: Any) -> str:
    with pytest.raises((Reject, Refused)) as why:
        row(reader, reference, source, **settings)
    assert len(str(why.value).splitlines()) == 1
    return why.value.reason


def test_the_good_clips_pass(reader: Reader) -> None:
    records = [json.loads(line) for line in (ASR / "manifest.jsonl").read_text().splitlines()]
    assert len(records) == 24
    for record in records:
        samples = heard(row(reader, ClipReference(record["path"], duration=record["duration"]), "asr"))
        assert len(samples) / 16000 == pytest.approx(record["duration"], abs=0.002)
    assert reader.usage["clips_read"] == 24


def test_broken_files_are_caught_each_for_its_reason(reader: Reader, tmp_path: Path) -> None:
    for name, (expected, reference) in plant(tmp_path).items():
        assert reason(reader, reference) == expected, name


def wrong_lengths() -> dict[str, tuple[bytes, float]]:
    """By what is wrong: a file, and the seconds that its corpus says: 4.475 s of speech at 16 kHz."""
    twice = np.repeat(SAMPLES, 2)
    return {
        "8 kHz said to be 16": (encoded(SAMPLES[::2], 16000), 4.475),
        "16 kHz said to be 8": (encoded(SAMPLES, 8000), 4.475),
        "44.1 kHz said to be 48": (encoded(SAMPLES, 14700), 4.475),
        "48 kHz said to be 44.1": (encoded(SAMPLES, 17415), 4.475),
        "half an hour too long": (encoded(twice), 4.475),
        "whole seconds": (encoded(twice), 4.0),
        "another clip": (encoded(SAMPLES[: 3 * 16000]), 4.475),
    }


def test_a_file_of_another_length_than_its_corpus_says(reader: Reader, tmp_path: Path) -> None:
    for number, (what, (data, said)) in enumerate(wrong_lengths().items()):
        (tmp_path / f"{number}.wav").write_bytes(data)
        assert reason(reader, ClipReference(f"{number}.wav", length=said)) == "wrong_length", what
        part = ClipReference(f"{number}.wav", offset=0.5, duration=1.0, length=said)
        assert reason(reader, part) == "wrong_length", what


@pytest.mark.parametrize("said", [4.475, 4.4, 4.57, 4.0, 5.0])
def test_lengths_that_are_rounded_pass(said: float, reader: Reader) -> None:
    """To a tenth of a second and one per cent; to a second where it is a whole number."""
    assert len(heard(row(reader, ClipReference("audio/" + CLIP.name, length=said), "asr"))) == len(SAMPLES)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"offset": 9e8}, "wrong_length"),
        ({"offset": 9e8, "duration": 9e8}, "too_long"),
        ({"offset": 9e8, "duration": 1}, "wrong_length"),
        ({"offset": 4.475 - 1e-7}, "wrong_length"),
        ({"offset": 1.0, "duration": 1e-9}, "too_short"),
        ({"duration": 1e-300}, "too_short"),
        ({"length": 1e-300}, "wrong_length"),
    ],
)
def test_ranges_at_the_edge_of_numbers(part: dict[str, float], expected: str, reader: Reader) -> None:
    assert reason(reader, ClipReference("audio/" + CLIP.name, **part), "asr") == expected


def test_samples_are_the_files_own(reader: Reader) -> None:
    written = row(reader, ClipReference("audio/" + CLIP.name), "asr")
    assert np.abs(heard(written) - SAMPLES).max() < 4e-5  # a step of 16 bits
    again = row(reader, ClipReference("audio/" + CLIP.name, offset=0, duration=4.475), "asr")
    assert again["audio"] == written["audio"]


@pytest.mark.parametrize(
    ("name", "made"),
    {
        "two.wav": lambda: encoded(np.stack([SAMPLES, SAMPLES], axis=1)),
        "deep.flac": lambda: encoded(SAMPLES, format="FLAC", subtype="PCM_24"),
        "float.wav": lambda: encoded(SAMPLES, subtype="FLOAT"),
    }.items(),
)
def test_forms_of_a_file_that_hold_the_same(name: str, made: Any, reader: Reader, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(made())
    assert np.abs(heard(row(reader, ClipReference(name))) - SAMPLES).max() < 2e-4


def tone(rate: int, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate) * np.linspace(
        0.2, 0.5, round(rate * seconds)
    )


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_rates(rate: int, reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(encoded(tone(rate), rate))
    samples = heard(row(reader, ClipReference("tone.wav")))
    assert len(samples) == 32000
    assert np.abs(samples - tone(16000))[200:-200].max() < 2e-3


def test_a_channel_is_taken(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "two.wav").write_bytes(encoded(np.stack([SAMPLES, -SAMPLES], axis=1)))
    assert np.abs(heard(row(reader, ClipReference("two.wav", channel=0))) - SAMPLES).max() < 2e-4
    assert np.abs(heard(row(reader, ClipReference("two.wav"), channel=1)) + SAMPLES).max() < 2e-4
    assert reason(reader, ClipReference("two.wav", channel=2)) == "bad_audio"


def test_a_channel_that_is_silent_opposes_nothing(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(encoded(np.stack([SAMPLES, 0 * SAMPLES], axis=1)))
    assert np.abs(heard(row(reader, ClipReference("one.wav"))) - SAMPLES / 2).max() < 2e-4


def test_mp3_by_another_name_where_the_recipe_takes_it(reader: Reader, tmp_path: Path) -> None:
    plant(tmp_path)
    samples = heard(row(reader, ClipReference("mp3.wav"), misnamed=True))
    assert len(samples) == pytest.approx(len(SAMPLES), abs=1700)  # MP3 pads


def test_floats_beyond_full_scale_are_turned_down(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "loud.wav").write_bytes(encoded(SAMPLES / np.abs(SAMPLES).max() * 3, subtype="FLOAT"))
    samples = heard(row(reader, ClipReference("loud.wav")))
    assert np.abs(samples - SAMPLES / np.abs(SAMPLES).max()).max() < 2e-4


@pytest.mark.parametrize(
    ("kind", "expected"), [("WAV", "cut_audio"), ("OGG", "cut_audio"), ("MP3", "cut_audio"), ("FLAC", "bad_audio")]
)
def test_half_of_a_file(kind: str, expected: str, reader: Reader, tmp_path: Path) -> None:
    data = encoded(SAMPLES, format=kind)
    (tmp_path / f"whole.{kind.lower()}").write_bytes(data)
    (tmp_path / f"half.{kind.lower()}").write_bytes(data[: len(data) // 2])
    assert len(heard(row(reader, ClipReference(f"whole.{kind.lower()}")))) == pytest.approx(len(SAMPLES), abs=1700)
    assert reason(reader, ClipReference(f"half.{kind.lower()}")) == expected


def test_limits(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "clipped.wav").write_bytes(encoded(np.clip(SAMPLES / np.abs(SAMPLES).max() * 8, -0.9, 0.9)))
    (tmp_path / "quiet.wav").write_bytes(encoded(SAMPLES / np.abs(SAMPLES).max() * 0.004, subtype="FLOAT"))
    assert reason(reader, ClipReference("clipped.wav")) == "clipped"
    (tmp_path / "twelve.wav").write_bytes(encoded(np.clip(SAMPLES / np.abs(SAMPLES).max() * 4, -1, 1)))
    assert heard(row(reader, ClipReference("clipped.wav"), max_clipping=1)).size
    assert reason(reader, ClipReference("twelve.wav")) == "clipped"
    assert reason(reader, ClipReference("quiet.wav")) == "too_quiet"
    whole = ClipReference("audio/" + CLIP.name)
    assert reason(reader, whole, "asr", max_seconds=4) == "too_long"
    assert reason(reader, whole, "asr", min_seconds=5) == "too_short"
    reads = reader.usage["clips_read"]
    call = read_clip({"clip": ClipReference("x", duration=50).text, "source": "asr"}, Context(Config()))
    with pytest.raises(Reject, match=r"^too_long"):
        next(call)
    assert reader.usage["clips_read"] == reads


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize(
    ("name", "wave", "expected"),
    [
        ("tone", lambda at: 0.5 * np.sin(at), ""),  # no speech, but a sound: `verify` says that no words are in it
        ("full", lambda at: np.sin(at), ""),
        ("square", lambda at: 0.5 * np.sign(np.sin(at)), "clipped"),
        ("turned_up", lambda at: np.clip(2 * np.sin(at), -1, 1), "clipped"),
        ("constant", lambda at: np.full_like(at, 0.25), "silent"),
        ("zeros", lambda at: np.zeros_like(at), "silent"),
    ],
)
def test_signals_that_nobody_said(
    name: str, wave: Any, expected: str, rate: int, reader: Reader, tmp_path: Path
) -> None:
    (tmp_path / f"{name}.wav").write_bytes(encoded(wave(2 * np.pi * 300 * np.arange(rate) / rate + 0.1), rate))
    if expected:
        assert reason(reader, ClipReference(f"{name}.wav")) == expected
    else:
        assert heard(row(reader, ClipReference(f"{name}.wav"))).size


def test_a_file_that_changed_is_never_another_clip(reader: Reader, tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(encoded(SAMPLES))
    state = file.stat()
    listed = ClipReference("a.wav", size=state.st_size, time_ns=state.st_mtime_ns)
    assert heard(row(reader, listed)).size
    file.write_bytes(encoded(SAMPLES[::-1]))
    assert reason(reader, ClipReference("a.wav", time_ns=state.st_mtime_ns - 1)) == "changed_file"
    file.write_bytes(encoded(SAMPLES[:-1]))
    assert reason(reader, listed) == "changed_file"


def test_what_is_the_world_s_fault_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("no clip")
    roots = {name: str(tmp_path / name) for name in ("gone", "empty", "full")}
    reader = Reader(Settings(roots=roots))
    for source, message in (
        (
            "gone",
            f"the folder of its source can't be read: {tmp_path}/gone: No such file or directory; is its disk mounted?",
        ),
        ("empty", f"the folder of its source is empty: {tmp_path}/empty; is its disk mounted?"),
        ("unknown", "the source 'unknown' has no folder that its clips lie in"),
    ):
        with pytest.raises(Unavailable) as why:
            row(reader, ClipReference("a.wav"), source)
        assert str(why.value) == message
    assert reason(reader, ClipReference("a.wav"), "full") == "missing_file"
    assert reason(reader, ClipReference("a.txt/a.wav"), "full") == "missing_file"
    assert reason(reader, ClipReference("a.txt"), "full") == "bad_audio"
    reader.close()


def test_a_file_that_may_not_be_read_is_the_world_s_fault(reader: Reader, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.wav").write_bytes(encoded(SAMPLES))

    def denied(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", denied)
    with pytest.raises(Unavailable, match=r"a\.wav can't be read now: Permission denied"):
        row(reader, ClipReference("a.wav"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "local:///etc/passwd", "simplecache::file:///etc/passwd"])
def test_no_address_leads_to_files_of_the_machine(url: str, reader: Reader) -> None:
    assert reason(reader, ClipReference(url)) == "bad_reference"


def test_a_text_that_is_no_reference(reader: Reader) -> None:
    call = read_clip({"clip": "audio/a.wav", "source": "here"}, Context(Config()))
    with pytest.raises(Reject, match=r"^bad_reference"):
        next(call)
    for place in ("[]", '{"path": "../a.wav"}'):
        with pytest.raises(Refused, match="bad_reference"):
            reader.submit(ReadClip(place, "here")).result(10)


def test_an_object_store(reader: Reader) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/clips/a.flac", CLIP.read_bytes())
    url = ClipReference("memory://clips/a.flac", size=CLIP.stat().st_size)
    assert np.abs(heard(row(reader, url)) - SAMPLES).max() < 4e-5
    assert reason(reader, ClipReference("memory://clips/b.flac")) == "missing_file"
    assert reason(reader, ClipReference("memory://clips/a.flac", size=1)) == "changed_file"
    with pytest.raises(Unavailable, match="there is no memory://gone"):
        row(reader, ClipReference("memory://gone/b.flac"))
    memory.rm("/clips", recursive=True)
