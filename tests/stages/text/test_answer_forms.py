"""Answers that are bad by their form, as far as words tell: measured on cases of each kind, written before the rules."""

import json
from collections import Counter

import pytest

from tests.helpers.paths import DATA
from tests.stages.text.test_answers import judged, read
from voxsmith.stages.text.answers import proposal
from voxsmith.stages.text.sentences import is_whole, sentences, spans

SENTENCES = [json.loads(line) for line in (DATA / "sentence_ends.jsonl").read_text(encoding="utf-8").splitlines()]


def test_bad_forms_are_refused_and_good_ones_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    rows = read("planted_answers_forms.jsonl")
    missed, lost = Counter[str](), Counter[str]()
    for row in rows:
        _, fault = judged(row["query_text"], row["answer_text"], row["finish"])
        if (fault is None) != row["good"]:
            (lost if row["good"] else missed)[row["kind"]] += 1
    good = sum(row["good"] for row in rows)
    bad = len(rows) - good
    with capsys.disabled():
        print(f"\nbad {bad}, passed {missed.total()} {dict(missed)}; good {good}, refused {lost.total()} {dict(lost)}")
    assert bad >= 60 and good >= 60
    assert missed.total() <= 0.15 * bad and lost.total() <= 0.08 * good


@pytest.mark.parametrize(
    ("query", "reply", "reason"),
    [
        ("Give me a recipe for bread.", "I know a nice recipe for bread.", "empty_promise"),
        ("Write a poem about bees.", "A poem about bees has four lines that rhyme.", "described"),
        ("Write a poem about bees.", "You could write about their honey.", "described"),
        ("How did Mozart die?", "I died of a fever.", "wrong_person"),
        ("Can you help me pack?", "Thank you for helping me pack.", "wrong_person"),
        ("Name four colors.", "Red and blue.", "too_few"),
        ("Is this word formal or casual? Here it is: hence.", "It links two clauses.", "class_not_offered"),
        ("Name four colors.", "Red, blue, green, and red.", "loop"),
        ("Write a tweet about tea.", "Tea time! 🍵", "emoji"),
        ("How do I call it?", "Type run('fast') and wait.", "markup"),
        ("What is snow?", "Es ist gefrorenes Wasser.", "language"),
    ],
)
def test_each_form_has_its_reason(query: str, reply: str, reason: str) -> None:
    _, fault = judged(query, reply)
    assert fault is not None and fault.reason == reason, fault


@pytest.mark.parametrize(
    ("query", "reply"),
    [
        ("What makes a good poem?", "A good poem has rhythm and a clear image."),
        ("How do I write a joke?", "You can start with a scene that people know, and end with a surprise."),
        ("What is real estate about?", "Location, location, location."),
        ("What was your first job?", "I was a waiter in a small cafe."),
        ("Who wrote The Magic Flute?", "I believe that it was Mozart."),
        ("Give me a few colors.", "Red and blue."),
        ("Rewrite this as a question. Here it is: You are late.", "Are you late?"),
        ("Name the spices of a curry.", "Turmeric, cumin, coriander, ginger, garlic, chili, fenugreek, mustard seed."),
    ],
)
def test_what_is_like_a_bad_form_and_is_none(query: str, reply: str) -> None:
    assert judged(query, reply)[1] is None


def test_what_would_lose_more_than_a_third_is_asked_again() -> None:
    four = "Oak trees grow slowly. Pine trees grow fast. Both give wood. Both live long."
    assert proposal(four, "stop", 80, 3)[1] is None
    text, fault = proposal(four, "stop", 80, 2)
    assert fault and fault.reason == "too_long" and "of 14 words 8 would be left" in fault.message and text == four


def test_sentences_end_where_a_reader_ends_them() -> None:
    wrong = [parts for parts in SENTENCES if sentences(" ".join(parts)) != parts]
    assert len(SENTENCES) == 50 and len(wrong) <= 1, wrong


@pytest.mark.parametrize(
    "text", ["", " ", "One. ", "  One.  Two... Three! four", "是。不是。", "a.b.c", "I. I. I.", "\n\nOne.\n\nTwo.\n"]
)
def test_spans_are_the_whole_text(text: str) -> None:
    assert "".join(text[start:end] for start, end in spans(text)) == text
    assert is_whole(text) == text.rstrip().endswith((".", "。"))
