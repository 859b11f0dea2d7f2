"""`converse` with replies given by hand, for how a dialogue can go; and with the real small model."""

from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.talk import drive, with_replies
from voxsmith.schemas.checks import Exchange
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.converse import STAGE, Config
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.text.follow_up import fits, said_as_written

PROMPTS = ROOT / "configs/prompts"
ASKED = (
    "What are some leisurely bike rides in Amsterdam?",
    "I've heard of Vondelpark before. What makes it a good bike ride?",
    "Do you know if there are any good places to have a picnic in Vondelpark?",
)
SAID = (
    "You can ride along the Amstel river or through Vondelpark, which is a large park in Amsterdam.",
    "Vondelpark makes a good bike ride because its paths are wide, flat and lined with old trees.",
    "Yes, the lawns by the ponds in Vondelpark are lovely places for a picnic.",
)


def context(form: str = "completion", **more: Any) -> Context:
    tail = "" if form == "completion" else "_chat"
    config = Config(
        query_prompt=str(PROMPTS / f"rewrite{tail}.jinja"),
        follow_prompt=str(PROMPTS / f"converse_follow{tail}.jinja"),
        answer_prompt=str(PROMPTS / f"converse_answer{tail}.jinja"),
        format=form,
        filler_rate=0,
        **more,
    )
    return Context(config, Exchange(), 7, "converse")


def dialogue(*asked: str, first: int = 0) -> list[dict[str, Any]]:
    shared = {"conversation_id": "c1", "context": None}
    return [shared | {"id": f"r{turn}", "turn": turn, "instruction": text} for turn, text in enumerate(asked, first)]


def given(settings: Context, rows: list[dict[str, Any]], *replies: str) -> tuple[list[Any], list[Complete]]:
    """What the stage makes of the rows where the model says these things in turn, and what it was asked."""
    return with_replies(STAGE.run(rows, settings), *replies)


def after_opening(asked: str) -> str:
    """What is left for a small model to say of a later question: the first words are given to it."""
    return " ".join(asked.split()[3:])


def in_turn() -> list[str]:
    said = [ASKED[0], *(after_opening(text) for text in ASKED[1:])]
    return [text for pair in zip(said, SAID, strict=True) for text in pair]


def test_every_turn_is_put_into_words_and_answered() -> None:
    written, asked = given(context(), dialogue(*ASKED), *in_turn())
    assert [row["query_text"] for row in written] == list(ASKED)
    assert [row["answer_text"] for row in written] == list(SAID)
    assert set(written[0]) == set(STAGE.writes(context().config))
    assert len({request.seed for request in asked}) == len(asked) == 6


def test_later_turns_are_asked_in_sight_of_our_own_answers() -> None:
    _, asked = given(context(), dialogue(*ASKED), *in_turn())
    prompts = [request.prompt or "" for request in asked]
    assert not any(SAID[0] in prompt for prompt in prompts[:2])
    assert SAID[0] in prompts[2] and SAID[0] in prompts[3] and ASKED[0] in prompts[3]
    assert SAID[0] in prompts[5] and SAID[1] in prompts[5]
    assert all(request.head and prompt.startswith(request.head) for request, prompt in zip(asked, prompts, strict=True))


def test_a_prompt_shows_no_more_turns_than_the_recipe_says() -> None:
    _, asked = given(context(history=1), dialogue(*ASKED), *in_turn())
    assert SAID[0] not in (asked[5].prompt or "") and SAID[1] in (asked[5].prompt or "")


def test_what_the_source_gives_is_kept_and_seen_by_later_turns() -> None:
    rows = dialogue(*ASKED[:2])
    rows[0] |= {"query_text": ASKED[0], "answer_text": SAID[0]}
    rows[1] |= {"query_text": None, "answer_text": None}
    written, asked = given(context(), rows, after_opening(ASKED[1]), SAID[1])
    assert written[0] == {
        "query_text": ASKED[0],
        "query_method": "given",
        "answer_text": SAID[0],
        "answer_method": "given",
    }
    assert written[1]["answer_text"] == SAID[1]
    assert all(SAID[0] in (request.prompt or "") for request in asked)


def test_a_failing_turn_takes_the_later_ones_with_it_and_no_earlier_one() -> None:
    replies = [ASKED[0], SAID[0], after_opening(ASKED[1]), "I'm sorry, I can't say."]
    written, asked = given(context(attempts=1), dialogue(*ASKED), *replies)
    assert written[0]["answer_text"] == SAID[0]
    assert isinstance(written[1], Reject) and written[1].reason == "refusal"
    assert isinstance(written[2], Reject) and written[2].reason == "earlier_turn_rejected"
    assert len(asked) == 4


def test_a_turn_that_the_source_lost_takes_the_later_ones_with_it() -> None:
    with pytest.raises(StopIteration) as end:
        next(STAGE.run(dialogue(*ASKED[1:], first=1), context()))
    assert [reject.reason for reject in end.value.value] == ["earlier_turn_rejected"] * 2


def test_a_follow_up_that_strays_is_tried_again_and_then_said_as_written() -> None:
    replies = [ASKED[0], SAID[0], "It is very green.", "What is the best museum in Paris?", SAID[1]]
    written, _ = given(context(attempts=2), dialogue(*ASKED[:2]), *replies)
    assert (written[1]["query_text"], written[1]["query_method"]) == (ASKED[1], "rules")
    assert written[1]["query_attempts"] == 2


def test_without_a_fallback_it_is_a_reject() -> None:
    replies = [ASKED[0], SAID[0], "It is very green."]
    written, _ = given(context(attempts=1, fallback="none"), dialogue(*ASKED[:2]), *replies)
    assert isinstance(written[1], Reject) and "reply 1:" in written[1].message


def test_the_same_answer_twice_is_none() -> None:
    replies = [ASKED[0], SAID[0], after_opening(ASKED[1]), SAID[0]]
    written, _ = given(context(attempts=1), dialogue(*ASKED[:2]), *replies)
    assert isinstance(written[1], Reject) and written[1].reason == "echo"


def test_nor_is_one_that_says_most_of_an_earlier_one() -> None:
    again = SAID[0].replace("which is", "it's")
    written, _ = given(
        context(attempts=2), dialogue(*ASKED[:2]), ASKED[0], SAID[0], after_opening(ASKED[1]), again, SAID[1]
    )
    assert (written[1]["answer_text"], written[1]["answer_attempts"]) == (SAID[1], 2)


def test_a_follow_up_that_cannot_be_said_is_refused_unasked() -> None:
    code = "Thanks! Now fix this:\n```python\nfor i in range(3): print(i)\n```"
    written, asked = given(context(), dialogue(ASKED[0], code), ASKED[0], SAID[0])
    assert isinstance(written[1], Reject) and len(asked) == 2


def test_chat_requests_hold_the_conversation() -> None:
    whole = [text for pair in zip(ASKED, SAID, strict=True) for text in pair]
    replies = [f'{{"{("spoken", "answer")[place % 2]}": "{text}"}}' for place, text in enumerate(whole)]
    written, asked = given(context("chat"), dialogue(*ASKED), *replies)
    assert [row["answer_text"] for row in written] == list(SAID)
    assert all(request.messages and request.json_schema for request in asked)
    assert SAID[1] in (asked[5].messages or (("", ""),))[0][1]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("What makes Vondelpark a good bike ride?", None),
        ("Oh, I've heard of Vondelpark, the large park you mentioned. What makes it a good ride?", None),
        ("What are some leisurely bike rides in Amsterdam?", "echo"),
        ("What makes the twelve miles of Vondelpark a good bike ride?", "number"),
        ("What makes it nice?", "content"),
        ("What makes Vondelpark's marble fountains and rose gardens a good bike ride?", "novel"),
        ("I've heard of Vondelpark before, it makes a good bike ride.", "no_request"),
    ],
)
def test_how_far_a_follow_up_may_stray(said: str, reason: str | None) -> None:
    fault = fits(said, ASKED[1], [{"query": ASKED[0], "answer": SAID[0]}])
    assert (fault and fault.reason) == reason, fault


def test_numbers_of_a_follow_up_stay() -> None:
    task = "Great, can you give me 3 more tips?"
    assert said_as_written(task) == "Great, can you give me three more tips?"
    assert fits("Great, can you give me more tips?", task, []) is not None


def test_the_small_model_holds_a_dialogue(llm: llm_llamacpp.LlamaCpp) -> None:
    written, _ = drive(STAGE.run(dialogue(*ASKED), context()), lambda request: llm.submit(request).result(120))
    assert len(written) == 3
    assert sum(not isinstance(row, Reject) for row in written) >= 1
    seen = [isinstance(row, Reject) for row in written]
    assert seen == sorted(seen)  # nothing after a reject


def test_a_turn_that_is_tried_again_by_hand_is_not_given_the_likeliest_words() -> None:
    _, first = given(context(), dialogue(*ASKED), *in_turn())
    _, again = given(replace(context(), retries={"r1": 1}), dialogue(*ASKED), *in_turn())
    temperatures = [(one.temperature, other.temperature) for one, other in zip(first, again, strict=True)]
    assert temperatures == [(0, 0), (0.2, 0.2), (0, 0.7), (0.2, 0.7), (0, 0), (0.2, 0.2)]
