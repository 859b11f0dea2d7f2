"""A judge's replies, as models write them: what is read, and what is no verdict."""

import json

import pytest

from voxsmith.stages.text.scores import read_scores, scores_schema

ASPECTS = ("right", "complete")


@pytest.mark.parametrize(
    ("reply", "right", "complete", "reason"),
    [
        ('{"reason": "Two of three.", "right": 5, "complete": 2}', 5, 2, "Two of three."),
        ('```json\n{"right": 4, "complete": 4, "reason": "Fine."}\n```', 4, 4, "Fine."),
        ('Here is my verdict: {"right": "4", "complete": "3/5"} I hope it helps.', 4, 3, ""),
        ('{"right": 4.0, "complete": 1, "reason": null}', 4, 1, ""),
        ('<think>{"right": 1, "complete": 1}, or rather</think>{"right": 5, "complete": 4}', 5, 4, ""),
        ('{"reason": "It says {\\"right\\": 1, \\"complete\\": 1}.", "right": 2, "complete": 2}', 2, 2, None),
        ("Reason: it is short\nright: 5\ncomplete: 4", 5, 4, "it is short"),
        ("- **Right**: 3/5\n- **Complete** = 2", 3, 2, ""),
        ('{"reason": "cut"} {"right": 3, "complete": 3, "more": [{"right": 1}]}', 3, 3, ""),
    ],
)
def test_scores_are_read_whatever_is_around_them(reply: str, right: int, complete: int, reason: str | None) -> None:
    scores = read_scores(reply, ASPECTS)
    assert scores is not None and scores.by_aspect == {"right": right, "complete": complete}
    assert reason is None or scores.reason == reason
    assert scores.least == min(right, complete) and scores.mean == (right + complete) / 2


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I would give it a good score.",
        '{"right": 5}',
        '{"right": 5, "complete": 6}',
        '{"right": 5, "complete": 0}',
        '{"right": 5, "complete": 3.5}',
        '{"right": true, "complete": 4}',
        '{"right": "great", "complete": 4}',
        '{"right": [5], "complete": {"value": 4}}',
        '{"reason": "It goes on and on',
        "right: 4.5\ncomplete: 3",
        "right: 45\ncomplete: 3",
        "[" * 100_000,
        '{"a":' * 20_000,
    ],
)
def test_what_does_not_give_each_score_is_no_verdict(reply: str) -> None:
    assert read_scores(reply, ASPECTS) is None


def test_the_schema_asks_for_the_reason_first_and_takes_what_is_read() -> None:
    schema = json.loads(scores_schema(ASPECTS))
    assert list(schema["properties"]) == schema["required"] == ["reason", "right", "complete"]
    assert schema["properties"]["right"] == {"type": "integer", "enum": [1, 2, 3, 4, 5]}
    assert schema["additionalProperties"] is False
