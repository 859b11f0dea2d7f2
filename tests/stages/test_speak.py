"""`speak`: what is asked of a voice, for the first attempt and for later ones."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.helpers.clips import GOOD, TEXT
from tests.helpers.talk import drive, unasked
from voxsmith.models import audio
from voxsmith.schemas.checks import ClipChecks as Checks
from voxsmith.schemas.columns import column
from voxsmith.stages.context import Context
from voxsmith.stages.requests.tts import Clip, Speak
from voxsmith.stages.speak import STAGE, Config, draw_voice
from voxsmith.stages.verdict import MEASURES

VOICES = ("af_heart", "bf_emma", "am_puck")
NAMES = st.lists(st.text("abcdefgh_", min_size=1, max_size=8), min_size=1, max_size=12, unique=True)


def context(**changes: Any) -> Context:
    return Context(Config(of="query", voices=VOICES, **changes), Checks(), 7, "speak")


def row(**before: Any) -> dict[str, Any]:
    first = {f"query_{name}_1": value for name, value in before.items()}
    return {"id": "c1-0", "conversation_id": "c1", "query_spoken": TEXT.lower(), "query_text": TEXT} | first


def test_a_clip_is_asked_for_and_named_by_its_content() -> None:
    written, (asked,) = drive(STAGE.run(row(), context(sample_rate=16000)), lambda request: Clip(b"flac"))
    assert asked.text == TEXT.lower()
    assert asked.voice == draw_voice("c1", VOICES) == written["query_voice_1"]
    assert (asked.speed, asked.sample_rate, asked.loudness, asked.finish) == (1.0, 16000, -23.0, audio.FINISH)
    assert written["query_audio_1"]["bytes"] == b"flac"
    assert written["query_audio_1"]["path"].endswith(".flac")
    other, _ = drive(STAGE.run(row(), context()), lambda request: Clip(b"other"))
    assert other["query_audio_1"]["path"] != written["query_audio_1"]["path"]


def test_a_clip_that_passed_is_not_spoken_again() -> None:
    assert drive(STAGE.run(row(**GOOD), context(attempt=2)), unasked) == ({}, [])


def test_a_clip_that_nobody_spoke_is_not_spoken_again() -> None:
    """Where the second attempt wasn't needed its measures are null, so there is no third."""
    assert drive(STAGE.run(row(), context(attempt=3)), unasked) == ({}, [])


def test_a_clip_that_failed_is_spoken_again_otherwise() -> None:
    failed = row(**GOOD | {"wer": 0.5, "cer": 0.5})
    written, (again,) = drive(STAGE.run(failed, context(attempt=2)), lambda request: Clip(b"again"))
    _, (first,) = drive(STAGE.run(row(), context()), lambda request: Clip(b"first"))
    assert (again.text, again.voice) == (first.text, first.voice)
    assert (first.speed, again.speed) == (1.0, 0.9)
    assert first.seed != again.seed
    assert set(written) == {"query_audio_2", "query_voice_2"}


def test_what_fails_hangs_on_the_checks() -> None:
    strict = Context(context(attempt=2).config, Checks(min_mos=4.0), 7, "speak")
    assert len(drive(STAGE.run(row(**GOOD), strict), lambda request: Clip(b"again"))[1]) == 1


def test_columns_of_each_attempt() -> None:
    first, second = context(attempts=2).config, context(attempts=2, attempt=2).config
    assert (STAGE.reads(first), STAGE.optional(first)) == (("query_spoken",), ())
    assert STAGE.reads(second) == ("query_spoken", "query_text")
    assert set(STAGE.optional(second)) == {f"query_{name}_1" for name in MEASURES}
    assert (STAGE.checks(first), STAGE.checks(second)) == (None, "query_clip")
    for config in (first, second):
        assert STAGE.kept_as(config) == STAGE.writes(config)[0]
        assert all(column(name) for name in (*STAGE.reads(config), *STAGE.optional(config), *STAGE.writes(config)))


@pytest.mark.parametrize("wrong", [{"voices": ()}, {"of": "both"}, {"speeds": ()}, {"attempts": 0}, {"loud": 1}])
def test_a_wrong_setting_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"of": "query", "voices": VOICES} | wrong)


@pytest.mark.parametrize("attempt", [1, 2, 3, 4])
def test_more_attempts_than_speeds_are_an_error_that_says_what_to_do(attempt: int) -> None:
    with pytest.raises(
        ValidationError, match=r"attempts is 4 but speeds has 3.*give a speed for each attempt, or lower"
    ):
        context(attempts=4, attempt=attempt)
    asked = drive(
        STAGE.run(row(), context(attempts=4, attempt=1, speeds=(1.0, 0.9, 1.1, 0.8))), lambda request: Clip(b"flac")
    )[1]
    assert asked[0].speed == 1.0
    assert context(attempts=3, attempt=min(attempt, 3)).config.attempts == 3


@settings(deadline=None)
@given(NAMES, st.text(max_size=20))
def test_a_voice_that_is_added_takes_only_what_falls_to_it(names: list[str], conversation: str) -> None:
    *voices, added = [*names, "new voice"]
    before, after = draw_voice(conversation, tuple(voices)), draw_voice(conversation, (added, *voices))
    assert after in (before, added)
    assert draw_voice(conversation, tuple(sorted(voices))) == before  # their order says nothing


def test_voices_are_drawn_evenly() -> None:
    drawn = [draw_voice(f"c{number}", VOICES) for number in range(3000)]
    assert all(850 < drawn.count(voice) < 1150 for voice in VOICES)


def test_the_request_names_all_that_the_clip_hangs_on() -> None:
    asking: Callable[..., Speak] = lambda **changes: Speak("Hi.", "af_heart", **changes)  # noqa: E731
    others = [asking(finish="x"), asking(speed=0.9), asking(loudness=-20.0), asking(sample_rate=16000), asking(seed=1)]
    assert len({request.digest("kokoro") for request in [asking(), *others]}) == 6
    assert asking().digest("kokoro") != asking().digest("another")
