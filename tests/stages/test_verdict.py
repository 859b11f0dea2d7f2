"""The verdict on a clip, from its measures."""

from typing import Any

import pytest

from voxsmith.schemas.checks import ClipChecks
from voxsmith.stages.verdict import MEASURES, clip_fault, measures

TEXT = "The weather is nice today, so we are going to the park."
FINE: dict[str, Any] = {
    "heard": TEXT, "wer": 0.0, "cer": 0.0, "mos": 3.4, "duration": 3.2, "silence": 0.3, "clipping": 0.0, "tail": -60.0
}  # fmt: skip


def test_a_good_clip_has_no_fault() -> None:
    assert clip_fault(FINE, TEXT, ClipChecks()) is None


def test_a_clip_that_was_not_rated_is_judged_by_the_rest() -> None:
    assert clip_fault(FINE | {"mos": None}, TEXT, ClipChecks()) is None


@pytest.mark.parametrize(
    ("reason", "measured"),
    [
        ("empty_clip", {"duration": 0.0}),
        ("empty_clip", {"duration": None}),
        ("wer", {"wer": 0.3}),
        ("cer", {"cer": 0.3}),
        ("words_lost", {"heard": "The weather is nice, so we are going to the park."}),
        ("words_added", {"heard": f"{TEXT} Thanks for watching."}),
        ("words_lost", {"heard": None}),
        ("mos", {"mos": 1.5}),
        ("silence", {"silence": 2.4}),
        ("clipping", {"clipping": 0.02}),
        ("cut_off", {"tail": -1.0}),
        ("too_slow", {"duration": 14.0}),
        ("too_fast", {"duration": 1.2}),
    ],
)
def test_each_fault_has_its_reason(reason: str, measured: dict[str, Any]) -> None:
    fault = clip_fault(FINE | measured, TEXT, ClipChecks())
    assert fault is not None
    assert fault.reason == reason
    assert fault.message


def test_one_word_misheard_in_a_short_text_is_judged_by_its_sounds() -> None:
    text = "Ask Rachael."
    measured = FINE | {"duration": 0.9, "wer": 0.5, "heard": "Ask Rachel."}
    assert clip_fault(measured | {"cer": 0.1}, text, ClipChecks()) is None
    fault = clip_fault(measured | {"cer": 0.6, "heard": "Ask your mum."}, text, ClipChecks())
    assert fault and fault.reason == "wer"


@pytest.mark.parametrize(
    ("text", "seconds"), [("No.", 0.45), ("Yes.", 0.92), ("Paris, France.", 1.76), ("It was 1987.", 1.9)]
)
def test_short_texts_are_neither_too_slow_nor_too_fast(text: str, seconds: float) -> None:
    assert clip_fault(FINE | {"duration": seconds, "heard": text}, text, ClipChecks()) is None


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "heard"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("text", [TEXT, "Go."])
def test_what_could_not_be_measured_fails(name: str, value: float, text: str) -> None:
    fault = clip_fault(FINE | {"heard": text, name: value}, text, ClipChecks())
    assert fault and fault.reason == "unmeasured"
    assert name in fault.message


def test_measures_of_an_attempt() -> None:
    row = {f"answer_{name}_2": number for number, name in enumerate(MEASURES)} | {"answer_wer_1": 9, "query_wer_2": 9}
    assert measures(row, "answer", 2) == {name: number for number, name in enumerate(MEASURES)}
    assert set(measures({}, "answer", 2).values()) == {None}
