"""Planted cases: requests that keep to their instruction, and requests that stray.

Those of the half `held_out` were written after the checks.
"""

import json

import pytest

from tests.helpers.paths import DATA
from voxsmith.schemas.checks import QueryText
from voxsmith.stages.text.faithful import faithful
from voxsmith.stages.text.speakable import speakable

LIMITS, FREE = QueryText(), QueryText(level="free")
CASES = [json.loads(line) for line in (DATA / "planted_queries.jsonl").open(encoding="utf-8")]


def caught(case: dict[str, str], limits: QueryText) -> bool:
    text = case["query_text"]
    return bool(
        speakable(text, limits.min_words, limits.max_words)
        or faithful(text, case["instruction"], case["context"], limits)
    )


@pytest.mark.parametrize("limits", [LIMITS, FREE], ids=["literal", "free"])
@pytest.mark.parametrize("half", ["first", "held_out"])
def test_planted_queries(half: str, limits: QueryText) -> None:
    good = [case for case in CASES if case["good"] and case["half"] == half]
    bad = [case for case in CASES if not case["good"] and case["half"] == half]
    refused = [case["query_text"] for case in good if caught(case, limits)]
    missed = [case["query_text"] for case in bad if not caught(case, limits)]
    assert len(good) >= 25 and len(bad) >= 30
    assert len(refused) <= 0.1 * len(good), refused
    assert len(missed) <= 0.1 * len(bad), missed


@pytest.mark.parametrize(
    ("said", "instruction", "context", "reason"),
    [
        ("Can you add four and six?", "Add 6 to the result of 2 plus 4.", None, "number"),
        ("Could you tell me what two plus three is?", "What is 2 - 3?", None, "number"),
        ("Can you solve ten to four by two?", "Solve 10 - 4 x 2.", None, "number"),
        ("Can you tell me about rain in spring?", "Explain why it rains in spring.", None, "task"),
        ("Can you sort these?", "Sort these.\nred, blue", "red, blue", "context"),
        ("Can you name a bird that can fly?", "Name a bird that can't fly.", None, "negation"),
        ("Can you translate hello there?", "Translate 'good morning'.", None, "quote"),
        ("I'd love to write a poem about rain.", "Write a poem about rain.", None, "no_request"),
        ("Would you like to write a poem about rain?", "Write a poem about rain.", None, "no_request"),
        ("Can you translate a poem about rain?", "Summarize a poem about rain.", None, "task"),
        ("Can you convert meters to feet?", "Convert feet to meters.", None, "order"),
        ("Can you name a fish?", "Name a fish that lives in cold rivers.", None, "content"),
        ("Could you write a rain poem, a rain poem, a rain poem, a rain poem?", "Write a rain poem", None, "loop"),
    ],
)
def test_traps(said: str, instruction: str, context: str | None, reason: str) -> None:
    fault = faithful(said, instruction, context, LIMITS)
    assert fault is not None and fault.reason == reason


@pytest.mark.parametrize(
    ("said", "instruction"),
    [
        ("Could you describe the causes of World War Two?", "Describe the causes of World War II."),
        ("Can you solve the math equation ten minus four times two?", "Solve the math equation: 10 - 4 x 2"),
        ("What's three times four?", "What is 3 x 4?"),
        ("Could you tell me how old King Henry the Eighth was?", "How old was King Henry VIII?"),
    ],
)
def test_a_number_may_be_said_as_people_say_it(said: str, instruction: str) -> None:
    assert faithful(said, instruction, None, LIMITS) is None


PARAPHRASES = [json.loads(line) for line in (DATA / "paraphrases.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("half", ["first"])
def test_other_words_pass_and_near_misses_do_not(half: str) -> None:
    """All were written before the first was tried."""
    good = [case for case in PARAPHRASES if case["good"] and case["half"] == half]
    bad = [case for case in PARAPHRASES if not case["good"] and case["half"] == half]
    assert len(good) >= 75 and len(bad) >= 75
    for level, limits in (("literal", LIMITS), ("free", FREE)):
        refused = [case["query_text"] for case in good if caught(case, limits)]
        missed = [f"{case['kind']}: {case['query_text']}" for case in bad if not caught(case, limits)]
        print(f"{half}, {level}: {len(refused)} of {len(good)} good refused, {len(missed)} of {len(bad)} bad missed")
    assert len(refused) <= 0.1 * len(good), refused
    assert len(missed) <= 0.1 * len(bad), missed
