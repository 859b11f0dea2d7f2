"""`voxsmith cut`: a folder of long recordings becomes a manifest, and each recording is listened to once."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.helpers.broken_clips import RATE, SAMPLES, encoded
from tests.helpers.recipes import open_state, run_inline, texts_of
from voxsmith.models.pauses import Pauses
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.sources import cuts

TALK = np.concatenate([SAMPLES, np.zeros(RATE), SAMPLES[::-1], np.zeros(RATE), SAMPLES])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "talks" / "day 1").mkdir(parents=True)
    (tmp_path / "talks" / "a.flac").write_bytes(encoded(TALK, format="FLAC"))
    (tmp_path / "talks" / "day 1" / "b.wav").write_bytes(encoded(SAMPLES))
    (tmp_path / "talks" / "broken.wav").write_bytes(b"no recording")
    (tmp_path / "talks" / "notes.txt").write_text("no recording")
    return tmp_path / "talks"


def test_recordings_are_cut_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "clips.jsonl"
    first = cuts.cut_recordings(folder, manifest, Pauses())
    assert (first["recordings"], first["cut"]) == (3, 3) and list(first["faults"]) == ["broken.wav"]
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert len(lines) == first["clips"] >= 4 and len({line["id"] for line in lines}) == len(lines)
    assert {line["path"] for line in lines} == {"a.flac", "day 1/b.wav"}

    heard: list[str] = []
    cut = cuts._cut
    monkeypatch.setattr(cuts, "_cut", lambda path, how: heard.append(Path(path).name) or cut(path, how))
    written = manifest.read_bytes()
    assert cuts.cut_recordings(folder, manifest, Pauses()) == {**first, "cut": 0}
    assert not heard and manifest.read_bytes() == written
    os.utime(folder / "a.flac", ns=(0, 0))
    (folder / "broken.wav").unlink()
    assert cuts.cut_recordings(folder, manifest, Pauses())["faults"] == {} and heard == ["a.flac"]
    cuts.cut_recordings(folder, manifest, Pauses(most=3.0))
    assert sorted(heard[1:]) == ["a.flac", "b.wav"]


def test_the_clips_are_a_source(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "clips.jsonl"
    assert main(["cut", str(folder), str(manifest), "--processes", "1"]) == 1
    printed = capsys.readouterr()
    assert "broken.wav: not a recording that can be read" in printed.err and "clips of 3 recordings" in printed.out
    assert main(["cut", str(tmp_path / "gone"), str(manifest)]) == 2
    for seconds in ("nan", "inf", "0.1"):
        assert main(["cut", str(folder), str(manifest), "--most", seconds]) == 2
    recipe: dict[str, Any] = {
        "name": "talks",
        "store": str(tmp_path / "store"),
        "out": str(tmp_path / "out"),
        "sources": {
            "talks": {
                "path": str(manifest),
                "layout": "manifest",
                "clips": str(folder),
                "transcripts": False,
                "licence": "CC0-1.0",
            }
        },
        "engines": {"clips": {"backend": "clip_reader"}, "asr": {"backend": "asr_null"}},
        "stages": {"read_clip": {"engine": "clips"}, "listen": {"of": "row", "engine": "asr"}},
    }
    (tmp_path / "talks.yaml").write_text(yaml.safe_dump(recipe))
    state = open_state(str(tmp_path / "talks.yaml"))
    assert run_inline(state) == {}
    listed = [json.loads(line)["duration"] for line in manifest.read_text().splitlines()]
    assert sorted(texts_of(state, "duration")) == pytest.approx(sorted(listed), abs=0.002)
