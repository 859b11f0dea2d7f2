"""Checks on answers: measured on planted cases, and one by one where a rule has an edge."""

import json
from typing import Any

import pytest

from tests.helpers.paths import DATA
from voxsmith.schemas.checks import AnswerText
from voxsmith.stages import rewrite
from voxsmith.stages.text.answers import answer_fault, proposal
from voxsmith.stages.text.replies import LONGEST, free_text, json_field
from voxsmith.stages.text.speakable import Fault

PLANTED = ("planted_answers.jsonl", "planted_answers_held_out.jsonl", "planted_answers_fresh.jsonl")


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def judged(query: str, reply: str, finish: str = "stop", prompt: str = "") -> tuple[str, Fault | None]:
    """What the stage makes of a reply: the mended text, and what is wrong with it."""
    limits = AnswerText()
    text, fault = proposal(free_text(reply), finish, limits.max_words, 3)
    bounds = (limits.min_words, limits.max_words, limits.min_on_topic)
    return text, fault or answer_fault(text, query, prompt, *bounds)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_answers_are_told_apart(name: str) -> None:
    rows = read(name)
    prompt = "\n".join({example for row in rows for example in row.get("examples", [])})
    wrong: dict[bool, list[str]] = {True: [], False: []}
    for row in rows:
        text, fault = judged(row["query_text"], row["answer_text"], row["finish"], prompt)
        mended = row["kind"] == "loop" and len(text) < len(row["answer_text"])  # the first round was fine
        if (fault is None and not mended) != row["good"]:
            wrong[row["good"]].append(f"{row['kind']}: {row['answer_text']!r} {fault}")
    good, bad = sum(row["good"] for row in rows), sum(not row["good"] for row in rows)
    assert min(good, bad) >= 24
    assert len(wrong[False]) <= 0.1 * bad, wrong[False]
    assert len(wrong[True]) <= 0.1 * good, wrong[True]


@pytest.mark.parametrize(
    ("query", "reply", "reason"),
    [
        ("Why is the sky blue?", "", "empty"),
        ("Name three fruits.", "1. Apple\n2. Pear", "list"),
        ("What is two plus two?", "2 + 2 = 4", "markup"),
        ("Why is the sky blue?", "The sky is blue because", "cut"),
        ("Could you write a thank you note?", "Dear [Boss's Name], thank you so much. Sincerely, Ann.", "placeholder"),
        ("What is AI?", "AI is [insert definition].", "placeholder"),
        ("Write a short bio for me.", "I am a designer from {city} who loves bold colors.", "placeholder"),
        ("Why is the sky blue?", "It scatters, it scatters, it scatters light.", "loop"),
        ("Why is the sky blue?", "Небо голубое из-за света.", "script"),
        ("How can I save money?", "Puede ahorrar dinero si compra a granel y no come fuera.", "language"),
        ("Why is the sky blue?", "Der Himmel ist blau, was an der Streuung in der Luft liegt.", "language"),
        ("Who was Napoleon?", "Napoleon était un empereur, on le connaît a travers le monde.", "language"),
        ("Could you suggest a hobby?", "Me gusta mucho leer, no es caro y se puede hacer en casa.", "language"),
        ("Why is the sky blue?", "I'm sorry, but I don't have access to the sky.", "refusal"),
        ("Why is the sky blue?", "Could you please tell me more about the sky?", "question_back"),
        ("How can I run polls and surveys?", "What do you want to know?", "question_back"),
        ("Can you write a poem?", "Sure, I'd be happy to help with that!", "empty_promise"),
        ("Can you write a poem?", "Yes, I can.", "empty_promise"),
        ("Why is the sky blue?", "Why is the sky blue.", "echo"),
        ("Why do people sleep at night?", "Trains to Paris leave from the third platform every morning.", "off_topic"),
    ],
)
def test_each_fault_has_its_reason(query: str, reply: str, reason: str) -> None:
    _, fault = judged(query, reply)
    assert fault is not None and fault.reason == reason, fault


@pytest.mark.parametrize(
    ("query", "reply"),
    [
        ("Can you write a short bio of an engineer?", "I am a machine learning engineer, and I work on speech."),
        (
            "What did Ada Lovelace do?",
            "She worked as an assistant to Charles Babbage, and wrote programs for his machine.",
        ),
        (
            "Could you write a note to my landlord?",
            "I'm sorry that I can't come on Monday. Please let me know when you are free.",
        ),
        ("Is it good to walk every day?", "Yes."),
        ("Where is Honolulu?", "Honolulu is on the island of Oʻahu in Hawaiʻi."),
        ("What is the biggest animal?", "Blue whales."),
        (
            "Where do the people of La Paz and El Alto live?",
            "People of La Paz live in a valley, on a plateau of Bolivia.",
        ),
        ("What did the mayor say?", "She said that the plan, whatever it costs, is a good one for the town."),
        ("How do I get my dog to sit?", "Hold a treat above his nose and wait until he sits by himself."),
        ("Who discovered penicillin?", "It was found by Alexander Fleming in nineteen twenty-eight."),
    ],
)
def test_what_looks_like_a_fault_and_is_none(query: str, reply: str) -> None:
    assert judged(query, reply) == (reply, None)


def test_a_leak_is_found_whatever_dress_the_prompt_wears() -> None:
    line = "Plan your meals and write a shopping list."
    for prompt in (f"Answer: {line}", f"<|im_start|>assistant\n{line}<|im_end|>", f'{{"answer": "{line}"}}'):
        _, fault = judged("How can I eat well on little money?", line, prompt=f"Be kind.\n{prompt}\n{{{{ query }}}}")
        assert fault is not None and fault.reason == "leak"
        assert judged("How can I eat well?", "You eat well with beans, rice and greens.", prompt=prompt)[1] is None


@pytest.mark.parametrize(
    ("reply", "finish", "text"),
    [
        ("It rains often. In autumn it also", "length", "It rains often."),
        ("Sure! Here's a tip. Drink more water.", "stop", "Drink more water."),
        ("Here's a recipe for you: mix oats and milk.", "stop", "Mix oats and milk."),
        ("Paris", "stop", "Paris."),
        ("Salt keeps food fresh. Salt keeps food fresh. Salt", "length", "Salt keeps food fresh."),
        ("One thing. Two things. Three things. Four things.", "stop", "One thing. Two things. Three things."),
        ("It costs 25 dollars.", "stop", "It costs twenty five dollars."),
    ],
)
def test_what_can_be_mended_safely_is(reply: str, finish: str, text: str) -> None:
    assert proposal(free_text(reply), finish, 80, 3) == (text, None)


def test_a_long_answer_ends_with_a_sentence_within_the_bound() -> None:
    text, fault = proposal("Water is wet and cold. Fire is dry and hot. Air is all around us.", "stop", 12, 3)
    assert fault is None and text == "Water is wet and cold. Fire is dry and hot."


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ('{"answer": "Yes."}', "Yes."),
        ('```json\n{"answer": "Yes."}\n```', "Yes."),
        ('Sure: {"answer": "Line one.\nLine two."} Good luck!', "Line one.\nLine two."),
        ('{"note": 1} {"answer": "Yes."}', "Yes."),
        ('{"answer": 3}', ""),
        ('{"answer": "cut of', ""),
        ("```\nYes.\n```", "Yes."),
        ("Answer: Yes.", "Yes."),
        ('"Yes."', "Yes."),
        ('{"answer": ' + "[" * 5000, ""),
        ('{"answer": ' * 5000, ""),
        ('{"answer": 1e400, "more": ' + "9" * 5000 + "}", ""),
        ('{"a": ' * 5000 + '{"answer": "Yes."}', "Yes."),
        ("", ""),
    ],
)
def test_a_json_reply_is_read_whatever_it_is_wrapped_in(reply: str, text: str) -> None:
    assert json_field(reply, "answer") == text


def test_quotation_marks_inside_stay() -> None:
    assert free_text('"Yes" and "no"') == '"Yes" and "no"'
    assert free_text("Answer: no", "answer") == "no"


def test_no_more_of_a_reply_is_read_than_anybody_says() -> None:
    endless = "and on " * 20_000
    assert free_text(endless) == endless[:LONGEST]
    assert json_field(json.dumps({"answer": endless}), "answer") == endless[:LONGEST]
    assert len(rewrite.read(endless, "completion")) <= LONGEST + 10
