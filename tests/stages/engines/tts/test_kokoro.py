"""Kokoro: real clips."""

import re

import numpy as np
import pytest

from voxsmith.models import audio
from voxsmith.models.text.wer import error_rates
from voxsmith.stages.engines.asr import whisper as asr_whisper
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.tts.kokoro import BACKEND, TOKENS, VOICES, Config, Kokoro, _readable
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.tts import Speak

LONG = " ".join(
    f"Step {number}: take the bowl, add {number} spoons of flour (or sugar, if you like), and stir it well!"
    for number in range(2, 14)
)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def test_clips_do_not_depend_on_their_neighbours(kokoro: Kokoro, ask) -> None:
    requests = [Speak("Hello there.", "af_heart"), Speak("It is five.", "bm_george", speed=1.2)]
    together = ask(kokoro, requests)
    assert together == ask(kokoro, requests[::-1])[::-1]
    other = BACKEND.load(Config())
    assert together[:1] == ask(other, requests[:1])
    other.close()


def test_a_finished_clip(kokoro: Kokoro, ask) -> None:
    requests = [
        Speak("Hello, how are you?", "am_adam", sample_rate=16000, loudness=-26.0),
        Speak("Hello, how are you?", "am_adam", sample_rate=16000, loudness=-26.0, speed=1.5),
    ]
    usual, quick = [audio.decode(clip.flac) for clip in ask(kokoro, requests)]
    for samples, rate in (usual, quick):
        assert rate == 16000
        assert audio.active_level(samples, rate) == pytest.approx(-26.0, abs=0.1)
        assert audio.clipping(samples) < 0.001
        assert audio.tail_level(samples, rate) < -20
        assert len(audio.trim(samples, rate)) > len(samples) - 0.04 * rate
    assert 1.2 < len(usual[0]) / len(quick[0]) < 1.8


def test_too_loud_is_as_loud_as_can_be_without_clipping(kokoro: Kokoro, ask) -> None:
    samples, _ = audio.decode(ask(kokoro, [Speak("Yes, of course!", "af_sky", loudness=0.0)])[0].flac)
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(audio.PEAK, abs=0.05)


@pytest.mark.parametrize(
    "text",
    [LONG, LONG.replace("!", "").replace(":", ","), re.sub(r"[^\w\s]", "", LONG)],
    ids=["sentences", "clauses", "words"],
)
def test_a_long_text_is_cut_where_it_may_be_and_loses_nothing(kokoro: Kokoro, text: str) -> None:
    pieces = kokoro.pieces(text)
    assert len(pieces) > 1
    assert all(0 < len(kokoro.tokens(piece)) <= TOKENS - 2 for piece in pieces)
    assert [word for piece in pieces for word in words(piece)] == words(text)
    if "!" in text:
        assert all(piece.endswith("!") for piece in pieces)


def test_an_endless_word_is_broken_up_lest_it_takes_the_g2p_minutes() -> None:
    assert _readable("  so " + "ab" * 500).replace(" ", "") == "so" + "ab" * 500
    assert max(map(len, _readable("ab" * 500).split())) == 64
    assert _readable("An internationalisation\n is fine.") == "An internationalisation is fine."


def test_a_short_text_is_one_piece(kokoro: Kokoro) -> None:
    assert kokoro.pieces("One. Two. Three.") == ["One. Two. Three."]


def test_pieces_are_joined_with_a_pause(kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxsmith.stages.engines.tts.kokoro.TOKENS", 20)
    one, two = (kokoro.speak(Speak(text, "af_bella")).flac for text in ("Good morning.", "Good evening."))
    both = kokoro.speak(Speak("Good morning. Good evening.", "af_bella")).flac
    samples, rate = audio.decode(both)
    assert audio.longest_silence(samples, rate) == pytest.approx(0.26, abs=0.06)
    parts = sum(len(audio.decode(clip)[0]) for clip in (one, two))
    assert len(samples) / rate == pytest.approx(parts / rate + 0.1, abs=0.05)


def test_a_joined_text_has_no_click_and_lacks_no_word(kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxsmith.stages.engines.tts.kokoro.TOKENS", 60)
    text = (
        "Bring a pot of water to the boil. Add some salt, and then the pasta, and stir it for the first minute. "
        "Taste it after nine minutes; it should be soft outside, and firm inside. Then drain it, and serve it at once."
    )
    assert len(kokoro.pieces(text)) >= 4
    clip = kokoro.speak(Speak(text, "af_heart")).flac
    samples, rate = audio.decode(clip)
    still = np.convolve(samples == 0, np.ones(round(0.09 * rate)), "valid") == round(0.09 * rate)  # within a pause
    edges = np.flatnonzero(np.diff(still.astype(int)))
    assert len(edges) >= 6
    spots = [*edges[::2], *(edges[1::2] + round(0.09 * rate))]
    assert max(np.abs(samples[max(0, spot - 24) : spot + 24]).max() for spot in spots) < 0.01, (
        "silent within a millisecond"
    )
    whisper = asr_whisper.BACKEND.load(asr_whisper.Config())
    heard = whisper.submit(Transcribe(clip)).result(120).text
    whisper.close()
    assert error_rates(text, heard)[0] == 0, heard


@pytest.mark.parametrize("text", ["", "  \n", "...", "?!", "🙂", "你好", "Привет, my friend"])
def test_what_nobody_can_say_in_english_is_refused(kokoro: Kokoro, ask, text: str) -> None:
    with pytest.raises(Refused, match="unspeakable"):
        ask(kokoro, [Speak(text, "af_heart")])


def test_accents_and_signs_are_read_past(kokoro: Kokoro) -> None:
    assert kokoro.tokens("A naïve café 🙂.")


def test_an_unknown_voice_is_refused_with_those_there_are(kokoro: Kokoro, ask) -> None:
    with pytest.raises(Refused, match=r"unknown_voice: no voice 'af_hart'; there are .*af_heart"):
        ask(kokoro, [Speak("Hello.", "af_hart")])


def test_voices_are_those_of_the_model(kokoro: Kokoro) -> None:
    assert sorted(VOICES) == sorted(file.stem for file in (kokoro.folder / "voices").glob("*.bin"))
    assert VOICES["bf_emma"] == "female, British"


def test_identity_names_model_and_g2p_not_machine_settings() -> None:
    assert BACKEND.identity(Config()) == BACKEND.identity(
        Config.model_validate({"resources": {"threads": 2, "replicas": 3}})
    )
    assert BACKEND.identity(Config())["model"].startswith("kokoro-82m@")
    assert BACKEND.licence(Config()) == "Apache-2.0"
    assert BACKEND.models(Config()) == ("kokoro-82m",)
