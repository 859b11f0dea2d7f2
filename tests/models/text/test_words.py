"""Words are compared across spellings: digits and number words, British and American, singular and plural."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from voxsmith.models.text.words import content_words, numbers, stem, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-five dollars", ["25"]),
        ("$25", ["25"]),
        ("one hundred and five apples", ["105"]),
        ("the numbers three, four and five", ["3", "4", "5"]),
        ("twenty, thirty", ["20", "30"]),
        ("nineteen eighty-four", ["1984"]),
        ("twenty twenty", ["2020"]),
        ("nineteen oh five", ["1905"]),
        ("two thousand and five", ["2005"]),
        ("the nineteen nineties and the 1990s", ["1990s", "1990s"]),
        ("three point one four and 3.14", ["3.14", "3.14"]),
        ("2.5 million, two point five million and $2.5 million", ["2500000"] * 3),
        ("the twenty-first and the 21st", ["21", "21"]),
        ("one million two hundred thirty-four thousand five hundred sixty-seven", ["1234567"]),
        ("1,234,567", ["1234567"]),
        ("nothing", []),
        ("zero point five", ["0.5"]),
        ("add four and six", ["4", "6"]),
        ("25.50", ["25.5"]),
        ("100", ["100"]),
        ("a hundred", ["100"]),
    ],
)
def test_numbers_in_words_and_digits_are_one(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


def test_content_words_unify_spelling_and_form() -> None:
    assert content_words("Summarise the 3 colours") == content_words("summarizing three color")
    assert content_words("Hey, um, can you re-write this e-mail?") == content_words("rewrite the email")


def test_words_are_lower_case_and_without_punctuation() -> None:
    assert words("Don't stop - it's John's \"well-known\" 3rd") == [
        "don't", "stop", "it's", "john's", "well", "known", "3rd",
    ]  # fmt: skip


def test_stems_are_the_same_in_threads() -> None:
    """An actor has several, and a stemmer that is shared mixes up their words."""
    names = [f"{word}{end}" for word in ("talk", "walk", "jump", "generate", "nation") for end in ("ing", "ed", "s")]
    made = [f"{name}{number}x" for name in names for number in range(400)]
    expected = [stem.__wrapped__(word) for word in made]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert all(stems == expected for stems in threads.map(lambda _: [*map(stem.__wrapped__, made)], range(4)))
    finally:
        sys.setswitchinterval(before)
