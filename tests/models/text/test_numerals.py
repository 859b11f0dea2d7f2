"""What fragments of digits are called, against what another engine's English grammars (WeTextProcessing 1.2) say."""

import json
import re

import pytest

from tests.helpers.paths import ROOT
from voxsmith.models.text.numerals import date, say_number

SAID = [json.loads(line) for line in (ROOT / "tests/data/numbers_said.jsonl").read_text().splitlines()]


def test_fragments_of_digits_keep_their_names() -> None:
    assert [(digits, said) for digits, said in SAID[::23] if say_number(digits) != said] == []


@pytest.mark.heavy
def test_all_2213_fragments_keep_their_names() -> None:
    assert [(digits, said) for digits, said in SAID if say_number(digits) != said] == []


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("1907-03-01", "the first of March nineteen oh seven"),
        ("2024/07/15", "the fifteenth of July twenty twenty four"),
        ("12/25/2020", "the twenty fifth of December twenty twenty"),
        ("25/12/2020", "the twenty fifth of December twenty twenty"),
        ("12/31/99", "the thirty first of December ninety nine"),
        ("99/99/99", "ninety nine, ninety nine, ninety nine"),
    ],
)
def test_dates_in_digits_are_said_day_first(digits: str, said: str) -> None:
    match = re.fullmatch(".*", digits)
    assert match and date(match).strip() == said
