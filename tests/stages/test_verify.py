"""`verify` and what it forgives: transcripts of real clips against what Whisper base heard in them."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.paths import DATA
from tests.helpers.talk import drive
from voxsmith.schemas.checks import AugmentedChecks, Checks, RecordedChecks
from voxsmith.stages import verify
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.text.mislabelled import hold

PLANTED = [json.loads(line) for line in (DATA / "planted_transcripts.jsonl").read_text().splitlines()]
LIMITS = RecordedChecks()
SHORT = "In the evening the old grey cat of our neighbours sat on the mat before the door"
LONG = f"{SHORT} and looked at the moon."
KING = "Once upon a time there was a king on the hill"


def fault(written: str, heard: str, language: str = "en", **limits: Any) -> str:
    return hold(written, heard, language, RecordedChecks(**limits)).fault


@pytest.mark.parametrize(
    "case", [one for one in PLANTED if one["verdict"] == "mislabelled"], ids=lambda one: one["clip"]
)
def test_a_planted_mistake_is_caught(case: dict[str, str]) -> None:
    assert fault(case["written"], case["heard"])


def test_of_sixty_good_clips_hardly_one_is_refused() -> None:
    good = [one for one in PLANTED if one["verdict"] == "good"]
    refused = [one["clip"] for one in good if fault(one["written"], one["heard"])]
    assert len(good) == 60 and len(refused) <= 3, refused
    assert Counter(one["kind"] for one in PLANTED if one["verdict"] != "good") == {
        "other clip": 5, "cut": 5, "doubled word": 5, "other language": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("MAY TEN EIGHTEEN FIFTY ONE MADAME", "May 10, 1851. Madam."),
        ("four queen of clubs", "4 Queen of Cloves"),
        (
            "but the first Bible (which also was printed at Maintz) was dated",
            "But the first Bible, which also was printed at Mainz, was dated.",
        ),
        ("NORTHANGER ABBEY", "Norfanger Abbey."),
        ("no", "Now."),
        ("he had had enough of that that day", "He had had enough of that that day."),
        ("colour the harbour", "Color the harbor."),
    ],
)
def test_spelling_numbers_and_slips_are_forgiven(written: str, heard: str) -> None:
    assert fault(written, heard) == ""


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("MAY TEN EIGHTEEN FIFTY ONE", "May 10, 1851."),
        ("MAY TEN EIGHTEEN FIFTY ONE", "May 10th, 1851."),
        ("NINETEEN OH FIVE", "1905"),
        ("SEVEN THIRTY P M", "7.30 p.m."),
        ("DOUBLE O SEVEN", "007"),
        ("ONE THOUSAND EIGHT HUNDRED AND FIFTY ONE", "1,851"),
        ("chapter 34", "CHAPTER THIRTY FOUR"),
        ("five point two percent", "5.2%"),
    ],
)
def test_numbers_are_the_same_in_words_and_in_digits(written: str, heard: str) -> None:
    held = hold(written, heard, "en", LIMITS)
    assert (held.fault, held.errors.wrong_words, held.errors.wrong_letters) == ("", 0, 0)


def test_another_number_is_another_word() -> None:
    held = hold("MAY TEN EIGHTEEN FIFTY ONE", "May 10, 1852.", "en", LIMITS)
    assert (held.errors.wrong_words, held.errors.words) == (1, 5)  # "one" heard as "two"
    assert (held.errors.wrong_letters, held.errors.letters) == (3, 22)
    assert "of the letters" in fault("MAY TEN EIGHTEEN FIFTY ONE", "June 25, 1930.")


SHORT_CLIPS = [one for one in PLANTED if one["verdict"] == "good" and len(one["written"].split()) <= 6]


@pytest.mark.parametrize("other", range(1, len(SHORT_CLIPS)))
def test_a_short_clip_with_another_s_transcript_is_caught(other: int) -> None:
    for place, clip in enumerate(SHORT_CLIPS):
        assert fault(clip["written"], clip["heard"]) == ""
        assert fault(SHORT_CLIPS[place - other]["written"], clip["heard"]), clip


@pytest.mark.parametrize("written", ["no", "ten", "yes", "um", "go on", "I", "stop it", "NINE"])
@pytest.mark.parametrize("heard", ["Ask.", "Well, he did.", "Thank you.", "Two.", "17", "Because."])
def test_no_text_is_so_short_that_any_other_passes(written: str, heard: str) -> None:
    assert fault(written, heard)


@pytest.mark.parametrize(
    ("written", "heard", "why"),
    [
        ("the cat sat on the mat", "", "nothing was heard in the clip"),
        (SHORT, LONG, "'and looked at the moon' was heard, which isn't written"),
        (LONG, SHORT, "'and looked at the moon' was not heard: 18 letters"),
        ("the cat sat sat on the mat", "The cat sat on the mat.", "'sat sat' is written, and was heard once"),
        ("on the mat on the mat", "On the mat.", "of the letters were heard otherwise"),
        (f"{KING} on the hill", KING, "'on the hill on the hill' is written, and was heard once"),
    ],
)
def test_what_is_wrong_is_said(written: str, heard: str, why: str) -> None:
    assert why in fault(written, heard, max_lost=12 if "moon" in written else 20)


@pytest.mark.parametrize(
    ("written", "heard", "fine"),
    [
        ("um", "Um.", True), ("um", "I", True), ("uh, um", "And that was all there was.", False), ("um", "", True),
        ("!?", "", True), ("\x00", "a", True), ("\x00", "He did.", False), ("ｆｕｌｌ", "full", True), ("(laughs)", "", False),
    ],
)  # fmt: skip
def test_texts_of_which_hardly_a_word_is_left(written: str, heard: str, fine: bool) -> None:
    assert (fault(written, heard) == "") == fine


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["en", "de", "ja", "xx", ""]))
@settings(max_examples=100, deadline=None)
def test_any_two_texts_can_be_compared(written: str, heard: str, language: str) -> None:
    held = hold(written, heard, language, LIMITS)
    assert held.errors.wer >= 0 and held.errors.cer >= 0
    said = written.translate(dict.fromkeys(map(ord, "()[]{}<>"), " "))  # what is heard in brackets is ASR's note
    assert not hold(written, said, language, LIMITS).fault


def test_other_languages_have_a_normaliser_of_their_own() -> None:
    assert fault("Er hatte drei Äpfel – und fünf Birnen!", "er hatte drei Äpfel und fünf Birnen", "de") == ""
    assert fault("今日は天気がいいです。", "今日は天気がいいです", "ja") == ""
    assert fault("今日は天気がいいです。", "昨日の夜は雨でした", "ja")


def test_verify_measures_and_rejects() -> None:
    context = Context(verify.Config(), LIMITS)
    row = {"id": "r", "source": "a", "transcript": "the cat sat on the mat", "heard": "The cat sat on a mat."}
    written, asked = drive(verify.STAGE.run(row, context), lambda request: None)
    assert not asked and list(written) == ["wer", "cer"]
    # "the" for "a": one of six words, three of seventeen letters
    assert (written["wer"], written["cer"]) == (pytest.approx(1 / 6), pytest.approx(3 / 17))
    bad = row | {"heard": "A completely different sentence."}
    with pytest.raises(Reject) as caught:
        drive(verify.STAGE.run(bad, context), lambda request: None)
    assert caught.value.reason == "mislabelled"
    assert caught.value.sample == "written: the cat sat on the mat\nheard: A completely different sentence."
    measured, _ = drive(verify.STAGE.run(bad, Context(verify.Config(reject=False), LIMITS)), lambda request: None)
    assert measured["wer"] >= 0.8


def test_an_augmented_clip_is_held_against_the_rows_transcript() -> None:
    config = verify.Config(of="augmented")
    assert verify.STAGE.reads(config) == ("transcript", "augmented_heard", "source")
    assert verify.STAGE.writes(config) == ("augmented_wer", "augmented_cer")
    row = {"id": "r", "source": "a", "transcript": "the cat sat on the mat", "augmented_heard": "Uh."}
    with pytest.raises(Reject) as caught:
        drive(verify.STAGE.run(row, Context(config, AugmentedChecks())), lambda request: None)
    assert caught.value.reason == "too_hard"


def test_limits_of_a_corpus() -> None:
    checks = Checks.model_validate(
        {"recorded": {"max_cer": 0.3, "sources": {"phone": {"max_cer": 0.6, "doubled": True}}}}
    )
    assert checks.recorded.of("studio").max_cer == 0.3 and not checks.recorded.of("studio").doubled
    assert checks.recorded.of("phone").max_cer == 0.6 and checks.recorded.of("phone").doubled
    assert checks.recorded.of("phone").max_lost == checks.recorded.of(None).max_lost == 10
