"""`voxsmith calibrate`: limits from a sample of real clips, which then pass."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.paths import ROOT
from voxsmith.pipeline.check.calibrate import propose
from voxsmith.pipeline.cli import main
from voxsmith.schemas.checks import ClipChecks

RECIPE = str(ROOT / "configs/quickstart.yaml")
GOOD = {
    "max_wer": 0.0, "max_cer": 0.0, "max_lost": 0, "max_added": 0, "min_mos": 4.0, "max_silence": 0.3, "max_clipping": 0.0,
    "max_tail": -60.0, "min_letters_per_second": 15.0, "max_letters_per_second": 16.0,
}  # fmt: skip


def needs(count: int, **others: list[float]) -> dict[int, dict[str, float]]:
    """What `count` clips need: as good ones do, but of the named limits the given values, the first clips'."""
    return {
        line: GOOD | {name: values[line] for name, values in others.items() if line < len(values)}
        for line in range(count)
    }


def test_limits_are_behind_the_farthest_clip() -> None:
    """By hand: the median is 4.0, the farthest 2.4, a quarter of the way 0.4; silence: 0.3, 1.5 and 0.3."""
    limits, aside = propose(ClipChecks(), needs(20, min_mos=[2.4, 2.5, 3.0], max_silence=[1.5, 1.2, 1.1]))
    assert aside == ()
    assert {one.name: (one.proposed, one.farthest, one.refused) for one in limits} == {
        "min_mos": (2.0, 2.4, 2),
        "max_silence": (1.8, 1.5, 3),
    }


def test_of_a_large_sample_the_farthest_are_left_aside() -> None:
    limits, aside = propose(ClipChecks(), needs(100, max_wer=[0.9, 0.2], min_mos=[4.0, 4.0, 1.1]))
    assert aside == ((0, "max_wer"), (2, "min_mos"))
    assert [(one.name, one.proposed) for one in limits] == [("max_wer", 0.25)]


def test_a_better_voice_loosens_nothing_and_limits_stay_within_their_range() -> None:
    assert propose(ClipChecks(), needs(30)) == ((), ())
    ((limit,), _) = propose(ClipChecks(), needs(30, min_mos=[1.0]))
    assert limit.proposed == 1.0
    ((limit,), _) = propose(ClipChecks(), needs(30, max_added=[9]))
    assert (limit.proposed, type(limit.proposed)) == (12, int)  # 9 and a quarter of 9


@pytest.fixture
def sample(tmp_path: Path) -> tuple[Path, list[str]]:
    """A file of the short real clips of tests/data/asr beside it, and the engines that hear and rate them."""
    clips: list[dict[str, Any]] = [
        json.loads(line) for line in (ROOT / "tests/data/asr/manifest.jsonl").read_text().splitlines()[:12]
    ]
    shutil.copytree(ROOT / "tests/data/asr/audio", tmp_path / "audio")
    rows = [{"text": clip["text"].lower(), "audio": clip["path"]} for clip in clips]
    heard = [{"seconds": clip["duration"], "heard": clip["text"]} for clip in clips]
    (tmp_path / "heard.jsonl").write_text("".join(json.dumps(row) + "\n" for row in heard))
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"written": "Hello."}]))
    asr = {"backend": "toys.hears", "heard": str(tmp_path / "heard.jsonl")}
    return tmp_path / "own.jsonl", [
        "--set",
        f"engines.asr={json.dumps(asr)}",
        "--set",
        "engines.mos={backend: mos_null}",
    ]


def passing(capsys: pytest.CaptureFixture[str], file: Path, *more: str) -> int:
    assert main(["check", RECIPE, str(file), *more]) == 0
    return sum(json.loads(line)["ok"] for line in capsys.readouterr().out.splitlines()) - 1  # of the last line: a text


def test_clips_of_a_sample_pass_the_limits_made_of_it(
    capsys: pytest.CaptureFixture[str], sample: tuple[Path, list[str]]
) -> None:
    file, engines = sample
    before = passing(capsys, file, *engines)
    assert main(["calibrate", RECIPE, str(file), *engines]) == 0
    out, err = capsys.readouterr()
    limits = yaml.safe_load(out)["checks"]["answer_clip"]
    pairs = [part for name, value in limits.items() for part in ("--set", f"checks.answer_clip.{name}={value}")]
    assert " ".join(pairs) in out  # as a command takes them
    assert before < 12 and f"refuse {12 - before} of them" in out
    assert "line 13: not counted" in err and "12 clips are few" in err
    assert passing(capsys, file, *engines, *pairs) == 12


def test_what_can_t_be_calibrated_is_one_line(
    capsys: pytest.CaptureFixture[str], sample: tuple[Path, list[str]]
) -> None:
    file, engines = sample
    texts = file.with_name("texts.jsonl")
    texts.write_text('{"written": "Hello."}\n')
    assert main(["calibrate", RECIPE, str(texts), *engines]) == 1
    assert "no clip in it can be measured" in capsys.readouterr().err
    assert main(["calibrate", RECIPE, str(file), *engines, "--of", "row"]) == 2
    asr = json.dumps({"backend": "toys.hears", "heard": "gone.jsonl"})
    assert main(["calibrate", RECIPE, str(file), "--set", f"engines.asr={asr}"]) == 1
    out, err = capsys.readouterr()
    assert "engine 'asr' can't be loaded" in err and "Traceback" not in err and out == ""
