"""`voxsmith check`: a verdict for each line of a file, by the stages that a run would use."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main

RECIPE = str(ROOT / "configs/quickstart.yaml")
NAME = {"instruction": "Name three rivers in Germany.", "context": ""}
SUM = {"instruction": "Summarize the text.", "context": "Otters sleep on their backs and hold hands."}
SENTENCE = "Please write to me at once, my dear old friend."
TWO_OF_TEN = "Please write to them at once, my dear old friends."
# Each row with the reason that a person would expect.
ROWS: list[tuple[dict[str, Any], str | set[str]]] = [
    (NAME | {"query": "Could you name three rivers in Germany?"}, ""),
    (NAME | {"query": "Could you name four rivers in Germany?"}, "number"),
    (NAME | {"query": "Rivers?"}, "too_short"),
    (SUM | {"query": "Could you summarize the text? Otters sleep on their backs and hold hands."}, ""),
    (SUM | {"query": "Could you summarize the text?"}, "context"),
    ({"instruction": "Напиши стихотворение о море.", "query": "Could you write a poem about the sea?"}, "script"),
    ({"query": "What do bees eat?", "reply": "Bees eat nectar and pollen.", "finish": "stop"}, ""),
    ({"query": "What do bees eat?", "reply": "Bees eat nectar and", "finish": "length"}, "cut"),
    ({"query": "What do bees eat?", "reply": "", "finish": None}, "empty"),
    ({"query": "What do bees eat?", "reply": "Bees eat nectar and pollen.", "completion_tokens": 6}, ""),
    ({"query": "What do bees eat?", "reply": "Bees eat nectar and", "finish": "abort"}, "cut"),
    (
        {"query": "What do bees eat?", "reply": "Bees eat nectar and pol", "completion_tokens": 72},
        "cut",
    ),  # all it may have
    ({"written": "Lunch is at 12:30 and costs $4."}, ""),
    ({"written": "???"}, "unspeakable"),
    ({"text": SENTENCE, "heard": "please write to me at once my dear old friend"}, ""),
    ({"text": SENTENCE, "heard": "Please write to me at once, my dear old Fred and his dog."}, {"wer", "cer"}),
    ({"text": SENTENCE, "heard": TWO_OF_TEN}, "wer"),  # an answer's limit is 15 %, a query's 20
    ({"text": SENTENCE, "heard": TWO_OF_TEN, "of": "query"}, ""),
    ({"text": SENTENCE, "heard": SENTENCE, "of": "row"}, "not_checked"),
    ({"instruction": "no such kind"}, "bad_row"),
    ({"written": 5}, "bad_row"),
    ({"written": "Hello.", "of": "nobody"}, "not_checked"),
]


def verdicts(capsys: pytest.CaptureFixture[str], file: Path, *more: str, code: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["check", RECIPE, str(file), *more]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def write(folder: Path, rows: list[Any], name: str = "own.jsonl") -> Path:
    file = folder / name
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return file


def test_each_kind_good_and_bad_in_the_order_of_the_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown = verdicts(capsys, write(tmp_path, [row for row, _ in ROWS]))
    assert len(shown) == len(ROWS)
    for (row, reason), verdict in zip(ROWS, shown, strict=True):
        assert verdict["reason"] in (reason if isinstance(reason, set) else {reason}), (row, verdict)
        assert verdict["ok"] == (reason == "") == (verdict["message"] == ""), verdict
    assert list(shown[0]) == ["ok", "reason", "message", "said"]
    assert shown[0]["said"] == "Could you name three rivers in Germany?"
    assert shown[6]["said"] == "Bees eat nectar and pollen."
    assert shown[12]["said"] == "Lunch is at twelve thirty and costs four dollars."
    assert shown[15]["measures"]["wer"] > 0.15  # of 10 words 4 are others or more


def test_a_line_that_is_no_row_has_its_verdict_in_its_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = {"written": "Hello there."}
    lines = [good, "{broken", "", "[1, 2]", good, '{"written": "\\ud800"}', "9" * 5000, "[" * 9999, good]
    shown = verdicts(capsys, write(tmp_path, lines))
    assert [one["ok"] for one in shown] == [True, False, False, False, True, False, False, False, True]
    assert {one["reason"] for one in shown if not one["ok"]} == {"bad_row"}
    assert "column 2" in shown[1]["message"] and "empty" in shown[2]["message"]


def test_set_changes_limits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    heard = {"text": SENTENCE, "heard": "Please write to me at once, my dear."}
    file = write(tmp_path, [heard, NAME | {"query": "Name three rivers in Germany."}])
    assert [one["ok"] for one in verdicts(capsys, file)] == [False, True]
    limits = [f"checks.answer_clip.max_{name}" for name in ("wer=0.5", "cer=0.5", "lost=20")]
    loose = [part for limit in limits for part in ("--set", limit)]
    assert [one["ok"] for one in verdicts(capsys, file, *loose)] == [True, True]
    strict = verdicts(capsys, file, "--set", "checks.query_text.min_words=9")
    assert strict[1]["reason"] == "too_short"


def test_what_can_t_begin_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", RECIPE, str(tmp_path / "none.jsonl")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["check", RECIPE, str(tmp_path)]) == 2
    assert main(["check", RECIPE, str(write(tmp_path, [])), "--set", "checks.nothing=1"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert verdicts(capsys, write(tmp_path, [])) == []


def own_clips(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of two real clips beside the file, and the engines that hear and rate them."""
    lines = (ROOT / "tests/data/asr/manifest.jsonl").read_text().splitlines()[:2]
    clips = [json.loads(line) for line in lines]
    for clip in clips:
        shutil.copy(ROOT / "tests/data/asr" / clip["path"], folder)
    heard = [{"seconds": clip["duration"], "heard": clip["text"].capitalize()} for clip in clips]
    write(folder, heard, "heard.jsonl")
    asr = {"backend": "toys.hears", "heard": str(folder / "heard.jsonl"), "log": str(folder / "loaded")}
    engines = ["--set", f"engines.asr={json.dumps(asr)}", "--set", "engines.mos={backend: mos_null}"]
    return [{"text": clip["text"].lower(), "audio": Path(clip["path"]).name} for clip in clips], engines


def test_clips_are_listened_to_and_rated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (first, second), engines = own_clips(tmp_path)
    (tmp_path / "noise.flac").write_text("this is no clip")
    others = [second | {"text": first["text"]}, *(second | {"audio": name} for name in ("gone.flac", "noise.flac"))]
    outside = [second | {"audio": name} for name in ("../own.jsonl", str(tmp_path / first["audio"]))]
    shown = verdicts(capsys, write(tmp_path, [first, second, *others, *outside]), *engines)
    assert [one["ok"] for one in shown[:2]] == [True, True], shown
    assert shown[0]["measures"]["wer"] == 0.0 and shown[0]["measures"]["mos"] == 4.0
    assert shown[0]["measures"]["duration"] == pytest.approx(4.475, abs=0.01)
    assert shown[2]["reason"] == "wer"
    assert not any(one["ok"] for one in shown[3:])
    assert [one["reason"] for one in shown[5:]] == ["bad_reference"] * 2
    strict = verdicts(capsys, write(tmp_path, [first]), *engines, "--set", "checks.answer_clip.min_mos=4.5")
    assert strict[0]["reason"] == "mos"


def test_no_engine_is_loaded_for_texts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, engines = own_clips(tmp_path)
    verdicts(capsys, write(tmp_path, [row for row, _ in ROWS]), *engines)
    assert not (tmp_path / "loaded").exists()


def test_an_engine_that_is_missing_is_no_verdict(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (first, _), _ = own_clips(tmp_path)
    file = write(tmp_path, [first, {"written": "Hello."}])
    asr = json.dumps({"backend": "toys.hears", "heard": str(tmp_path / "gone.jsonl")})
    assert main(["check", RECIPE, str(file), "--set", f"engines.asr={asr}"]) == 1
    out, err = capsys.readouterr()
    shown = [json.loads(line) for line in out.splitlines()]
    assert [one["reason"] for one in shown] == ["unavailable", ""]
    assert "engine 'asr'" in shown[0]["message"] and "engine 'asr'" in err and "Traceback" not in err


def test_from_python(tmp_path: Path) -> None:
    file = write(tmp_path, [{"written": "Hello."}])
    (verdict,) = api.check(RECIPE, str(file), overrides={"seed": 3})
    assert verdict.ok and verdict.said == "Hello."


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    file = write(tmp_path, [{"written": f"Number {n}."} for n in range(3000)])
    command = [sys.executable, "-m", "voxsmith", "check", RECIPE, str(file)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}
    ) as process:
        assert process.stdout and process.stderr
        assert json.loads(process.stdout.readline())["said"] == "Number zero."
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
