"""Clips: what trimming, levelling and encoding do is measured on made signals."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxsmith.models import audio

RATE = 24000


def tone(seconds: float, amplitude: float = 0.3, rate: int = RATE) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def quiet(seconds: float, rate: int = RATE) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1e-4, round(seconds * rate)).astype(np.float32)


def decibels(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_flac_there_and_back_within_half_a_step() -> None:
    samples = tone(0.5)
    data = audio.encode(samples, RATE)
    back, rate = audio.decode(data)
    assert rate == RATE
    assert back.dtype == np.float32
    assert np.abs(back - samples).max() < 1 / 32768 * 1.1
    assert soundfile.info(io.BytesIO(data)).subtype == "PCM_16"
    assert soundfile.info(io.BytesIO(data)).format == "FLAC"


def test_the_same_samples_give_the_same_bytes() -> None:
    assert audio.encode(tone(0.5), RATE) == audio.encode(tone(0.5), RATE)


def test_stereo_is_averaged() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone(0.2), np.zeros(4800)], axis=1), RATE, format="FLAC")
    samples, _ = audio.decode(file.getvalue())
    assert np.allclose(samples, tone(0.2) / 2, atol=1e-4)


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no audio",
        audio.encode(tone(0.5), RATE)[:30],
        wav(np.zeros(0, np.float32)),
        wav(np.array([0.1, np.nan], np.float32)),
        wav(np.array([0.1, np.inf], np.float32)),
    ],
    ids=["empty", "text", "cut", "no samples", "nan", "inf"],
)
def test_what_cannot_be_heard_is_bad_audio(data: bytes) -> None:
    with pytest.raises(audio.BadAudio):
        audio.decode(data)


def test_nothing_cannot_be_encoded() -> None:
    with pytest.raises(audio.BadAudio, match="no samples"):
        audio.encode(np.zeros(0, np.float32), RATE)


def test_trim_leaves_pads_around_speech() -> None:
    clip = np.concatenate([quiet(0.7), tone(1.0), quiet(0.3), tone(0.5), quiet(1.2)])
    trimmed = audio.trim(clip, RATE)
    assert len(trimmed) / RATE == pytest.approx(1.8 + 2 * audio.PAD, abs=0.02)
    assert np.array_equal(trimmed, clip[round((0.7 - audio.PAD) * RATE) :][: len(trimmed)])


def test_trim_adds_nothing_and_leaves_nothing_of_silence() -> None:
    assert len(audio.trim(tone(0.5), RATE)) == len(tone(0.5))
    assert len(audio.trim(np.zeros(RATE, np.float32), RATE)) == 0
    assert len(audio.trim(np.zeros(0, np.float32), RATE)) == 0


@pytest.mark.parametrize("amplitude", [0.004, 0.05, 0.9])
@pytest.mark.parametrize("pause", [0.0, 2.0])
def test_level_counts_speech_alone(amplitude: float, pause: float) -> None:
    clip = np.concatenate([tone(1.0, amplitude), np.zeros(round(pause * RATE), np.float32), tone(0.5, amplitude)])
    levelled = audio.level(clip, RATE, -23.0)
    assert decibels(levelled[:RATE]) == pytest.approx(-23.0, abs=0.1)
    assert audio.active_level(levelled, RATE) == pytest.approx(-23.0, abs=0.01)


def test_level_lowers_the_gain_rather_than_clip() -> None:
    clip = tone(1.0, 0.01)
    clip[5000] = 0.5
    levelled = audio.level(clip, RATE, -23.0)
    assert 20 * np.log10(np.abs(levelled).max()) == pytest.approx(audio.PEAK, abs=0.01)
    assert np.allclose(levelled / levelled[5000], clip / clip[5000], atol=1e-6)  # one gain for all
    assert audio.clipping(levelled) < 0.001


def test_level_leaves_silence_alone() -> None:
    assert not audio.level(np.zeros(RATE, np.float32), RATE, -23.0).any()


def test_resample_keeps_pitch_and_length() -> None:
    samples = audio.resample(tone(1.0), RATE, 16000)
    assert samples.dtype == np.float32
    assert len(samples) == 16000
    assert np.abs(samples - tone(1.0, rate=16000))[800:-800].max() < 1e-3
    assert audio.resample(samples, 16000, 16000) is samples


@pytest.mark.parametrize("wanted", [16000, 22050, 24000])
def test_finish(wanted: int) -> None:
    data = audio.finish(np.concatenate([quiet(0.5), tone(1.0, 0.02), quiet(0.5)]), RATE, wanted, -20.0)
    samples, rate = audio.decode(data)
    assert rate == wanted
    assert len(samples) / rate == pytest.approx(1.0 + 2 * audio.PAD, abs=0.02)
    assert audio.active_level(samples, rate) == pytest.approx(-20.0, abs=0.05)


def test_longest_silence_is_inside_the_clip() -> None:
    clip = np.concatenate([quiet(3.0), tone(0.5), quiet(0.4), tone(0.5), quiet(1.1), tone(0.5), quiet(3.0)])
    assert audio.longest_silence(clip, RATE) == pytest.approx(1.1, abs=0.02)
    assert audio.longest_silence(tone(1.0), RATE) == 0
    assert audio.longest_silence(np.zeros(RATE, np.float32), RATE) == 0


def test_clipping_is_a_share() -> None:
    clip = np.zeros(1000, np.float32)
    clip[:10], clip[10:15], clip[20:30] = 1.0, -1.0, 0.9
    assert audio.clipping(clip) == pytest.approx(0.015)
    assert audio.clipping(clip * 0.3) == pytest.approx(0.015)  # levelled after it was clipped
    assert audio.clipping(np.random.default_rng(0).normal(0, 0.1, RATE)) < 0.001
    assert audio.clipping(np.zeros(1000, np.float32)) == 0
    assert audio.clipping(np.zeros(0, np.float32)) == 0


def test_tail_level_tells_a_clip_that_breaks_off() -> None:
    assert audio.tail_level(tone(1.0), RATE) == pytest.approx(0, abs=0.5)
    assert audio.tail_level(np.concatenate([tone(1.0), quiet(0.1)]), RATE) < -50
    assert audio.tail_level(np.concatenate([tone(1.0), np.zeros(2400, np.float32)]), RATE) == audio.SILENT
    assert audio.tail_level(np.zeros(RATE, np.float32), RATE) == audio.SILENT


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="a syntax tree is dumped otherwise in each version of Python"
)
def test_an_edit_that_would_have_every_corpus_spoken_anew_is_noticed() -> None:
    """Where clips come out otherwise, write the new digest here; else leave the code as it is."""
    assert audio.FINISH == "673a2827a9f71394"


def test_measures_and_comments_are_not_in_the_digest() -> None:
    source = Path(audio.__file__).read_text(encoding="utf-8")
    assert audio._digest(source) == audio.FINISH
    assert audio._digest(source.replace("0.99 *", "0.5 *").replace("# seconds", "# s")) == audio.FINISH
    assert audio._digest(source.replace("PEAK = -1.0", "PEAK = -2.0")) != audio.FINISH
