"""The tables of docs/augmentation.md: which clips are taken, and how words that were heard are counted."""

import json
from concurrent.futures import Future
from pathlib import Path

import pytest

from benchmarks.augmented_heard import HEARD, chosen, word_error_rate
from tests.helpers.signals import beep, flac
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.asr import Heard, Transcribe


class Ears:
    """It hears one of two words, and then much too many."""

    said = ("the dog", "a " * 50)

    def __init__(self) -> None:
        self.count = 0

    def submit(self, request: Transcribe) -> "Future[Heard]":
        future: Future[Heard] = Future()
        future.set_result(Heard(self.said[self.count % 2]))
        self.count += 1
        return future


def test_clips_of_a_folder_and_what_is_counted(tmp_path: Path) -> None:
    lines = [{"path": f"{n}.flac", "text": "the cat"} for n in range(5)]
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for n in range(5):
        (tmp_path / f"{n}.flac").write_bytes(flac(beep(seconds=0.05, hertz=200 + n)))
    clips = chosen(tmp_path, 2)
    assert [clip for clip, _ in clips] == [(tmp_path / name).read_bytes() for name in ("0.flac", "2.flac")]
    declared = backend("augmenter_signal")
    signal = declared.load(declared.config())
    # One of the first clip's two words is wrong; of the second both are, and no more than both.
    assert word_error_rate(signal, Ears(), clips, HEARD["10 dB"]) == pytest.approx(3 / 4)
