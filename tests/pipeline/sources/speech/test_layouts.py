"""Trees and tables of recorded speech, each read as its corpus is laid out."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.helpers.corpora import (
    ASR,
    CLIPS,
    librispeech,
    ljspeech,
    manifest,
    of_corpus,
    put,
    reasons,
    reference,
    rows,
    vctk,
)  # fmt: skip
from voxsmith.pipeline.errors import RecipeError, RunFailed


def texts(some: list[dict[str, Any]]) -> list[str]:
    return [row["source_transcript"] for row in some]


def test_a_tree_like_librispeechs(tmp_path: Path) -> None:
    some = rows("librispeech", librispeech(tmp_path))
    clips = {clip["id"].removeprefix("ls-"): clip for clip in of_corpus("ls-")}
    assert len(some) == len(clips) == 15 and reasons(some) == [None] * 15
    for row in some:
        name = row["id"].removeprefix("speech-").removesuffix(".0")
        clip, place = clips[name], reference(row)
        speaker, chapter, _ = name.split("-")
        assert place.path == f"train-tiny/{speaker}/{chapter}/{name}.flac"
        assert place.size == (ASR / clip["path"]).stat().st_size and place.time_ns == 1_600_000_000 * 10**9
        assert (place.offset, place.duration) == (0.0, None)
        assert (row["source_transcript"], row["speaker"], row["language"]) == (clip["text"], speaker, "en")
        assert row["instruction"] is None and row["turn"] == 0 and row["licence"] == "CC BY 4.0"
    assert len({row["id"] for row in some}) == 15


def test_a_part_of_that_tree_names_the_same_rows(tmp_path: Path) -> None:
    librispeech(tmp_path)
    whole = {row["id"]: row["speaker"] for row in rows("librispeech", tmp_path)}
    speaker = tmp_path / "train-tiny" / "3005"
    for below in (speaker, speaker / "163389"):
        part = {row["id"]: row["speaker"] for row in rows("librispeech", below)}
        assert part and part.items() <= whole.items()


def test_lines_of_transcripts_that_can_not_be_read_are_rejects(tmp_path: Path) -> None:
    librispeech(tmp_path)
    file = tmp_path / "train-tiny/3005/163389/3005-163389.trans.txt"
    good = file.read_bytes()
    file.write_bytes(good + b"\n3005-163389-0099 NO SUCH CLIP\n3005-163389-0001\n" + b"3005-163389-0098 \xff\xfe\n")
    some = rows("librispeech", tmp_path)
    wrong = [row for row in some if row["reject"]]
    assert reasons(wrong) == ["missing_clip", "empty_transcript", "bad_text"]
    assert len(some) - len(wrong) == 15 and wrong[0]["place"] == f"{file}, line 4"
    assert "3005-163389-0099{.flac,.wav" in wrong[0]["reject"][1]
    with pytest.raises(RecipeError, match=r"sources.speech: there is no \*.trans.txt in"):
        rows("librispeech", ASR)


def test_folders_like_ljspeechs(tmp_path: Path) -> None:
    some = rows("ljspeech", ljspeech(tmp_path))
    assert [row["conversation_id"] for row in some] == ["speech-LJ001-0006", "speech-LJ001-0013"]
    assert texts(some) == [clip["text"] for clip in of_corpus("LJ")]
    assert [reference(row).path for row in some] == ["wavs/LJ001-0006.flac", "wavs/LJ001-0013.flac"]
    assert {(row["speaker"], row["language"]) for row in some} == {("speech", "en")}
    (tmp_path / "metadata.csv").write_text("LJ001-0006|as written\nLJ001-0013|a|b|c\nLJ9|gone\n../x|out\n")
    some = rows("ljspeech", tmp_path, language="de")
    assert texts(some[:1]) == ["as written"] and some[0]["language"] == "de"
    assert reasons(some) == [None, "bad_line", "missing_clip", "missing_clip"]
    os.unlink(tmp_path / "metadata.csv")
    with pytest.raises(RecipeError, match=r"there is no metadata.csv"):
        rows("ljspeech", tmp_path)


@pytest.mark.parametrize("trimmed", [True, False])
def test_folders_like_vctks(tmp_path: Path, trimmed: bool) -> None:
    some = rows("vctk", vctk(tmp_path, trimmed))
    assert [row["conversation_id"] for row in some] == [
        "speech-p225_022", "speech-p226_011", "speech-p228_016", "speech-p287_002", "speech-p287_004",
    ]  # fmt: skip
    assert texts(some) == [clip["text"] for clip in of_corpus("vctk-")]
    assert [row["speaker"] for row in some] == ["p225", "p226", "p228", "p287", "p287"]
    ends = "wav48_silence_trimmed/p225/p225_022_mic1.flac" if trimmed else "wav48/p225/p225_022.wav"
    assert reference(some[0]).path == ends


def test_another_microphone_of_vctk(tmp_path: Path) -> None:
    vctk(tmp_path)
    put(of_corpus("vctk-p225")[0], tmp_path / "wav48_silence_trimmed/p225/p225_022_mic2.flac")
    some = rows("vctk", tmp_path, microphone=2)
    assert reasons(some) == [None, *["missing_clip"] * 4] and reference(some[0]).path.endswith("_mic2.flac")
    with pytest.raises(RecipeError, match=r"there is no wav48_silence_trimmed/, and no wav48/"):
        rows("vctk", tmp_path / "txt")


HEAD = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tlocale\n"


def common_voice(folder: Path, lines: list[str]) -> Path:
    for clip in of_corpus("lv-"):
        put(clip, folder / "clips" / f"common_voice_en_{clip['id'].removeprefix('lv-')}.mp3")
    file = folder / "validated.tsv"
    file.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def test_a_table_of_common_voice(tmp_path: Path) -> None:
    file = common_voice(
        tmp_path,
        [
            'ab12\tcommon_voice_en_0880.mp3\t"Er war ""nicht" böse.\t2\t0\ttwenties\ten',
            "cd34\tcommon_voice_en_0930\thad he married\t1\t1\t\ten",
            "cd34\tcommon_voice_en_0931.mp3\tgone\t9\t0\t\ten",
            "cd34\tcommon_voice_en_0930.mp3\ttoo few fields\t9",
            "cd34\tcommon_voice_en_0930.mp3\tmany votes?\tmany\t0\t\ten",
        ],
    )
    some = rows("common_voice", file)
    assert reasons(some) == [None, None, "missing_clip", "bad_line", "repeated_id"]
    assert texts(some[:2]) == ['"Er war ""nicht" böse.', "had he married"]  # Mozilla's tables know no quotes
    assert [row["speaker"] for row in some[:2]] == ["ab12", "cd34"] and some[0]["language"] == "en"
    assert reference(some[1]).path == "clips/common_voice_en_0930.mp3"
    assert reference(rows("common_voice", file, clips=str(tmp_path / "clips"))[1]).path == "common_voice_en_0930.mp3"
    assert some[0]["conversation_id"] == "speech-common_voice_en_0880"
    voted = rows("common_voice", file, votes={"least_up": 2, "most_down": 0}, columns={"source_transcript": "age"})
    assert reasons(voted) == [None, "few_votes", "missing_clip", "bad_line", "missing_field"]
    assert texts(voted[:1]) == ["twenties"]
    assert reasons(rows("common_voice", file, votes={"most_down": 0}))[1] == "many_votes"
    file.write_text("client_id\tpath\tsentense\n")
    with pytest.raises(RecipeError, match=r"its first line has no 'sentence'; did you mean 'sentense'"):
        rows("common_voice", file)
    with pytest.raises(ValidationError, match=r"is a folder; name its files, .*\*.tsv"):
        rows("common_voice", tmp_path)


def test_the_clips_for_tests_by_their_own_manifest() -> None:
    some = rows("manifest", ASR / "manifest.jsonl")
    assert reasons(some) == [None] * 24
    for row, clip in zip(some, CLIPS, strict=True):
        assert row["conversation_id"] == f"speech-{clip['id']}"
        assert (row["source_transcript"], row["speaker"]) == (clip["text"], clip["speaker"])
        assert (reference(row).path, reference(row).length) == (clip["path"], clip["duration"])


def test_nemos_manifest(tmp_path: Path) -> None:
    put(CLIPS[0], tmp_path / "data" / "a b.flac")
    absolute = str(tmp_path / "data" / "a b.flac")
    records = [
        {"audio_filepath": absolute, "text": "one", "duration": 1.5, "offset": 0.5, "speaker": 7},
        {"audio_filepath": absolute, "text": "two", "duration": 1, "offset": 2},
        {"audio_filepath": absolute, "text": "two again", "duration": 1, "offset": 2},
        {"audio_filepath": absolute, "text": "", "duration": 4.4},
    ]
    file = manifest(tmp_path / "lists" / "train.jsonl", records)
    with pytest.raises(RecipeError, match=r"none of the 4 clips .* name the folder that the clips lie in as 'clips'"):
        rows("nemo", file)
    some = rows("nemo", file, clips=str(tmp_path / "data"), language="en")
    assert reasons(some) == [None, None, None, "empty_transcript"] and some[0]["speaker"] == "7"
    assert [(reference(row).path, reference(row).offset, reference(row).duration) for row in some[:2]] == [
        ("a b.flac", 0.5, 1.5), ("a b.flac", 2.0, 1.0),
    ]  # fmt: skip
    first, second, third = (row["conversation_id"] for row in some[:3])
    assert len({first, second, third}) == 3 and third == f"{second}-2"  # named by place, never by transcript
    manifest(file, [{**records[0], "text": "another text"}])
    assert rows("nemo", file, clips=str(tmp_path / "data"))[0]["conversation_id"] == first


def test_a_duration_without_offset_is_the_whole_files(tmp_path: Path) -> None:
    """As NeMo's own reader of manifests for Lhotse takes it: a range has an offset, if only 0. Rows without an id keep the
    names that they had when both were taken for ranges.
    """
    put(CLIPS[0], tmp_path / "a.flac")
    records = [
        {"path": "a.flac", "text": "x", "duration": 4.475},
        {"path": "a.flac", "text": "x", "duration": 1.5, "offset": 0},
    ]
    records += [{"path": "a.flac", "text": "x", "duration": 4.475, "offset": None}, {"path": "a.flac", "text": "x"}]
    some = rows("manifest", manifest(tmp_path / "m.jsonl", records))
    assert [(one.offset, one.duration, one.length) for one in map(reference, some)] == [
        (0.0, None, 4.475), (0.0, 1.5, None), (0.0, None, 4.475), (0.0, None, None),
    ]  # fmt: skip
    assert [row["id"] for row in some] == [
        "speech-b966ad47cef294d4.0", "speech-e84e9eb19b2d24c3.0", "speech-b966ad47cef294d4-2.0", "speech-0a3c682217060646.0",
    ]  # fmt: skip


NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e308", "-1", '"0.5"', "true", "[0]", "9" * 400)


@pytest.mark.parametrize("layout", ["manifest", "nemo"])
@pytest.mark.parametrize("field", ["offset", "duration", "channel"])
def test_numbers_of_manifests_that_are_none(tmp_path: Path, layout: str, field: str) -> None:
    put(CLIPS[0], tmp_path / "a.flac")
    clip = "path" if layout == "manifest" else "audio_filepath"
    numbers = NO_NUMBERS if field != "channel" else (*NO_NUMBERS, "0.5")
    lines = [f'{{"{clip}": "a.flac", "text": "x", "{field}": {number}}}' for number in numbers]
    some = rows(
        layout, manifest(tmp_path / "m.jsonl", [f'{{"{clip}": "a.flac", "text": "x", "{field}": null}}', *lines])
    )
    assert reasons(some) == [None, *["bad_segment"] * len(lines)]


def test_fields_may_be_named(tmp_path: Path) -> None:
    put(CLIPS[0], tmp_path / "a.flac")
    record = {"file": "a.flac", "said": "a", "who": "ann", "reply": "b", "from": 1, "key": 7, "call": "c", "n": 3}
    file = manifest(tmp_path / "m.jsonl", [record, {**record, "key": 8, "n": 1}, {"file": "a.flac", "said": "x"}])
    columns = {"clip": "file", "source_transcript": "said", "speaker": "who", "answer_text": "reply", "offset": "from"}
    named = rows("manifest", file, columns={**columns, "id": "key"})
    assert [row["conversation_id"] for row in named[:2]] == ["speech-7", "speech-8"]
    assert (named[0]["answer_text"], named[0]["speaker"], reference(named[0]).offset) == ("b", "ann", 1.0)
    assert reasons(named) == [None, None, "missing_field"] and "'who'" in named[2]["reject"][1]
    talks = rows("manifest", file, columns={**columns, "conversation_id": "call", "turn": "n"})
    assert [row["id"] for row in talks[:2]] == ["speech-c.0", "speech-c.1"]
    assert talks[0]["reject"] is None


def test_clips_may_be_a_sides(tmp_path: Path) -> None:
    put(CLIPS[0], tmp_path / "a.flac")
    file = manifest(tmp_path / "m.jsonl", [{"path": "a.flac", "text": "what is it", "speaker": "ann"}])
    row = rows("manifest", file, of="query", columns={"query_text": "text"})[0]
    assert reference(row, "query_clip").path == "a.flac" and row["query_source_transcript"] == row["query_text"]
    assert row["speaker"] == "ann" and "clip" not in row and row["instruction"] is None


def test_a_list_of_json_and_a_glob(tmp_path: Path) -> None:
    for name in ("de", "en"):
        put(CLIPS[0], tmp_path / name / "a.flac")
        (tmp_path / name / "list.json").write_text(json.dumps([{"path": "a.flac", "text": name}]))
    some = rows("manifest", tmp_path / "*" / "list.json")
    alone = rows("manifest", tmp_path / "d*" / "list.json")
    assert [row["id"] for row in alone] == [row["id"] for row in some[:1]], "however many files match"
    assert [(reference(row).path, row["source_transcript"]) for row in some] == [
        ("de/a.flac", "de"), ("en/a.flac", "en"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layout", "path", "settings", "words"),
    [
        ("librispeech", CLIPS[0]["path"], {}, "is a file; layout librispeech reads a folder with"),
        ("librispeech", "audia", {}, "no such folder: .*; did you mean '.*/audio'?"),
        ("manifest", "manifest.json", {}, "no such file: .*; did you mean '.*manifest.jsonl'?"),
        ("manifest", "manifest.jsonl", {"clips": "audia"}, "no such folder"),
        ("manifest", "manifest.jsonl", {"columns": {"query_wer": "x"}}, "is made by a stage or by the reader"),
        ("manifest", "manifest.jsonl", {"votes": {"least_up": 1}}, "'votes' goes with 'layout: common_voice'"),
        ("manifest", "manifest.jsonl", {"turns": 2}, "'turns' goes with 'layout: messages'"),
        ("manifest", "manifest.jsonl", {"columns": {"turn": "x"}}, "must name conversation_id too"),
        ("librispeech", ".", {"columns": {"speaker": "x"}}, "'columns' goes with the layouts manifest, nemo,"),
        ("librispeech", ".", {"clips": "."}, "'clips' goes with the layouts manifest, nemo, common_voice, kaldi"),
        ("manifest", "manifest.jsonl", {"microphone": 2}, "'microphone' goes with 'layout: vctk'"),
        ("manifest", "manifest.jsonl", {"dataset": "x/y"}, "give either 'path'"),
    ],
)
def test_mistakes_in_a_recipe(layout: str, path: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        rows(layout, ASR / path, **settings)


def test_a_folder_that_can_not_be_listed_ends_the_run(tmp_path: Path) -> None:
    librispeech(tmp_path / "corpus")
    put(CLIPS[0], tmp_path / "elsewhere" / "a.flac")
    (tmp_path / "corpus" / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFailed, match=r"more: is a link that leads out of .*corpus"):
        rows("librispeech", tmp_path / "corpus")
    (tmp_path / "corpus" / "more").unlink()
    (tmp_path / "corpus" / "again").symlink_to(tmp_path / "corpus" / "train-tiny")
    (tmp_path / "corpus" / "round").symlink_to(tmp_path / "corpus")
    assert len(rows("librispeech", tmp_path / "corpus")) == 15  # each folder once
