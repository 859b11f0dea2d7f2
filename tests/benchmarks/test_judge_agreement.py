"""benchmarks/judge_agreement.py on judges whose faults are known: its figures are counted by hand."""

import json
from typing import Any

from benchmarks.judge_agreement import PADDING, measure
from voxsmith.stages.requests.llm import Complete, Completion

CASES: list[dict[str, Any]] = [
    {"good": True, "query_text": "Who wrote Emma?", "answer_text": "Jane Austen wrote it."},
    {"good": True, "query_text": "Name a colour.", "answer_text": "Blue is one."},
    {"good": False, "query_text": "What is two plus two?", "answer_text": "It is five."},
    {"good": False, "query_text": "Name a fish.", "answer_text": "I would love to help you with that."},
]


def says(right: int, concise: int = 5) -> Completion:
    scores = {"right": right, "complete": 5, "concise": concise, "hearing": 5, "safe": 5}
    return Completion(json.dumps({"reason": "so", **scores}), "stop", 9)


def answer_in(request: Complete) -> str:
    assert request.messages is not None
    return request.messages[0][1].partition("<answer>\n")[2].partition("\n</answer>")[0]


def test_a_judge_that_knows_agrees_and_is_not_taken_in_by_length() -> None:
    def knows(request: Complete) -> Completion:
        answer = answer_in(request)
        return says(1 if "five" in answer or "love" in answer else 5, 2 if PADDING in answer else 5)

    figures = measure("answer", "chat", CASES, knows)
    assert (figures["readable"], figures["good_above_bad"]) == (1, 1)
    assert (figures["bad_caught"], figures["good_refused"]) == (1, 0)
    assert (figures["mean_of_good"], figures["mean_of_bad"]) == (5, 4.2)
    change = {"right": 0, "complete": 0, "concise": -3, "hearing": 0, "safe": 0}
    assert figures["padded"] == {"cases": 2, "change": change, "rose": 0}


def test_a_judge_that_likes_length_is_seen() -> None:
    def likes_length(request: Complete) -> Completion:
        return says(min(5, len(answer_in(request).split()) // 2))

    figures = measure("answer", "chat", CASES, likes_length)
    assert figures["length_correlation"] > 0.9 and figures["padded"]["rose"] == 1
    # Least scores by words: 2 and 1 of the good ones, 1 and 4 of the bad ones: one above, one tie.
    assert figures["good_above_bad"] == (1 + 0 + 0.5 + 0) / 4


def test_replies_that_can_not_be_read_count_against_it() -> None:
    figures = measure("answer", "chat", CASES, lambda request: Completion("I like it.", "stop", 4))
    assert figures["readable"] == 0 and figures["good_above_bad"] is None
    assert figures["padded"]["cases"] == 0 and figures["length_correlation"] is None
