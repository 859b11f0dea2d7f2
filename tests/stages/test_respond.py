"""`respond` with replies given by hand, for every way that a reply can go; and with the real small model."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.talk import drive, with_replies
from voxsmith.schemas.checks import AnswerText
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.respond import STAGE, Config
from voxsmith.stages.text.speakable import speakable

SKY = "Um, why is the sky blue?"
GOOD = "The sky is blue because the air scatters blue light the most."


def context(form: str = "completion", **more: Any) -> Context:
    name = "respond" if form == "completion" else "respond_chat"
    prompt = str(ROOT / f"configs/prompts/{name}.jinja")
    return Context(Config(prompt=prompt, format=form, **more), AnswerText(), 7, "respond")


def row(query: str, row_id: str = "r1") -> dict[str, Any]:
    return {"id": row_id, "conversation_id": "c1", "turn": 0, "query_text": query}


def given(settings: Context, *replies: str, query: str = SKY, finish: str = "stop") -> tuple[Any, list[Complete]]:
    """What the stage writes where the model says these things in turn, and what it was asked."""
    return with_replies(STAGE.run(row(query), settings), *replies, finish=finish)


def test_a_good_reply_is_taken() -> None:
    written, asked = given(context(), f" {GOOD}\n")
    assert written == {"answer_text": GOOD, "answer_method": "llm", "answer_attempts": 1}
    assert asked[0].prompt and "why is the sky blue?" in asked[0].prompt.lower() and asked[0].stop == ("\n",)
    assert asked[0].head and asked[0].prompt.startswith(asked[0].head)


def test_what_is_asked_does_not_hang_on_fillers() -> None:
    _, with_um = given(context(), GOOD)
    _, without = given(context(), GOOD, query="Why is the sky blue?")
    assert with_um == without


def test_bad_replies_are_tried_again_with_other_seeds() -> None:
    written, asked = given(context(), "I'm sorry, I can't say.", "Why is the sky blue?", GOOD)
    assert (written["answer_text"], written["answer_attempts"]) == (GOOD, 3)
    assert len({request.seed for request in asked}) == 3
    assert [request.temperature for request in asked] == [0.2, 0.7, 0.7]


def test_a_row_that_is_tried_again_by_hand_is_not_given_the_likeliest_words() -> None:
    _, first = given(context(), GOOD)
    _, again = given(replace(context(), retries={"r1": 1}), GOOD)
    assert (first[0].temperature, again[0].temperature) == (0.2, 0.7)
    assert first[0].seed != again[0].seed


def test_a_row_without_a_good_reply_is_a_reject_with_every_reason() -> None:
    with pytest.raises(Reject) as reject:
        given(context(attempts=2), "As an AI, I have no eyes.", "The sky is")
    assert "reply 1: the answer refuses" in reject.value.message and "reply 2:" in reject.value.message
    assert (reject.value.reason, reject.value.sample) == ("cut", "The sky is")


def test_a_reply_that_was_cut_ends_with_its_last_whole_sentence() -> None:
    written, _ = given(context(), f"{GOOD} At sunset the light", finish="length")
    assert written["answer_text"] == GOOD


def test_a_chat_request_asks_for_one_field_and_its_reply_is_read() -> None:
    written, asked = given(context("chat"), f'```json\n{{"answer": "{GOOD}"}}\n```')
    assert written["answer_text"] == GOOD
    assert asked[0].prompt is None and asked[0].messages and "why is the sky blue?" in asked[0].messages[0][1].lower()
    assert json.loads(asked[0].json_schema or "")["required"] == ["answer"]


def test_examples_of_the_prompt_do_not_come_back() -> None:
    settings = context()
    answers = [line.removesuffix("<|im_end|>") for line in settings.config.prompt.text.splitlines() if "Earth" in line]
    with pytest.raises(Reject) as reject:
        given(settings, *answers * 3, query="Why does it rain so much in the mountains of Norway?")
    assert reject.value.reason == "leak"


def test_the_small_model_answers_real_questions(llm: llm_llamacpp.LlamaCpp) -> None:
    settings, answered = context(), 0
    for number, query in enumerate((
        "Could you describe the definition of artificial intelligence in one sentence?",
        "Why is customer feedback integral to successful product design?",
        "Um, can you write a LinkedIn post about the benefits of volunteering?",
        "Could you please explain how a Unix system can be protected from external threats?",
        "So, could you describe four strategies for dealing with a difficult person?",
    )):  # fmt: skip
        asking = STAGE.run(row(query, f"r{number}"), settings)
        try:
            written, _ = drive(asking, lambda request: llm.submit(request).result(120))
        except Reject as reject:
            assert reject.reason and reject.message
            continue
        answered += 1
        assert speakable(written["answer_text"], 1, 80) is None
        assert written["answer_text"][-1] in ".!?"
    assert answered >= 4


def test_drafts_are_no_answers() -> None:
    written, _ = given(context("chat"), '<think>{"answer": "It is red."}</think>' + json.dumps({"answer": GOOD}))
    assert written["answer_text"] == GOOD
    written, _ = given(context(), f"<think></think> {GOOD}")
    assert written["answer_text"] == GOOD


def test_a_model_that_only_thinks_is_told_of_with_what_it_thought() -> None:
    with pytest.raises(Reject) as reject:
        given(context("chat", attempts=1), "<think>The sky, hm. It may be", finish="length")
    assert reject.value.reason == "thinking" and "max_tokens" in reject.value.message
    assert reject.value.sample == "<think>The sky, hm. It may be"


def test_what_an_unreadable_reply_said_is_in_the_reject() -> None:
    with pytest.raises(Reject) as reject:
        given(context("chat", attempts=1), '{"response": "The sky is blue."}')
    assert reject.value.reason == "unreadable_reply" and "'answer'" in reject.value.message
    assert reject.value.sample == '{"response": "The sky is blue."}'
