"""Error rates after the usual normaliser, and words that were swallowed or made up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsmith.models.text.wer import Errors, error_rates, errors, lost_and_added, normalised

PHRASES = st.lists(
    st.sampled_from(["park", "weather", "banana", "sing", "the", "a", "of", "green"]), min_size=1, max_size=12
)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("It costs twenty five dollars.", "it costs $25"),
        ("Um, what's the colour of it?", "What is the color of it"),
        ("Hello there!", "hello, there."),
        ("Bring apples, nuts, et cetera.", "Bring apples, nuts, etc."),
        ("Seven plus five equals twelve.", "7 + 5 = 12."),
        ("Cats versus dogs", "cats vs. dogs"),
        ("It is thirty degrees Celsius at ten kilometers per hour.", "It is 30°C at 10 km/h."),
        ("World War Two took five to ten years.", "World War II took 5-10 years."),
        ("Add three quarters of a cup and one and a half spoons.", "Add 3/4 of a cup and 1 1/2 spoons."),
        ("", ""),
        ("...", " "),
        ("Well... it is 1.5 metres.", "well it is 1.5 meters"),
    ],
)
def test_what_is_written_otherwise_is_no_error(said: str, heard: str) -> None:
    assert error_rates(said, heard) == (0.0, 0.0)
    assert lost_and_added(said, heard) == (0, 0)


def test_rates_are_shares_of_the_text() -> None:
    assert error_rates("we go to the park", "we go to a park") == pytest.approx((1 / 5, 3 / 13))
    assert error_rates("go", "go to the park")[0] == 3.0
    assert error_rates("go", "") == (1.0, 1.0)
    assert error_rates("", "thank you") == (1.0, 1.0)


def test_words_run_together_are_no_wrong_sound() -> None:
    assert error_rates("some ice cream please", "some icecream please") == (0, 0)
    assert lost_and_added("some ice cream please", "some icecream please") == (0, 0)


def test_a_swallowed_word_is_lost_and_a_misheard_name_hardly() -> None:
    assert lost_and_added("give me five healthy snacks", "give me five snacks") == (7, 0)
    assert lost_and_added("ask Siobhan to come", "ask she van to come") == (1, 0)
    assert lost_and_added("hello", "hello my friend") == (0, 8)
    assert (
        lost_and_added("one word here, one word there", "word here, word there")[0] == 3
    )  # at two places, three letters each


@settings(deadline=None)
@given(PHRASES, st.data())
def test_what_is_left_out_is_lost_to_the_letter(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words)))
    end = data.draw(st.integers(start, len(words)))
    said, left = " ".join(words), " ".join(words[:start] + words[end:])
    missing = len("".join(words[start:end]))
    lost, added = lost_and_added(said, left)
    assert lost <= missing
    assert added == 0
    assert lost_and_added(left, said) == (0, lost)
    assert bool(lost) == bool(missing)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_heard_as_itself(text: str) -> None:
    assert error_rates(text, text) == (0.0, 0.0)
    assert lost_and_added(text, text) == (0, 0)
    assert isinstance(normalised(text), str)


def test_errors_add_up_over_texts() -> None:
    first, second = errors("one two three", "one tow"), errors("four", "four five")
    assert first == Errors(2, 3, 6, 11) and second == Errors(1, 1, 4, 4)
    assert (first + second).wer == 3 / 4 and (first + second).cer == 10 / 15
    assert errors("", "") == Errors() and Errors().wer == Errors().cer == 0
    assert errors("", "two words") == Errors(2, 0, 8, 0) and errors("", "two words").wer == 1
