"""The rule-based request: grammatical, the same for the same seed, and past its own checks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.paths import SAMPLES
from voxsmith.schemas.checks import QueryText
from voxsmith.stages.text.faithful import faithful
from voxsmith.stages.text.material import split_context
from voxsmith.stages.text.plain_request import (
    is_question,
    is_request,
    opener,
    plain_request,
    with_context,
    with_filler,
    without_filler,
)
from voxsmith.stages.text.speakable import speakable

LIMITS, FREE = QueryText(), QueryText(level="free")


def wordings(task: str, context: str = "") -> set[str]:
    return {plain_request(task, context, seed) for seed in range(60)}


@pytest.mark.parametrize(
    ("task", "one_of_them"),
    [
        ("Generate a list of 5 healthy snacks.", "Can you generate a list of five healthy snacks?"),
        ("Please name a fruit", "Could you name a fruit?"),
        ("Briefly explain gravity.", "Can you briefly explain gravity?"),
        ("Re-write the sentence.", "I'd like you to re-write the sentence."),
        ("Given a word, spell it.", "Given a word, can you spell it?"),
        ("You are given a word. Spell it.", "You are given a word. Can you spell it?"),
    ],
)
def test_an_order_becomes_a_request(task: str, one_of_them: str) -> None:
    assert one_of_them in wordings(task)


@pytest.mark.parametrize("task", ["Who wrote Hamlet?", "In what year did it end?", "Can you tell me a joke?"])
def test_a_question_stays(task: str) -> None:
    assert wordings(task) == {task}


@pytest.mark.parametrize(
    "task",
    ["do you think yoga helps? because I have back pain.", "have you ever been to Rome?", "would it be rude to go?"],
)
def test_a_question_that_begins_with_a_verb_is_said_as_it_is(task: str) -> None:
    assert wordings(task) == wordings(task.removesuffix(".")) == {task}
    assert is_question(task) and is_request(task)


def test_nobody_is_asked_to_ask() -> None:
    assert not is_request("I need you to do you think yoga helps?")
    assert not is_request("Can you what is entropy?")
    assert is_request("What would you do if you are the king?") and is_request("Can you do the dishes?")
    assert "Can you do the dishes?" in wordings("Do the dishes.")


@pytest.mark.parametrize("task", ["Norris Lake boating rules", "Chocolate chip cookies", "5 minute workouts"])
def test_what_is_no_verb_is_never_asked_to_be_done(task: str) -> None:
    for text in wordings(task):
        assert " you " not in text.removeprefix("Can you help me with this?").removeprefix("I've got a task for you.")
        assert is_request(text), text


def test_material_follows_word_by_word() -> None:
    assert "Can you sort these? Here you go: two, one." in wordings("Sort these", "2, 1")
    assert with_context("Can you give its capital?", "Country: Peru", 1) == "Can you give its capital? Country: Peru."


def test_many_things_are_led_in_as_many() -> None:
    assert any("Here they are: " in text for text in wordings("Sort the following words.", "b2, a1"))
    assert not any("they" in text for text in wordings("Repeat the input 5 times in your own words.", "Hello"))


def test_openers_lead_into_the_task() -> None:
    assert {opener("Name a fruit.", seed) for seed in range(60)} >= {"Can you", "Could you", "I'd like you to"}
    assert opener("Given a word, spell it.", 1).startswith("Given a word, c")
    assert opener("How does rain form?", 1) == "How does"
    assert opener("Chocolate chip cookies", 1) == ""


def test_fillers_come_at_the_rate_asked_for() -> None:
    texts = [with_filler("Can you name a fruit?", seed, 0.3) for seed in range(1000)]
    assert 250 < sum(text != "Can you name a fruit?" for text in texts) < 350
    assert {without_filler(text) for text in texts} == {"Can you name a fruit?"}
    assert with_filler("Hey, um, Paris is where?", 1, 0.0) == "Paris is where?"
    assert without_filler("Hello World in Python") == "Hello World in Python"


def test_real_rows_pass_the_checks() -> None:
    rows = json.loads((SAMPLES / "alpaca_sample.json").read_text())
    rows = [("\n".join(filter(None, (row["instruction"], row["input"]))), row["input"]) for row in rows]
    rows += [
        (json.loads(line)["data"][0], None) for line in (SAMPLES / "ultrachat_sample.jsonl").open(encoding="utf-8")
    ]
    for seed, (instruction, context) in enumerate(rows):
        text = with_filler(plain_request(*split_context(instruction, context), seed), seed, 0.5)
        assert speakable(text, LIMITS.min_words, LIMITS.max_words) is None, text
        for limits in (LIMITS, FREE):
            assert faithful(text, instruction, context, limits) is None, text


@given(st.text(min_size=1, max_size=60), st.text(max_size=40), st.integers(0, 2**31))
def test_no_text_breaks_it(task: str, context: str, seed: int) -> None:
    text = plain_request(task, context, seed)
    for limits in (LIMITS, FREE):
        faithful(text, f"{task}\n{context}", context, limits)
    assert plain_request(task, context, seed) == text
