"""Codecs: the bytes between are that codec's, at that bit rate, and another decoder (FFmpeg's) hears the same in them."""

import io

import av
import numpy as np
import pytest
from scipy.signal import correlate

from tests.helpers.paths import DATA
from tests.helpers.signals import band_powers, decibels, read
from voxsmith.models.audio import resample
from voxsmith.models.augment.codecs import CODECS, coded
from voxsmith.stages.augmentation.effects import KBPS

SPEECH, RATE = read((DATA / "voices" / "audio" / "LJ001-0025.flac").read_bytes())
SPEECH = resample(SPEECH[: 5 * RATE], RATE, 16000).astype(np.float64)
STARTS = {
    "opus": b"OggS", "mp3": b"\xff\xf3", "amr_nb": b"#!AMR\n",
    "gsm": b"RIFF", "mulaw": b"RIFF", "alaw": b"RIFF",
}  # fmt: skip
IN_FFMPEG = {"opus": "opus", "mp3": "mp3", "amr_nb": "amrnb", "gsm": "gsm_ms", "mulaw": "pcm_mulaw", "alaw": "pcm_alaw"}
CASES = [(codec, rate) for codec, rates in KBPS.items() for rate in (rates[0], rates[-1])]


def by_ffmpeg(data: bytes) -> tuple[str, int, np.ndarray]:
    """Which codec FFmpeg finds in the bytes, at which rate, and what it decodes."""
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        context = container.streams.audio[0].codec_context
        whole = np.concatenate([one.reshape(-1) for one in frames]).astype(np.float64)
        scale = 32768 if frames[0].dtype == np.int16 else 1
        return context.name, context.sample_rate, whole / scale


def lag(one: np.ndarray, other: np.ndarray) -> int:
    """By how many samples `other` is late, by their correlation."""
    return int(correlate(other, one, "full", "fft").argmax()) - len(one) + 1


def test_settings_and_engine_know_the_same_codecs() -> None:
    assert set(KBPS) == set(CODECS)


@pytest.mark.parametrize(("codec", "kbps"), CASES)
def test_a_codec_is_really_applied(codec: str, kbps: float) -> None:
    heard, data = coded(SPEECH, 16000, codec, kbps)
    assert len(heard) == len(SPEECH) and data.startswith(STARTS[codec])
    seconds = len(SPEECH) / 16000
    framing = 0.45 if codec == "amr_nb" else 2.2 if codec == "opus" else 0.2  # kilobits a second of headers, about
    assert len(data) * 8 / seconds / 1000 == pytest.approx(kbps + framing, rel=0.07, abs=0.5)
    name, rate, theirs = by_ffmpeg(data)
    assert name == IN_FFMPEG[codec] or (codec == "mp3" and name == "mp3float")
    ours = resample(heard, 16000, rate)
    late, part = lag(ours, theirs), slice(rate, 4 * rate)
    assert abs(late) < 3000
    assert np.corrcoef(ours[part], theirs[part.start + late : part.stop + late])[0, 1] > 0.98


@pytest.mark.parametrize(("codec", "kbps"), CASES)
def test_what_comes_out_is_not_late_and_is_not_what_went_in(codec: str, kbps: float) -> None:
    heard, _ = coded(SPEECH, 16000, codec, kbps)
    assert abs(lag(SPEECH, heard)) <= 16  # a millisecond: low-rate speech codecs keep no waveform
    loss = decibels(SPEECH) - decibels(heard - SPEECH)
    assert 0 < loss < 45 and decibels(heard) == pytest.approx(decibels(SPEECH), abs=2)


@pytest.mark.parametrize("codec", ["amr_nb", "gsm", "mulaw"])
def test_telephone_codecs_leave_nothing_above_4_khz(codec: str) -> None:
    heard, _ = coded(SPEECH, 16000, codec, KBPS[codec][-1])
    frequencies, density = band_powers(heard, 16000)
    assert density[frequencies > 4200].sum() < 1e-5 * density.sum()


def test_g711_has_no_more_than_256_levels() -> None:
    """ITU-T G.711's μ-law: 255 values, the greatest is 32124 of 32768."""
    narrow = resample(SPEECH, 16000, 8000).astype(np.float64)
    heard, data = coded(narrow / np.abs(narrow).max(), 8000, "mulaw", 64)
    levels = np.unique(np.round(heard * 32768).astype(int))
    assert len(levels) <= 256 and levels.max() == 32124 and {0, 8, 16, 24} <= set(np.abs(levels))
    assert len(data) < len(narrow) + 100
