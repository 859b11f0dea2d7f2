import json
from pathlib import Path

import pytest

from voxsmith.stages.text.said_otherwise import said_otherwise

DATA = Path(__file__).parents[2] / "data"
CASES = [json.loads(line) for line in (DATA / "planted_sayings.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize(("good", "least", "most"), [(False, 63, 66), (True, 0, 1)])
def test_planted_sayings(good: bool, least: int, most: int) -> None:
    cases = [case for case in CASES if case["good"] == good]
    refused = [case for case in cases if said_otherwise(case["written"], case["said"])]
    print(f"{'right' if good else 'wrong'} sayings: {len(refused)} of {len(cases)} refused")
    assert least <= len(refused) <= most, [case["said"] for case in cases if (case in refused) == good]


@pytest.mark.parametrize(
    ("written", "said", "message"),
    [
        ("It is -5°C.", "It is five degrees Celsius.", "a minus isn't said"),
        ("Trust - 10 points", "Trust minus ten points", "a minus is said, and isn't written"),
        ("a rent of $90/week", "a rent of ninety dollars or week", "the sign '/' isn't said"),
        ("17 cats", "seventy cats", "the number 17 isn't said as it is written"),
        ("17 cats", "seventeen cats and two dogs", "the number 'two' is said, and isn't written"),
        ("Tom &amp; Jerry", "Tom and Jerry", "'&amp;' is no sign that could be said"),
        ("6 kg", "six", "the unit 'kg' isn't said"),
        ("SSD or HDD", "Ssd or H D D", "the letters of 'SSD' are said as a word"),
    ],
)
def test_message_names_what_is_amiss(written: str, said: str, message: str) -> None:
    fault = said_otherwise(written, said)
    assert fault == ("said_otherwise", message)


@pytest.mark.parametrize("text", ["", "Name three primary colours.", "Red, blue and yellow.", "What a day! Is it one?"])
def test_words_need_nothing(text: str) -> None:
    assert said_otherwise(text, text) is None


def test_long_figures_take_no_time() -> None:
    for written in ("9" * 5000, "1,000" * 2000, "3-" * 5000, "x^2" * 3000, "a - " * 3000):
        assert said_otherwise(written, "nine")
