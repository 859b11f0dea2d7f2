"""`augmenter_signal`: what is asked is what is measured on the clip that comes back, by other means than the engine's."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.helpers.paths import DATA
from tests.helpers.signals import RATE, band_powers, beep, decibels, flac, read, speech_decibels
from voxsmith.models.augment.sounds import sounds
from voxsmith.models.clip_note import note_of
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.augment import Augment
from voxsmith.stages.requests.tts import Speak

CLIPS = sorted((DATA / "asr" / "audio").glob("*.flac"))[::6]
VOICES = np.random.default_rng(0).integers(-3000, 3000, (6, 20000)).astype(np.int16)
SIMULATED = {
    "effect": "room", "kind": "simulated", "rt60": 0.5, "seed": 3,
    "size": [6.0, 5.0, 3.0], "source": [1.0, 1.5, 1.6], "microphone": [4.0, 3.0, 1.2],
}  # fmt: skip


def npy(array: np.ndarray, path: Path) -> bytes:
    np.save(path, array)
    return path.read_bytes()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noises: one of 44.1 kHz in two channels, one that is shorter than a clip, one that is silent at first; rooms: an echo."""
    folder = tmp_path_factory.mktemp("sounds")
    draw = np.random.default_rng(1)
    (folder / "noises" / "below").mkdir(parents=True)
    soundfile.write(folder / "noises" / "stereo.wav", draw.normal(0, 0.1, (5 * 44100, 2)), 44100)
    soundfile.write(folder / "noises" / "below" / "short.flac", draw.normal(0, 0.02, 4000), 16000)
    late = np.concatenate([np.zeros(20 * 8000), draw.normal(0, 0.3, 4000)])
    soundfile.write(folder / "noises" / "late.wav", late, 8000)
    (folder / "noises" / "README.md").write_text("license: cc-by-4.0\n")
    (folder / "rooms").mkdir()
    echo = np.zeros(16000)
    echo[[800, 800 + 3200]] = -0.5, -0.25  # a direct sound after 50 ms, half of it 200 ms later
    soundfile.write(folder / "rooms" / "echo.wav", echo, 16000)
    return folder


@pytest.fixture(scope="module")
def engine(folders: Path) -> Iterator[Any]:
    declared = backend("augmenter_signal")
    loaded = declared.load(declared.config(noises=str(folders / "noises"), rooms=str(folders / "rooms")))
    yield loaded
    loaded.close()


def put(engine: Any, clip: bytes, *effects: dict[str, Any], babble: bytes = b"") -> tuple[np.ndarray, list[Any]]:
    """The samples that come back, and the note."""
    reply = engine.submit(Augment(clip, json.dumps(effects), babble)).result(60)
    samples, _ = read(reply.flac)
    return samples, json.loads(note_of(reply.flac))


@pytest.mark.parametrize("snr", [-6.0, 0.0, 12.5, 30.0])
@pytest.mark.parametrize("kind", ["white", "pink", "brown", "blue", "violet", "babble", "folder"])
def test_speech_is_as_loud_over_the_noise_as_asked(engine: Any, kind: str, snr: float, tmp_path: Path) -> None:
    """On the mix alone: the noise is heard alone before and after the tone, whose level is 0.05 / sqrt 2 by hand."""
    effect = {"effect": "noise", "kind": kind, "snr": snr, "seed": 11, "speakers": 3}
    mix, note = put(engine, flac(beep(amplitude=0.05)), effect, babble=npy(VOICES, tmp_path / "voices.npy"))
    assert len(mix) == 3 * RATE and [one["effect"] for one in note] == ["noise"]
    alone = np.concatenate([mix[: RATE - 10], mix[2 * RATE + 10 :]])
    tone = 20 * np.log10(0.05 / np.sqrt(2))
    assert tone - decibels(alone) == pytest.approx(snr, abs=0.5)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", ["pink", "folder"])
def test_speech_is_as_loud_over_the_noise_as_asked_in_real_clips(engine: Any, clip: Path, kind: str) -> None:
    for snr in (0.0, 10.0, 20.0):
        mix, note = put(engine, clip.read_bytes(), {"effect": "noise", "kind": kind, "snr": snr, "seed": 5})
        speech, rate = read(clip.read_bytes())
        turned_down = 10 ** (sum(one["db"] for one in note if one["effect"] == "level") / 20)
        noise = mix / turned_down - speech
        assert speech_decibels(speech, rate) - decibels(noise) == pytest.approx(snr, abs=0.5)


@pytest.mark.parametrize(("kind", "slope"), [("white", 0), ("pink", -3), ("brown", -6), ("blue", 3), ("violet", 6)])
def test_noise_has_its_colour(engine: Any, kind: str, slope: float) -> None:
    """Decibels an octave of the power spectral density."""
    clip = flac(beep(amplitude=0.01, seconds=4))
    mix, _ = put(engine, clip, {"effect": "noise", "kind": kind, "snr": 0, "seed": 1})
    frequencies, density = band_powers(mix[: 4 * RATE], RATE)
    octave = [10 * np.log10(density[(frequencies >= low) & (frequencies < 2 * low)].mean()) for low in (500, 2000)]
    assert (octave[1] - octave[0]) / 2 == pytest.approx(slope, abs=0.5)


def test_a_telephone_s_band(engine: Any) -> None:
    hiss = np.random.default_rng(2).normal(0, 0.1, 8 * RATE)
    heard, _ = put(engine, flac(hiss), {"effect": "telephone"})
    frequencies, after = band_powers(heard, RATE)
    _, before = band_powers(hiss, RATE)
    gain = 10 * np.log10(after / before)
    within = (frequencies > 450) & (frequencies < 3000)
    assert len(heard) == len(hiss) and np.abs(gain[within]).max() < 1
    assert gain[np.abs(frequencies - 300).argmin()] == pytest.approx(-6, abs=2)
    assert gain[np.abs(frequencies - 3400).argmin()] == pytest.approx(-6, abs=2)
    assert gain[(frequencies > 20) & (frequencies < 150)].max() < -30 and gain[frequencies > 4100].max() < -60


def test_what_goes_through_a_room_is_heard_with_its_echo_and_no_later(engine: Any) -> None:
    click = np.zeros(RATE)
    click[2000:2160] = 0.25
    heard, note = put(engine, flac(click), {"effect": "room", "kind": "folder", "seed": 1})
    assert note[0]["file"] == "echo.wav"
    assert np.flatnonzero(np.abs(heard) > 0.01)[0] == 2000
    assert np.median(heard[5200:5360]) / np.median(heard[2000:2160]) == pytest.approx(0.5, abs=1e-3)
    assert speech_decibels(heard, RATE) == pytest.approx(speech_decibels(click, RATE), abs=0.1)


@pytest.mark.parametrize("rt60", [0.3, 0.6, 1.2])
def test_sound_falls_by_60_db_in_the_time_asked(engine: Any, rt60: float) -> None:
    """Schroeder's backward integration of what is left of a click, from -5 to -25 dB; Sabine's formula is rough."""
    click = np.zeros(3 * RATE)
    click[100] = 0.9
    heard, _ = put(engine, flac(click), SIMULATED | {"rt60": rt60})
    left = 10 * np.log10(np.cumsum(heard[::-1] ** 2)[::-1] / np.sum(heard**2) + 1e-12)
    fall = np.flatnonzero(left < -25)[0] - np.flatnonzero(left < -5)[0]
    assert 3 * fall / RATE == pytest.approx(rt60, rel=0.35)


def test_a_real_clip_in_a_room_is_as_long_and_as_loud(engine: Any) -> None:
    speech, rate = read(CLIPS[0].read_bytes())
    heard, note = put(engine, CLIPS[0].read_bytes(), SIMULATED)
    assert len(heard) == len(speech) and note == [SIMULATED]
    assert speech_decibels(heard, rate) == pytest.approx(speech_decibels(speech, rate), abs=0.5)
    assert 0.2 < np.corrcoef(heard, speech)[0, 1] < 0.99


def test_gain_and_full_scale(engine: Any) -> None:
    clip = flac(beep(amplitude=0.25))
    quiet, note = put(engine, clip, {"effect": "gain", "db": -20})
    assert np.abs(quiet).max() == pytest.approx(0.025, rel=1e-2) and len(note) == 1
    loud, note = put(engine, clip, {"effect": "gain", "db": 40})
    assert note[-1] == {"effect": "level", "db": pytest.approx(-1 - 20 * np.log10(25), abs=0.01)}
    assert np.abs(loud).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_makes_it_shorter_and_higher(engine: Any, factor: float) -> None:
    heard, _ = put(engine, flac(beep(hertz=1000)), {"effect": "speed", "factor": factor})
    assert abs(len(heard) - 3 * RATE / factor) <= 1
    tone = heard[round(1.2 * RATE / factor) : round(1.8 * RATE / factor)]
    peak = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 1 << 18)).argmax() * RATE / (1 << 18)
    assert peak == pytest.approx(1000 * factor, abs=1)


def test_effects_come_in_their_order_and_the_note_says_all(engine: Any) -> None:
    noise = {"effect": "noise", "kind": "folder", "snr": 5, "seed": 4}
    effects = [{"effect": "speed", "factor": 1.05}, SIMULATED, noise, {"effect": "telephone"}]
    _, note = put(engine, CLIPS[1].read_bytes(), *effects)
    assert [one["effect"] for one in note] == ["speed", "room", "noise", "telephone"]
    assert note[2]["file"] in ("stereo.wav", "below/short.flac", "late.wav") and note[2]["start"] >= 0


def test_the_same_request_gives_the_same_bytes_whatever_else_is_asked(folders: Path) -> None:
    """Two engines, as in two actors, in other orders and with other neighbours."""
    declared = backend("augmenter_signal")
    config = declared.config(noises=str(folders / "noises"), resources={"batch": 4})
    kinds = ["pink", "folder", "babble"]
    effects = [[SIMULATED | {"seed": seed}, {"effect": "noise", "kind": kinds[seed % 3], "snr": 9, "seed": seed,
                "speakers": 2}, {"effect": "codec", "kind": "opus", "kbps": 12}] for seed in range(4)]  # fmt: skip
    voices = npy(VOICES, folders / "voices.npy")
    clips = [flac(beep(hertz=300 + 100 * seed)) for seed in range(4)]
    asked = [Augment(clip, json.dumps(one), voices) for clip, one in zip(clips, effects, strict=True)]
    replies = []
    for order in (range(4), reversed(range(4))):
        loaded = declared.load(config)
        waiting = {place: loaded.submit(asked[place]) for place in order}
        replies.append({place: future.result(60).flac for place, future in waiting.items()})
        loaded.close()
    assert replies[0] == replies[1] and len(set(replies[0].values())) == 4


def test_other_seeds_other_noise(engine: Any) -> None:
    clip = flac(beep())
    mixes = [put(engine, clip, {"effect": "noise", "kind": "white", "snr": 9, "seed": seed})[0] for seed in (1, 2)]
    assert np.abs(np.corrcoef(mixes[0][:RATE], mixes[1][:RATE])[0, 1]) < 0.05


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100])
def test_a_clip_keeps_its_rate_and_length(engine: Any, rate: int) -> None:
    effects = [{"effect": "noise", "kind": "folder", "snr": 5, "seed": 4}, {"effect": "telephone"}]
    codecs = [{"effect": "codec", "kind": kind, "kbps": 16} for kind in ("opus", "mp3")]
    reply = engine.submit(Augment(flac(beep(rate), rate), json.dumps([*effects, *codecs]))).result(60)
    samples, at = read(reply.flac)
    assert (len(samples), at) == (3 * rate, rate)


def test_what_a_clip_without_a_model_says_stays_in_it(engine: Any) -> None:
    """`asr_null` reads it there."""
    said = backend("tts_null").load(backend("tts_null").config()).submit(Speak("One two.", "null_0")).result(60)
    reply = engine.submit(Augment(said.flac, json.dumps([{"effect": "telephone"}]))).result(60)
    ears = backend("asr_null").load(backend("asr_null").config())
    assert ears.submit(Transcribe(reply.flac)).result(60).text == "One two."


def test_clips_that_nothing_can_be_put_on(engine: Any) -> None:
    noise = {"effect": "noise", "kind": "white", "snr": 5, "seed": 4}
    for clip, reason in (
        (b"no audio", "bad_audio"),
        (flac(np.zeros(0)), "bad_audio"),
        (flac(np.zeros(999)), "no_speech"),
    ):
        with pytest.raises(Refused, match=reason):
            put(engine, clip, noise)
    every = [SIMULATED, {"effect": "telephone"}, {"effect": "codec", "kind": "gsm", "kbps": 13.2}]
    for count in (1, 30):
        samples, _ = put(engine, flac(np.full(count, 0.3)), {"effect": "speed", "factor": 1.1}, *every)
        assert len(samples) == max(1, round(count / 1.1))


def test_a_folder_s_bad_file_is_named_before_any_clip_is_touched(tmp_path: Path) -> None:
    """When the engine is planned with, which knows the key, and when it is loaded."""
    declared = backend("augmenter_signal")

    def refused(message: str, **folder: str) -> None:
        for way in (declared.identity, declared.load):
            with pytest.raises(ModelMissing, match=message) as missing:
                way(declared.config(**folder))
            assert way is declared.load or missing.value.key == next(iter(folder))

    refused("there are no sounds in it", noises=str(tmp_path))
    (tmp_path / "notes.txt").write_text("no sound")
    refused("there are no sounds in it", rooms=str(tmp_path))
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    refused(r"broken\.wav: no sound that can be read", noises=str(tmp_path))
    soundfile.write(tmp_path / "broken.wav", np.zeros(0), 16000)
    refused(r"broken\.wav: a sound without samples", rooms=str(tmp_path))
    (tmp_path / "broken.wav").rename(tmp_path / "._broken.wav")  # as macOS leaves beside a file, with no sound in it
    refused("there are no sounds in it", noises=str(tmp_path))
    refused("nowhere", rooms=str(tmp_path / "nowhere"))


def test_a_folder_s_silent_or_missing_file_is_no_verdict_on_a_row(tmp_path: Path) -> None:
    declared = backend("augmenter_signal")
    soundfile.write(tmp_path / "silent.wav", np.zeros(9000), 16000)
    loaded = declared.load(declared.config(noises=str(tmp_path), rooms=str(tmp_path)))
    clip = flac(beep())
    for effect in ({"effect": "noise", "kind": "folder", "snr": 1, "seed": 1}, SIMULATED | {"kind": "folder"}):
        with pytest.raises(Unavailable, match=r"silent\.wav.*silent; take it out"):
            put(loaded, clip, effect)
    (tmp_path / "silent.wav").unlink()
    with pytest.raises(Unavailable, match=r"silent\.wav can't be read"):
        put(loaded, clip, {"effect": "noise", "kind": "folder", "snr": 1, "seed": 1})
    loaded.close()


def test_the_folders_content_is_in_the_identity_and_their_place_is_not(folders: Path, tmp_path: Path) -> None:
    declared = backend("augmenter_signal")
    copy = tmp_path / "noises"
    shutil.copytree(folders / "noises", copy)
    here, there = (declared.config(noises=str(folder)) for folder in (folders / "noises", copy))
    assert declared.identity(here) == declared.identity(there) != declared.identity(declared.config())
    assert declared.licence(here) == "cc-by-4.0"
    (copy / ".cache").mkdir()
    soundfile.write(copy / ".cache" / "hidden.wav", np.ones(99) / 3, 16000)
    assert declared.identity(here) == declared.identity(there)
    assert [path.name for path in sounds(copy)] == [path.name for path in sounds(folders / "noises")]
    soundfile.write(copy / "more.wav", np.ones(99) / 3, 16000)
    assert declared.identity(here) != declared.identity(there)
