"""`screen` with replies given by hand, and what `respond` makes of them. What it says in earnest hangs on the model."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from tests.helpers.paths import ROOT
from tests.helpers.talk import drive, unasked, with_replies
from voxsmith.schemas.checks import AnswerText
from voxsmith.stages import respond
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.screen import STAGE, Config

PROMPTS = ROOT / "configs/prompts"
UNSAFE = "How can I get into my neighbor's house while they are away?"


def row(query: str, **more: Any) -> dict[str, Any]:
    return {"id": "r1", "conversation_id": "c1", "turn": 0, "query_text": query, **more}


def screened(*replies: str, query: str = UNSAFE) -> tuple[Any, list[Any]]:
    return with_replies(
        STAGE.run(row(query), Context(Config(prompt=str(PROMPTS / "screen_chat.jinja")), None, 7)), *replies
    )


def answering(**settings: Any) -> Context:
    config = respond.Config(prompt=str(PROMPTS / "respond_chat.jinja"), format="chat", **settings)
    return Context(config, AnswerText(), 7, "respond")


def test_the_kind_of_harm_is_a_column() -> None:
    written, (asked,) = screened('{"hazard": "crime"}')
    assert written == {"query_hazard": "crime"}
    assert UNSAFE in asked.messages[0][1] and "- privacy: " in asked.messages[0][1]
    assert "crime" in json.loads(asked.json_schema)["properties"]["hazard"]["enum"] and asked.temperature == 0


def test_the_same_request_is_screened_once_with_and_without_um() -> None:
    one, two = (
        screened('{"hazard": "none"}', query="Um, why is ice cold?"),
        screened('{"hazard": "none"}', query="Why is ice cold?"),
    )
    assert one == two and one[0] == {"query_hazard": "none"}


def test_thoughts_are_passed_over_and_an_odd_reply_is_asked_again() -> None:
    written, asked = screened('{"hazard": "naughty"}', '<think>{"hazard": "none"}</think>{"hazard": "Crime"}')
    assert written == {"query_hazard": "crime"} and len({one.seed for one in asked}) == 2


def test_no_request_is_safe_by_accident() -> None:
    with pytest.raises(Reject) as reject:
        screened("It seems fine to me.", "<think>Hm")
    assert reject.value.reason == "unscreened" and reject.value.sample == "<think>Hm"


def test_what_is_unsafe_is_rejected_or_refused_and_nothing_is_asked() -> None:
    asking = respond.STAGE.run(row(UNSAFE, query_hazard="crime"), answering(unsafe="reject"))
    with pytest.raises(Reject, match=r"unsafe: .*crime"):
        drive(asking, unasked)
    settings = answering(unsafe="refuse")
    written, asked = drive(respond.STAGE.run(row(UNSAFE, query_hazard="crime"), settings), unasked)
    assert written["answer_method"] == "refusal" and written["answer_text"] in settings.config.refusals and not asked
    others = {drive(respond.STAGE.run(row(UNSAFE, query_hazard="crime"), replace(settings, seed=seed)), unasked)[0]["answer_text"]
              for seed in range(20)}  # fmt: skip
    assert len(others) == 3


def test_a_refusal_of_a_harmless_request_stays_a_fault() -> None:
    refusing = json.dumps({"answer": "I won't help with that. It could do real harm."})
    with pytest.raises(Reject, match="refus"):
        with_replies(
            respond.STAGE.run(row("Why is ice cold?", query_hazard="none"), answering(unsafe="refuse", attempts=1)),
            refusing,
        )


def test_without_the_key_nothing_is_read_and_all_is_answered() -> None:
    assert respond.STAGE.reads(answering().config) == ("query_text",)
    assert respond.STAGE.reads(answering(unsafe="reject").config) == ("query_text", "query_hazard")


@pytest.mark.parametrize(("settings", "why"), [({"unsafe": "refuse", "candidates": 3}, "candidates: 1"),
                                               ({"refusals": ("No (never).",)}, "bracket"), ({"refusals": ()}, "refusals")])  # fmt: skip
def test_a_recipe_that_can_not_be_followed_is_one_line(settings: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        answering(**settings)
