"""`listen` and `rate`: what they ask of a clip and what they write of it."""

from typing import Any

import numpy as np
import pytest

from tests.helpers.talk import drive
from voxsmith.models import audio
from voxsmith.schemas.columns import column
from voxsmith.stages import listen, rate, recognise
from voxsmith.stages.context import Context
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.mos import Rate, Score
from voxsmith.stages.requests.speaker import Voiceprint

RATE = 16000


def tone(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


CLIP = audio.encode(np.concatenate([tone(1.0), np.zeros(RATE // 2, np.float32), tone(0.5)]), RATE)
ROW: dict[str, Any] = {
    "id": "r",
    "query_text": "It's five o'clock.",
    "query_audio_2": {"bytes": CLIP, "path": "x.flac"},
}


def test_listen_writes_what_was_heard_and_what_the_signal_shows() -> None:
    context = Context(listen.Config(of="query", attempt=2, language="en"))
    written, asked = drive(listen.STAGE.run(ROW, context), lambda request: Heard("It is 5 a clock."))
    assert asked == [Transcribe(CLIP, "en"), Transcribe(CLIP, "en", careful=True)]
    assert set(written) == set(listen.STAGE.writes(context.config))
    assert written["query_heard_2"] == "It is 5 a clock."
    assert 0 < written["query_cer_2"] < written["query_wer_2"] <= 0.5
    assert written["query_duration_2"] == pytest.approx(2.0)
    assert written["query_silence_2"] == pytest.approx(0.5, abs=0.02)
    assert written["query_tail_2"] == pytest.approx(0, abs=1.5)
    assert written["query_clipping_2"] > 0


def test_what_is_heard_as_it_was_meant_is_not_heard_again() -> None:
    said = drive(
        listen.STAGE.run(ROW, Context(listen.Config(of="query", attempt=2))), lambda _: Heard("It is 5 o'clock")
    )
    assert said[1] == [Transcribe(CLIP, "en")] and said[0]["query_wer_2"] == 0


def test_of_a_doubtful_clip_the_careful_hearing_counts() -> None:
    heard = {False: Heard("It's five o'clock. It's five o'clock."), True: Heard("It's five o'clock.")}
    context = Context(listen.Config(of="query", attempt=2))
    written, _ = drive(listen.STAGE.run(ROW, context), lambda request: heard[request.careful])
    assert (written["query_heard_2"], written["query_wer_2"]) == ("It's five o'clock.", 0)


def test_nothing_heard_is_all_wrong() -> None:
    written, _ = drive(listen.STAGE.run(ROW, Context(listen.Config(of="query", attempt=2))), lambda request: Heard(""))
    assert (written["query_heard_2"], written["query_wer_2"], written["query_cer_2"]) == ("", 1.0, 1.0)


def test_rate_writes_the_score() -> None:
    context = Context(rate.Config(of="query", attempt=2))
    written, asked = drive(rate.STAGE.run(ROW, context), lambda request: Score(3.25))
    assert asked == [Rate(CLIP)]
    assert written == {"query_mos_2": 3.25}


@pytest.mark.parametrize("stage", [listen.STAGE, rate.STAGE], ids=["listen", "rate"])
def test_each_attempt_has_columns_of_its_own(stage: Any) -> None:
    first, second = (stage.config(of="answer", attempts=2, attempt=attempt) for attempt in (1, 2))
    assert not set(stage.writes(first)) & set(stage.writes(second))
    for config in (first, second):
        assert stage.reads(config)[0] == f"answer_audio_{config.attempt}"  # no clip, nothing to do
        assert all(column(name) for name in (*stage.reads(config), *stage.writes(config)))


def test_a_recorded_clip_has_no_attempts_and_is_held_against_what_its_corpus_says() -> None:
    context = Context(listen.Config(of="row", attempt=0))
    row = {"id": "r", "audio": {"bytes": CLIP, "path": "x"}, "source_transcript": "IT'S FIVE O'CLOCK"}
    written, asked = drive(listen.STAGE.run(row, context), lambda request: Heard("Its fine."))
    assert asked == [Transcribe(CLIP, "en"), Transcribe(CLIP, "en", careful=True)]
    assert list(written) == ["heard", "duration", "silence", "clipping", "tail"]
    _, asked = drive(listen.STAGE.run(row | {"source_transcript": None}, context), lambda request: Heard("Its fine."))
    assert asked == [Transcribe(CLIP, "en")]
    assert listen.STAGE.reads(context.config) == ("audio",)
    assert listen.STAGE.optional(context.config) == ("source_transcript", "language")
    assert listen.STAGE.optional(listen.Config(of="augmented", attempt=0)) == ("transcript", "query_text", "language")


def test_recorded_clips_are_recognised_by_their_conversations_other_clips() -> None:
    voices = {b"a": np.array([1.0, 0.0], np.float32), b"b": np.array([0.6, 0.8], np.float32)}
    rows = [{"id": name.decode(), "audio": {"bytes": name, "path": "x"}, "voice": None} for name in voices]
    context = Context(recognise.Config(of="row"))
    written, asked = drive(recognise.STAGE.run(rows, context), lambda request: Voiceprint(voices[request.clip]))
    assert [one["similarity"] for one in written] == [pytest.approx(0.6)] * 2 and len(asked) == 2
    assert recognise.STAGE.reads(context.config) == ("audio",) and recognise.STAGE.optional(context.config) == (
        "voice",
    )


@pytest.mark.parametrize(("language", "asked_in"), [("de-AT", "de"), (None, "fr")])
def test_a_recorded_clip_is_heard_in_its_own_language(language: str | None, asked_in: str) -> None:
    config = listen.Config(of="row", attempt=0, language="fr")
    assert "language" in listen.STAGE.optional(config)
    row = {"id": "r", "audio": ROW["query_audio_2"], "source_transcript": None, "language": language}
    _, asked = drive(listen.STAGE.run(row, Context(config)), lambda _: Heard("Guten Tag"))
    assert asked == [Transcribe(CLIP, asked_in)]
