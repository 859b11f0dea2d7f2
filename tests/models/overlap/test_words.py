"""Requests as words: what is the same is the same however it is written, and no two questions become one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsmith.models.overlap.alike import near_identical
from voxsmith.models.overlap.words import core_of, words_of

SAME = [
    ("Name 3 rivers in Germany.", "name three rivers in germany"),
    ("What's the capital of France?", "what is the capital of France"),
    ("Could you please tell me what entropy is?", "Tell me what entropy is."),
    ("Hey, can you write a poem for me, please", "Write a poem"),
    ("What happened in 1998?", "what happened in nineteen ninety-eight"),
    ("Who won in 2005?", "who won in two thousand and five"),
    ("List 1,500 words", "list one thousand five hundred words"),
    ("the 21st century", "the twenty-first century"),
    ("It costs $5 million", "it costs five million dollars"),
    ("The U.S.A. don’t agree", "the USA do not agree"),
    ("Is 20% of 105 more than −3?", "is twenty percent of one hundred and five more than minus three"),
    ("café", "CAFE"),
]  # fmt: skip
OTHER = [
    ("Name three rivers in Germany", "Name three rivers in France"),
    ("Name three rivers in Germany", "Name four rivers in Germany"),
    ("Describe a car", "Describe a fast car"),
    ("Which animals lay eggs?", "Which animals do not lay eggs?"),
    ("Translate it from English to French", "Translate it from French to English"),
    ("Does a dog bite a man", "Does a man bite a dog"),
    ("What is 2.5 times 3", "What is 2 times 5 times 3"),
    ("How is the weather before noon?", "How is the weather after noon?"),
    ("Convert 3 metres", "Convert -3 metres"),
    ("Who was the first president", "Who was the tenth president"),
]
NEAR = [
    ("Name three rivers in Germany", "Name three of the rivers in Germany"),
    ("Recommend me a movie.", "Recommend a movie for me"),
    ("Give advice on how a student learns", "Give advice on how the students learn"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_request_has_the_same_words(one: str, other: str) -> None:
    assert core_of(words_of(one)) == core_of(words_of(other))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_lookalikes_are_other_requests(one: str, other: str) -> None:
    first, second = core_of(words_of(one)), core_of(words_of(other))
    assert first != second
    assert not near_identical(first, second)


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_near_identical(one: str, other: str) -> None:
    assert near_identical(core_of(words_of(one)), core_of(words_of(other)))


def test_in_a_long_request_a_direction_still_tells() -> None:
    long = "write a long letter to the customer in which you explain how our firm moves its goods from {} to {} by sea each week"
    assert not near_identical(words_of(long.format("Rome", "Oslo")), words_of(long.format("Oslo", "Rome")))
    assert near_identical(words_of(long.format("Rome", "Oslo")), words_of(long.format("Rome", "Oslo") + " carefully"))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_words_that_stay_as_they_are(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words_of(" ".join(words_of(" ".join(words))))
    assert all(word and not word.isspace() for word in words)
    assert core_of(words) or not words


WORDS = st.lists(
    st.sampled_from(["the", "a", "river", "germany", "name", "3", "not", "from", "to", "rome"]), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_being_alike_keeps_numbers_and_negations(one: list[str], other: list[str]) -> None:
    if near_identical(one, other):
        for word in ("3", "not", "from", "to"):
            assert one.count(word) == other.count(word)
