"""`turns: recording`: the utterances of a recording are turns of one conversation, whatever order the corpus has them in."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.corpora import CLIPS, manifest, put, reasons, reference, rows
from tests.helpers.paths import DATA
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.speech.talks import in_order
from voxsmith.pipeline.sources.speech.utterance import Lost, Utterance


def call(place: Path, **files: str) -> Path:
    """A data folder of Kaldi over two recordings."""
    for clip, name in zip(CLIPS, ("one", "two"), strict=False):
        put(clip, place / f"{name}.flac")
    for name, text in files.items():
        (place / name.replace("_scp", ".scp")).write_text(text, encoding="utf-8")
    return place


def said(some: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["id"], row["turn"], row["speaker"], row["source_transcript"]) for row in some]


def test_kaldis_segments_are_in_order_of_speakers_and_turns_in_that_of_time(tmp_path: Path) -> None:
    data = call(
        tmp_path,
        wav_scp="c1 one.flac\nc2 two.flac\n",
        segments="ann-1 c1 0.0 1.0 0\nann-2 c1 2.0 2.5 0\nann-3 c2 0.5 1.0\nbob-1 c1 0.9 2.0 1\nbob-2 c1 2.0 2.2 1\n",
        text="ann-1 HELLO\nann-2 FINE\nann-3 AGAIN\nbob-1 HOW ARE YOU\nbob-2 YES\n",
        utt2spk="ann-1 ann\nann-2 ann\nann-3 ann\nbob-1 bob\nbob-2 bob\n",
    )
    some = rows("kaldi", data, turns="recording")
    assert said(some) == [
        ("speech-c1.0", 0, "ann", "HELLO"),
        ("speech-c1.1", 1, "bob", "HOW ARE YOU"),
        ("speech-c1.2", 2, "bob", "YES"),  # they begin together, and this one ends before
        ("speech-c1.3", 3, "ann", "FINE"),
        ("speech-c2.0", 0, "ann", "AGAIN"),
    ]
    assert {row["conversation_id"] for row in some} == {"speech-c1", "speech-c2"}
    places = [(reference(row).offset, reference(row).duration, reference(row).channel) for row in some[:2]]
    assert places == [(0.0, 1.0, 0), (0.9, 1.1, 1)]
    alone = rows("kaldi", data)
    assert [row["id"] for row in alone][:2] == ["speech-ann-1.0", "speech-ann-2.0"]


def test_each_side_of_a_call_may_be_a_recording_of_its_own(tmp_path: Path) -> None:
    data = call(
        tmp_path,
        wav_scp="c1-A one.flac\nc1-B two.flac\n",
        segments="c1-A-1 c1-A 0 1\nc1-A-2 c1-A 2 3\nc1-B-1 c1-B 1 2\n",
        text="c1-A-1 ONE\nc1-A-2 THREE\nc1-B-1 TWO\n",
        utt2spk="c1-A-1 ann\nc1-A-2 ann\nc1-B-1 bob\n",
        reco2file_and_channel="c1-A c1 A\nc1-B c1 B\nbroken\n",
    )
    some = rows("kaldi", data, turns="recording")
    assert [row["source_transcript"] for row in some if not row["reject"]] == ["ONE", "TWO", "THREE"]
    assert [reference(row).path for row in some if not row["reject"]] == ["one.flac", "two.flac", "one.flac"]
    assert sorted(filter(None, reasons(some))) == ["bad_line"]


def test_without_segments_there_is_nothing_to_put_in_order(tmp_path: Path) -> None:
    data = call(tmp_path, wav_scp="u1 one.flac\n", text="u1 ONE\n")
    with pytest.raises(RecipeError, match=r"'turns: recording' .* there is no segments in .*; leave the key out"):
        rows("kaldi", data, turns="recording")


def test_a_turn_that_is_none_keeps_its_place(tmp_path: Path) -> None:
    data = call(
        tmp_path,
        wav_scp="c1 one.flac\n",
        segments="a c1 0 1\nb c1 1 2\nc c1 2 1\nd c1 3 4\n",
        text="a ONE\nc THREE\nd FOUR\ne GONE\n",
    )
    some = rows("kaldi", data, turns="recording")
    assert [(row["id"], why) for row, why in zip(some, reasons(some), strict=True)][-3:] == [
        ("speech-c1.0", None),
        ("speech-c1.1", "empty_transcript"),
        ("speech-c1.2", None),
    ]
    assert sorted(filter(None, reasons(some)[:-3])) == ["bad_segment", "missing_clip"]


def cut(start: float, channel: int, *supervisions: tuple[str, float, float, str]) -> dict[str, Any]:
    recording = {
        "id": "call-7",
        "sources": [{"type": "file", "channels": [0, 1], "source": CLIPS[0]["path"]}],
        "channel_ids": [0, 1],
    }
    return {
        "id": f"window-{start}-{channel}",
        "start": start,
        "duration": 5.0,
        "channel": channel,
        "recording": recording,
        "supervisions": [
            {"id": name, "start": first, "duration": length, "channel": channel, "text": text, "speaker": name[0]}
            for name, first, length, text in supervisions
        ],
        "type": "MonoCut",
    }


def test_lhotses_supervisions_count_from_their_cut(tmp_path: Path) -> None:
    """Two channels, and windows over one recording that overlap by a supervision."""
    put(CLIPS[0], tmp_path / CLIPS[0]["path"])
    cuts = [
        cut(4.0, 0, ("a2", 0.5, 0.5, "FINE"), ("a3", 3.0, 1.0, "BYE")),
        cut(0.0, 0, ("a1", 0.0, 1.0, "HELLO"), ("a2", 4.5, 0.5, "FINE")),
        cut(0.0, 1, ("b1", 1.0, 2.0, "HOW ARE YOU")),
    ]
    some = rows("lhotse", manifest(tmp_path / "cuts.jsonl", cuts), turns="recording")
    good = [row for row in some if not row["reject"]]
    assert said(good) == [
        ("speech-call-7.0", 0, "a", "HELLO"),
        ("speech-call-7.1", 1, "b", "HOW ARE YOU"),
        ("speech-call-7.2", 2, "a", "FINE"),
        ("speech-call-7.3", 3, "a", "BYE"),
    ]
    assert [(reference(row).offset, reference(row).channel) for row in good] == [(0, 0), (1, 1), (4.5, 0), (7, 0)]
    assert list(filter(None, reasons(some))) == ["repeated_id"]


def test_in_a_shar_a_cut_is_a_conversation() -> None:
    """Two of these cuts are of one recording, and both begin at 0 s."""
    some = rows("shar", DATA / "lhotse" / "shar", turns="recording")
    assert [row["id"] for row in some if row["id"].startswith("speech-two.")] == ["speech-two.0", "speech-two.1"]
    assert len({row["conversation_id"] for row in some}) == 3


def test_utterances_are_sorted_on_the_disk_and_what_fails_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [
        Utterance("p", "f", {"speaker": str(n)}, conversation=f"c{n % 7:02}", offset=float(n))
        for n in range(999, -1, -1)
    ]
    some.insert(3, Lost("q", "bad_line", "no", "raw"))
    read = list(in_order("speech", some))
    assert read[0] == Lost("q", "bad_line", "no", "raw")
    expected = sorted((f"c{n % 7:02}", n // 7, str(n)) for n in range(1000))
    assert [(one.conversation, one.turn, one.values["speaker"]) for one in read[1:]] == expected  # type: ignore[union-attr]

    class Full:
        def __init__(self, *_: Any, **__: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", Full)
    with pytest.raises(RunFailed, match=r"sources.speech: .*disk is full; make room there, or name another folder"):
        list(in_order("speech", some))
