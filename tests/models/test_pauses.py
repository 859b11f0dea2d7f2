"""Long recordings are cut where nobody speaks."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.broken_clips import ASR, encoded
from voxsmith.models.audio import BadAudio, resample
from voxsmith.models.pauses import RATE, Pauses, stretches


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, list[tuple[int, int]]]:
    """Twelve clips of as many speakers with a second of faint noise between them; where the noise is, in samples."""
    noise = np.random.default_rng(0).normal(0, 1e-3, RATE).astype(np.float32)
    parts, pauses, at = [noise], [(0, RATE)], RATE
    for line in (ASR / "manifest.jsonl").read_text().splitlines()[:12]:
        samples, rate = soundfile.read(ASR / json.loads(line)["path"], dtype="float32")
        samples = resample(samples, rate, RATE)
        parts += [samples, noise]
        pauses.append((at + len(samples), at + len(samples) + RATE))
        at += len(samples) + RATE
    path = tmp_path_factory.mktemp("talk") / "talk.flac"
    path.write_bytes(encoded(np.concatenate(parts), format="FLAC"))
    return path, np.concatenate(parts), pauses


@pytest.mark.parametrize("window", [600.0, 25.0])
def test_speech_is_kept_whole(window: float, talk: tuple[Path, np.ndarray, list[tuple[int, int]]]) -> None:
    path, samples, pauses = talk
    cut = list(stretches(str(path), Pauses(), window))
    kept = np.zeros(len(samples), bool)
    for offset, seconds in cut:
        assert 0.1 <= seconds <= 20
        kept[round(offset * RATE) : round((offset + seconds) * RATE)] = True
    assert (samples[kept] ** 2).sum() > 0.99 * (samples**2).sum()
    for first, last in pauses:
        assert not kept[first:last].all(), "each pause ends a clip"
    ends = [round(end * RATE) for offset, seconds in cut for end in (offset, offset + seconds)]
    loud = np.sqrt((samples**2).mean())
    around = [np.sqrt((samples[max(0, end - 160) : end + 160] ** 2).mean()) for end in ends]
    assert sum(level > loud / 2 for level in around) <= 0.05 * len(around), "few cuts are where somebody speaks"


def test_a_stretch_without_a_pause_has_a_longest(talk: tuple[Path, np.ndarray, list[tuple[int, int]]]) -> None:
    cut = list(stretches(str(talk[0]), Pauses(most=3.0)))
    assert max(seconds for _, seconds in cut) <= 3.0 and len(cut) > 12


def test_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no recording")
    (tmp_path / "nan.wav").write_bytes(encoded(np.full(RATE, np.nan), subtype="FLOAT"))
    for name in ("a.wav", "nan.wav", "gone.wav"):
        with pytest.raises(BadAudio):
            list(stretches(str(tmp_path / name), Pauses()))
    noise = np.random.default_rng(0).normal(0, 0.05, 10 * RATE)
    for samples in (np.zeros(3 * RATE), noise):
        (tmp_path / "quiet.wav").write_bytes(encoded(samples))
        assert list(stretches(str(tmp_path / "quiet.wav"), Pauses())) == []
