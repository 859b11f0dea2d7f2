"""`pick`: the first attempt whose clip passed, or a reject that says what was wrong with each."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.clips import GOOD, TEXT
from tests.helpers.talk import drive, unasked
from voxsmith.schemas.checks import ClipChecks as Checks
from voxsmith.schemas.columns import SIDE_COLUMNS, column
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.pick import STAGE, Config
from voxsmith.stages.verdict import MEASURES

NOISY = GOOD | {"mos": 1.5, "wer": 0.1}
WRONG = GOOD | {"heard": "Thank you.", "wer": 0.9, "cer": 0.8}


def row(*attempts: dict[str, Any] | None) -> dict[str, Any]:
    values: dict[str, Any] = {"id": "r", "answer_text": TEXT}
    for number, measured in enumerate(attempts, 1):
        measured = measured or dict.fromkeys(GOOD)
        values |= {f"answer_{name}_{number}": value for name, value in measured.items()}
        values[f"answer_voice_{number}"] = f"voice {number}" if measured["duration"] else None
    return values


def picked(*attempts: dict[str, Any] | None) -> dict[str, Any]:
    context = Context(Config(of="answer", attempts=len(attempts)), Checks())
    written: dict[str, Any] = drive(STAGE.run(row(*attempts), context), unasked)[0]
    assert set(written) == set(STAGE.writes(context.config))
    return written


def test_the_first_that_passed_is_taken_with_its_measures() -> None:
    written = picked(GOOD, None)
    assert (written["answer_audio"], written["answer_speech_attempts"], written["answer_voice"]) == (0, 1, "voice 1")
    written = picked(WRONG, NOISY, GOOD | {"mos": 3.1})
    assert (written["answer_audio"], written["answer_speech_attempts"], written["answer_voice"]) == (2, 3, "voice 3")
    assert {name: written[f"answer_{name}"] for name in MEASURES} == GOOD | {"mos": 3.1}


def test_none_passed_is_a_reject_for_the_reason_of_the_best() -> None:
    with pytest.raises(Reject) as caught:
        picked(WRONG, NOISY)
    assert caught.value.reason == "mos"
    assert "attempt 1: " in caught.value.message
    assert "attempt 2: the predicted opinion score is 1.50" in caught.value.message
    assert TEXT in caught.value.sample


def test_a_clip_that_was_not_rated_can_be_taken() -> None:
    unrated = {name: value for name, value in row(GOOD).items() if name != "answer_mos_1"}
    written, _ = drive(STAGE.run(unrated, Context(Config(of="answer"), Checks())), unasked)
    assert written["answer_mos"] is None


@settings(deadline=None)
@given(st.lists(st.sampled_from([GOOD, NOISY, WRONG]), min_size=1, max_size=4))
def test_any_run_of_attempts_is_picked_from_or_rejected(attempts: list[dict[str, Any]]) -> None:
    if GOOD in attempts:
        assert picked(*attempts)["answer_audio"] == attempts.index(GOOD)
    else:
        with pytest.raises(Reject):
            picked(*attempts)


def test_its_columns_are_known_and_it_points_at_the_clips_of_all_attempts() -> None:
    config = Config(of="query", attempts=3)
    names = (*STAGE.reads(config), *STAGE.optional(config), *STAGE.writes(config))
    assert all(column(name) for name in names)
    assert STAGE.choices(config) == {"query_audio": ("query_audio_1", "query_audio_2", "query_audio_3")}
    assert STAGE.checks(config) == "query_clip"
    assert {f"query_{name}" for name in MEASURES} < set(STAGE.writes(config))
    assert set(MEASURES) < set(SIDE_COLUMNS)
