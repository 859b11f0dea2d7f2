"""`augment`: what is drawn for a row, seeded and within range; `fit_babble`: voices of the corpus, the same each time."""

import io
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.helpers.signals import RATE, beep, flac, speech_decibels
from tests.helpers.talk import drive, unasked
from voxsmith.models.clip_note import with_note
from voxsmith.stages import augment, fit_babble
from voxsmith.stages.augmentation import draw
from voxsmith.stages.augmentation.draw import ORDER
from voxsmith.stages.augmentation.effects import KBPS
from voxsmith.stages.context import Context
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.tts import Clip

CLIP = {"bytes": flac(beep(seconds=0.1)), "path": "x.flac"}


def drawn(row: str, artifact: bytes = b"", **settings: Any) -> tuple[dict[str, Any], list[Any]]:
    """What the stage writes for the row, and what it asks; the engine notes what it is asked."""
    context = Context(augment.Config(**settings), seed=7, stage="augment", artifacts={"babble": artifact})
    answer = lambda request: Clip(with_note(beep(), RATE, request.effects))  # noqa: E731
    return drive(augment.STAGE.run({"id": row, "audio": CLIP, "query_audio": CLIP}, context), answer)


def effects(count: int, **settings: Any) -> list[list[dict[str, Any]]]:
    """What each row draws, which `augment` asks an engine for."""
    context = Context(augment.Config(**settings), seed=7, stage="augment")
    return [draw.drawn(context.config, context.seed_for(f"row {n}")) for n in range(count)]


def test_how_often_and_within_which_range() -> None:
    """Of 3,000 rows, a share p within five standard deviations; values over all of the range and not beyond."""
    some = effects(3000, preset="moshi")
    all_drawn = [one for row in some for one in row]
    for name, p in (("gain", 0.5), ("noise", 0.3), ("room", 0.3)):
        share = sum(one["effect"] == name for one in all_drawn) / 3000
        assert share == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 3000))
    for name, key, low, high in (("gain", "db", -24, 15), ("noise", "snr", -6, 30), ("room", "rt60", 0.3, 1.3)):
        values = [one[key] for one in all_drawn if one["effect"] == name]
        width = high - low
        assert low <= min(values) < low + width / 20 and high - width / 20 < max(values) <= high
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=width / 20)
    assert sum(not row for row in some) / 3000 == pytest.approx(0.5 * 0.7 * 0.7, abs=0.04)
    assert all(
        [one["effect"] for one in row] == [name for name in ORDER if name in {o["effect"] for o in row}] for row in some
    )
    rooms = [one for one in all_drawn if one["effect"] == "room"]
    places = [(one["size"], one[place]) for one in rooms for place in ("source", "microphone")]
    assert all(0.4 <= at <= side - 0.4 for size, place in places for side, at in zip(size, place, strict=True))


def test_ultravox_s_values() -> None:
    all_drawn = [one for row in effects(1500, preset="ultravox") for one in row]
    codecs = {(one["kind"], one["kbps"]) for one in all_drawn if one["effect"] == "codec"}
    assert codecs == {("amr_nb", rate) for rate in KBPS["amr_nb"]} | {("mulaw", 64), ("alaw", 64)}
    kinds = Counter(one["kind"] for one in all_drawn if one["effect"] == "noise")
    assert set(kinds) == {"white", "pink", "brown", "blue", "violet"} and min(kinds.values()) > 40
    assert sum(one["effect"] == "telephone" for one in all_drawn) / 1500 == pytest.approx(0.5, abs=0.07)


def test_a_row_s_draw_depends_on_nothing_but_its_id_the_seed_and_the_effect_s_own_settings() -> None:
    settings = {"noise": {"p": 1, "kinds": ["pink"]}, "speed": {"p": 1}}
    first, other = effects(2, **settings)
    assert first == effects(1, **settings)[0] != other
    more = effects(1, **settings, gain={"p": 1}, room={"p": 1}, codec={"p": 1, "kinds": ["opus"], "kbps": [8, 8]})[0]
    assert [one for one in more if one["effect"] in ("noise", "speed")] == first
    assert more[-1] == {"effect": "codec", "kind": "opus", "kbps": 8}
    written, (asked,) = drawn("row 0", **settings)
    assert asked.clip == CLIP["bytes"] and json.loads(asked.effects) == first and asked.babble == b""
    assert set(written) == set(augment.STAGE.writes(augment.Config(**settings)))
    assert written["augmented_audio"]["path"].endswith(".flac")


def test_a_clip_that_draws_nothing_stays_and_no_engine_is_asked() -> None:
    context = Context(augment.Config(gain={"p": 1e-9}), seed=7, stage="augment")
    row, asked = drive(augment.STAGE.run({"id": "r", "audio": CLIP}, context), unasked)
    assert row == {"augmented_audio": CLIP, "augmentation": "[]"} and not asked


def test_babble_alone_takes_the_voices_along() -> None:
    _, asked = drawn("r", b"npy", noise={"p": 1, "kinds": ["babble"], "speakers": [4, 4]})
    assert asked[0].babble == b"npy" and json.loads(asked[0].effects)[0]["speakers"] == 4
    config = augment.Config(noise={"p": 1, "kinds": ["babble"]})
    assert (
        augment.STAGE.artifacts(config) == ("babble",) and augment.STAGE.artifacts(augment.Config(preset="moshi")) == ()
    )


def test_what_is_given_takes_the_place_of_the_preset_s() -> None:
    config = augment.Config(preset="moshi", noise={"kinds": ["folder"]}, gain={"p": 0})
    assert (config.noise.p, config.noise.snr, config.noise.kinds, config.gain.p) == (0.3, (-6, 30), ("folder",), 0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "no effect has a p above 0: name a preset"),
        ({"preset": "moshy"}, "moshi"),
        ({"noise": {"p": 1, "snr": [9, 3]}}, "a range begins with its lower end"),
        ({"noise": {"p": 1, "kinds": ["babbel"]}}, "babble"),
        ({"noise": {"p": 2}}, "less than or equal to 1"),
        ({"noise": {"p": 1, "snr": [-400, 400]}}, r"\[-400, 400\] goes beyond an SNR in dB: -20 to 60"),
        ({"noise": {"p": 1, "snr": [float("nan"), 5]}}, "finite number"),
        ({"noise": {"p": 1, "speakers": [5, 3]}}, "a range begins with its lower end"),
        ({"noise": {"p": 1, "speakers": [0, 3]}}, r"\[0, 3\] goes beyond voices of babble: 1 to 100"),
        ({"noise": {"p": float("nan")}}, "finite number"),
        ({"noise": {"p": -0.1}}, "greater than or equal to 0"),
        ({"gain": {"p": 1, "db": [-400, 400]}}, r"\[-400, 400\] goes beyond a gain in dB: -60 to 40"),
        ({"gain": {"p": 1, "db": [5, -5]}}, "a range begins with its lower end"),
        ({"gain": {"p": 1, "db": [0, float("inf")]}}, "finite number"),
        ({"speed": {"p": 1, "factor": [0.1, 1]}}, "how many times as fast a clip is played: 0.5 to 2"),
        ({"speed": {"p": 1, "factor": [1, 3]}}, "0.5 to 2"),
        ({"room": {"p": 1, "rt60": [0, 1]}}, "seconds of a room that is simulated: 0.05 to 2"),
        ({"codec": {"p": 1, "kbps": [-1, 64]}}, "kilobits a second of speech: 1 to 510"),
        ({"codec": {"p": 1, "kbps": [64, 8]}}, "a range begins with its lower end"),
        ({"codec": {"p": 1, "kinds": ["gsm"], "kbps": [1, 9]}}, "gsm has 13.2: none of them is within"),
        ({"noise": "loud"}, "noise"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        augment.Config(**settings)


def test_an_engine_without_the_folder_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = backend("augmenter_signal")
    bare = declared.config()
    for settings, says in (
        ({"noise": {"p": 1, "kinds": ["folder"]}}, "no folder of noises: give it `noises: FOLDER`"),
        ({"room": {"p": 1, "kinds": ["folder"]}}, "no folder of impulse responses: give it `rooms: FOLDER`"),
    ):
        assert says in augment.STAGE.refuses_engine(augment.Config(**settings), declared, bare)
    amr = augment.Config(codec={"p": 1, "kinds": ["amr_nb"]})
    assert augment.STAGE.refuses_engine(amr, declared, bare) == ""
    monkeypatch.setattr(augment, "version_of", lambda *_: "")
    assert "pip install av" in augment.STAGE.refuses_engine(amr, declared, bare)


def voices(rows: list[dict[str, Any]], **settings: Any) -> np.ndarray:
    context = Context(fit_babble.Config(**settings), seed=1, stage="fit_babble")
    returned, asked = drive(fit_babble.STAGE.run(iter(rows), context), unasked)
    assert not asked
    return np.asarray(np.load(io.BytesIO(returned["babble"]), allow_pickle=False))


def test_voices_of_other_speakers_as_loud_as_each_other_whatever_the_order() -> None:
    """Speaker n hums at 200 + 50 n hertz."""
    rows = [
        {"id": f"r{n}", "speaker": f"s{n % 6}", "audio": {"bytes": flac(beep(8000, 0.7, 0.1 + 0.01 * n, 200 + 50 * (n % 6)), 8000)}}
        for n in range(24)
    ]  # fmt: skip
    voiced = voices(rows, voices=4, seconds=2)
    assert voiced.shape == (4, 2 * RATE) and voiced.dtype == np.int16
    tones = {round(int(np.abs(np.fft.rfft(one)).argmax()) / 2 / 50) for one in voiced}
    assert len(tones) == 4, "each is another speaker"
    assert [speech_decibels(one / 32768, RATE) for one in voiced] == pytest.approx([-23] * 4, abs=0.5)
    assert np.array_equal(voiced, voices(rows[::-1], voices=4, seconds=2))
    nameless = [{"id": row["id"], "audio": row["audio"]} for row in rows]
    assert voices(nameless, voices=30, seconds=1).shape == (24, RATE)


def test_clips_without_speech_are_no_voices() -> None:
    silent = {"bytes": flac(np.zeros(9000)), "path": ""}
    some = [{"id": "a", "audio": silent}, {"id": "b", "audio": {"bytes": b"broken"}}, {"id": "c", "audio": CLIP}]
    assert voices(some, seconds=1).shape == (1, RATE)
    with pytest.raises(ValueError, match="none of 2 clips has speech"):
        voices(some[:2])


def test_voices_have_a_size_that_requests_can_carry() -> None:
    assert fit_babble.Config(voices=1000, seconds=1).voices == 1000
    with pytest.raises(ValidationError, match="1000 voices of 8 s are 8,000 s, and 1,000 s in all are the most"):
        fit_babble.Config(voices=1000)
