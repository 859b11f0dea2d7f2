"""Kaldi's data folders."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.corpora import CLIPS, put, reasons, reference, rows
from voxsmith.pipeline.errors import RecipeError


def folder(place: Path, **files: str) -> Path:
    """A data folder, and two clips in `audio` beside it."""
    (place / "data").mkdir(parents=True, exist_ok=True)
    for clip, name in zip(CLIPS, ("a", "b"), strict=False):
        put(clip, place / "audio" / f"{name} {name}.flac")
    for name, text in files.items():
        (place / "data" / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return place / "data"


def test_clips_of_their_own(tmp_path: Path) -> None:
    data = folder(
        tmp_path,
        wav_scp=f"u1 audio/a a.flac\nu2 {tmp_path}/audio/b b.flac\nu4\taudio/c.flac\n",
        text="u1 ONE\nu3 NO CLIP\nu4 GONE\n",
        utt2spk="u1 ann\nu2 bob\nu3 ann\nu4 bob\n",
        utt2lang="u1 en\nu3 en\n",
    )
    some = rows("kaldi", data, clips=str(tmp_path))
    assert [row["conversation_id"] for row in some] == ["speech-u1", "speech-u2", "speech-u3", "speech-u4"]
    assert reasons(some) == [None, "empty_transcript", "missing_clip", "missing_clip"]
    first = some[0]
    assert (first["source_transcript"], first["speaker"], first["language"]) == ("ONE", "ann", "en")
    assert reference(first).path == "audio/a a.flac"
    assert "wav.scp has no utterance 'u3'" in some[2]["reject"][1]


def test_segments_of_recordings(tmp_path: Path) -> None:
    data = folder(
        tmp_path,
        wav_scp="r1 a a.flac\nr2 b b.flac\n",
        segments="u1 r2 0.5 1.75 1\nu2 r1 0 -1\nu3 r1 2 1\nu4 r1 x 1\nu5 r9 0 1\nu6 r1 nan 2\nu7 r1 0 nan\nu8 r1 0 -7\n\t\n",
        text="u1 ONE\nu2 TWO\nu3 THREE\nu4 FOUR\nu5 FIVE\nu6 SIX\nu7 SEVEN\nu8 EIGHT\n",
    )
    some = rows("kaldi", data, clips=str(tmp_path / "audio"), language="de")
    assert reasons(some) == [None, None, "bad_segment", "bad_segment", "missing_clip", *["bad_segment"] * 3]
    places = [(reference(row).path, reference(row).offset, reference(row).duration) for row in some[:2]]
    assert places == [("b b.flac", 0.5, 1.25), ("a a.flac", 0.0, None)]
    assert [reference(row).channel for row in some[:2]] == [1, None]
    assert some[0]["language"] == "de" and some[0]["speaker"] is None


def test_a_command_is_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    data = folder(
        tmp_path, wav_scp=f"u1 touch {trap} |\nu2 a a.flac\nu3 raw.ark:17\nu4 -\n", text="u1 A\nu2 B\nu3 C\nu4 D\n"
    )
    some = rows("kaldi", data, clips=str(tmp_path / "audio"))
    assert reasons(some) == ["pipe", None, "missing_clip", "missing_clip"] and not trap.exists()
    assert "a command, which is never run" in some[0]["reject"][1]
    folder(tmp_path, wav_scp=f"u1 touch {trap} |\n", text="u1 A\n")
    with pytest.raises(RecipeError, match=r"none of the 1 clips .* a command, which is never run"):
        rows("kaldi", data)


def test_what_is_not_in_order_is_said(tmp_path: Path) -> None:
    data = folder(tmp_path, wav_scp="u2 a a.flac\nu1 b b.flac\n", text="u1 A\nu2 B\n")
    with pytest.raises(RecipeError, match=r"wav.scp, line 2: 'u1' is not in order, or there twice; sort"):
        rows("kaldi", data, clips=str(tmp_path / "audio"))
    folder(tmp_path, wav_scp="u1 a a.flac\nu1 b b.flac\n")
    with pytest.raises(RecipeError, match=r"there twice"):
        rows("kaldi", data, clips=str(tmp_path / "audio"))
    (data / "text").unlink()
    with pytest.raises(RecipeError, match=r"there is no text in"):
        rows("kaldi", data)


KEYS = st.lists(st.text("ab-Ä\U00010000", min_size=1, max_size=3), unique=True, max_size=6)


@settings(max_examples=60, deadline=None)
@given(KEYS, KEYS, KEYS)
def test_files_are_joined_by_their_first_fields(clips: list[str], spoken: list[str], known: list[str]) -> None:
    """As a dictionary of each file would: every utterance of wav.scp or text is there once."""
    with tempfile.TemporaryDirectory() as place:
        data = folder(
            Path(place),
            wav_scp="".join(f"{key} a a.flac\n" for key in sorted(clips, key=str.encode)),
            text="".join(f"{key} SAID {key}\n" for key in sorted(spoken, key=str.encode)),
            utt2spk="".join(f"{key} of {key}\n" for key in sorted(known, key=str.encode)),
        )
        if not clips and spoken:
            with pytest.raises(RecipeError, match="none of the"):
                rows("kaldi", data, clips=f"{place}/audio")
            return
        some = rows("kaldi", data, clips=f"{place}/audio")
    assert [row["conversation_id"] for row in some] == [
        f"speech-{key}" for key in sorted({*clips, *spoken}, key=str.encode)
    ]
    for row, why in zip(some, reasons(some), strict=True):
        key = row["conversation_id"].removeprefix("speech-")
        assert why == ("missing_clip" if key not in clips else None if key in spoken else "empty_transcript")
        if why is None:
            assert row["source_transcript"] == f"SAID {key}"
            assert row["speaker"] == (f"of {key}" if key in known else None)
