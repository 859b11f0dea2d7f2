"""`continue_or_answer`: requests are answered, all else is continued as by `continue_text`."""

import json
from typing import Any

import pytest

from tests.helpers.paths import DATA, ROOT
from tests.helpers.talk import with_replies
from voxsmith.schemas.checks import ContinuationText
from voxsmith.stages import continue_text
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.continue_or_answer import STAGE, Config
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.text.requested import is_requested

PROMPTS = ROOT / "configs/prompts"
ASKED = "Why is the sea salty?"
ANSWER = "Rivers wash salt out of rocks and carry it into the sea."
TOLD = "He had never been so far from home."
GOES_ON = "When the train left he looked out of the window for a long time."


def context(form: str = "chat", **more: Any) -> Context:
    ending = "_chat" if form == "chat" else ""
    prompts = {
        name: str(PROMPTS / f"{file}{ending}.jinja")
        for name, file in (("prompt", "continue"), ("answer_prompt", "answer"))
    }
    return Context(Config(**prompts, format=form, **more), ContinuationText(), 7, "continue_or_answer")


def given(transcript: str, *replies: str, form: str = "chat", **row: Any) -> tuple[Any, list[Complete]]:
    return with_replies(STAGE.run({"id": "r", "transcript": transcript, **row}, context(form)), *replies)


@pytest.mark.parametrize("form", ["chat", "completion"])
def test_a_request_is_answered_and_the_columns_say_so(form: str) -> None:
    written, asked = given(ASKED, ANSWER, form=form)
    assert written == {
        "continuation_method": "answer",
        "answer_text": ANSWER,
        "answer_method": "llm",
        "answer_attempts": 1,
    }
    if form == "chat":
        assert asked[0].messages == (("user", f"Answer in less than 50 words:\n\n{ASKED}"),)
    else:
        assert str(asked[0].prompt).rstrip().endswith(f"Question: {ASKED}\nAnswer:")


def test_all_else_is_asked_and_written_as_continue_text_does() -> None:
    written, asked = given(TOLD, GOES_ON)
    settings = continue_text.Config(prompt=str(PROMPTS / "continue_chat.jinja"), format="chat")
    plain = Context(settings, ContinuationText(), 7, "continue_text")
    assert (written, asked) == with_replies(continue_text.STAGE.run({"id": "r", "transcript": TOLD}, plain), GOES_ON)
    assert written["continuation"] == GOES_ON and "answer_text" not in written
    german = "Das fragte sich der Junge, als er zum ersten Mal am Strand stand und das Wasser kostete."
    assert given("Warum ist das Meer salzig?", german, language="de")[0]["continuation"] == german


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Could you please provide more details?", "question_back"),
        ("Why do you want to know?", "question_back"),
        ("Why is the sea salty", "echo"),
        ("word " * 60 + ".", "too_long"),
        ("Das Meer ist salzig, weil die Flüsse das Salz aus den Steinen waschen.", "language"),
    ],
)
def test_what_is_no_answer(reply: str, reason: str) -> None:
    with pytest.raises(Reject) as reject:
        given(ASKED, *[reply] * 3)
    assert reject.value.reason == reason


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Is the sea salty?", "Yes."),
        ("What colour is a ripe banana?", "A ripe banana is yellow."),
        ("Can you list the primary colours?", "The primary colours are red, yellow and blue."),
        ("How many legs do two spiders have?", "Two spiders have 16 legs."),
    ],
)
def test_answers_may_be_short_and_take_up_the_questions_words(asked: str, answer: str) -> None:
    """As continuations some of these are an echo, or too short."""
    assert given(asked, answer)[0]["answer_text"] == answer


def test_no_recorded_sentence_of_a_story_is_taken_for_a_request() -> None:
    records = [json.loads(line) for line in (DATA / "asr/manifest.jsonl").read_text().splitlines()]
    assert [one["text"] for one in records if is_requested(one["text"].capitalize())] == []


@pytest.mark.parametrize(
    ("text", "requested"),
    [
        ("What is a comet?", True),
        ("what's the capital of france", True),
        ("How long does bread keep?", True),
        ("Hey, could you explain how tides work?", True),
        ("Tell me a story about a dog.", True),
        ("Please translate this sentence into French. I am hungry.", True),
        ("I have three eggs and some flour. What can I cook?", True),
        ("Why did you not send me that news?", False),
        ("Where has he gone?", False),
        ("What joy there is in living", False),
        ("When churchyards yawn", False),
        ("Tell me what happened, said the king.", False),
        ("Ask her to bring these things with her from the store.", False),
        ("List was a composer.", False),
        ("Is that so?", False),
        ("", False),
    ],
)
def test_who_asks_an_assistant(text: str, requested: bool) -> None:
    assert is_requested(text) is requested


def test_most_spoken_requests_are_known() -> None:
    """Requests that people judged good; the others are continued, which loses nothing."""
    records = [json.loads(line) for line in (DATA / "planted_queries.jsonl").read_text().splitlines()]
    good = [one["query_text"] for one in records if one["good"]]
    assert sum(map(is_requested, good)) >= 0.8 * len(good)
