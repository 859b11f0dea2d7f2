"""`continue_text` with replies given by hand, for every way that a reply can go; and with the real small model."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.paths import DATA, ROOT
from tests.helpers.talk import drive, with_replies
from voxsmith.schemas.checks import ContinuationText
from voxsmith.schemas.tasks import MARKER, TASKS
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.continue_text import STAGE, Config
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp
from voxsmith.stages.requests.llm import Complete

PLANTED = ("planted_continuations.jsonl", "planted_continuations_held_out.jsonl")
BOW = "The Norsemen considered the rainbow as a bridge over which the gods passed from earth to their home in the sky."
GOOD = "They called it Bifrost, and they believed that a watchman stood at its end day and night."
LONG = "It was guarded by Heimdall, who slept less than a bird and who heard the grass as it grew on the hills. " * 3


def context(form: str = "chat", checks: dict[str, Any] | None = None, **more: Any) -> Context:
    prompt = str(ROOT / f"configs/prompts/{'continue' if form == 'completion' else 'continue_chat'}.jinja")
    settings = Config(prompt=prompt, format=form, **more)
    return Context(settings, ContinuationText(**(checks or {})), 7, "continue_text")


def given(
    settings: Context, *replies: str, transcript: str = BOW, finish: str = "stop", **row: Any
) -> tuple[Any, list[Complete]]:
    """What the stage writes where the model says these things in turn, and what it was asked."""
    return with_replies(STAGE.run({"id": "r1", "transcript": transcript, **row}, settings), *replies, finish=finish)


def test_a_chat_is_asked_as_the_trainer_asks_and_its_free_reply_is_taken() -> None:
    written, asked = given(context(), GOOD)
    assert written == {"continuation": GOOD, "continuation_method": "llm", "continuation_attempts": 1}
    assert asked[0].messages == (("user", TASKS["continue"].request.replace(MARKER, BOW)),)
    assert (asked[0].json_schema, asked[0].max_tokens, asked[0].temperature) == (None, 64, 0)


def test_a_small_model_goes_on_with_examples_until_the_line_ends() -> None:
    written, asked = given(context("completion"), f" {GOOD}")
    assert written["continuation"] == GOOD
    assert asked[0].prompt and asked[0].prompt.endswith(f"Text: {BOW}\nGoes on:") and asked[0].stop == ("\n",)
    assert asked[0].head and asked[0].prompt.startswith(asked[0].head)


def test_the_same_text_in_two_rows_is_one_request() -> None:
    first, other = (next(STAGE.run({"id": name, "transcript": BOW}, context())) for name in ("r1", "r2"))
    assert first == other


def test_a_row_that_is_tried_again_by_hand_is_not_given_the_likeliest_words() -> None:
    _, again = given(replace(context(), retries={"r1": 1}), GOOD)
    assert again[0].temperature == 0.7 and again[0].seed != 0


@pytest.mark.parametrize(
    ("reply", "finish", "continuation"),
    [
        (f"Sure! Here's a possible continuation of the text in under 50 words:\n\n{GOOD}", "stop", GOOD),
        (f'Here is the continuation: "{GOOD}"', "stop", GOOD),
        (f"Continuation: {GOOD}", "stop", GOOD),
        (f"The text continues: {GOOD}", "stop", GOOD),
        (f"{BOW} {GOOD}", "stop", GOOD),
        (f"the Norsemen considered the rainbow as a bridge over which the gods passed from earth to their home in the sky, {GOOD}",
         "stop", GOOD),
        (f"...{GOOD}", "stop", GOOD),
        (f"{GOOD} Its name means the", "length", GOOD),
        (f"{GOOD} {LONG}", "stop", f"{GOOD} It was guarded by Heimdall, who slept less than a bird and who heard the grass as it "
         "grew on the hills."),
    ],
)  # fmt: skip
def test_a_reply_is_mended_where_that_is_safe(reply: str, finish: str, continuation: str) -> None:
    written, _ = given(context(), reply, finish=finish)
    assert (written["continuation"], written["continuation_method"]) == (continuation, "llm+mended")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        (BOW, "echo"),
        ("The gods passed over the rainbow from earth to their home in the sky.", "echo"),
        ("I'm sorry, but I can't continue this text.", "refusal"),
        ("I cannot help with that request.", "refusal"),
        ("As an AI language model, I don't have opinions on Norse mythology.", "refusal"),
        ("I'm sorry for the confusion, I will try again.", "refusal"),
        ("This is a continuation about the gods of the north and their bridge.", "about_task"),
        ("The given text is about Norse gods and how they travel.", "about_task"),
        ("The bridge burned at the end of days. Let me know if you need more!", "about_task"),
        ("Could you please provide more context about what you want?", "about_task"),
        ("Sie nannten sie Bifröst, und am Ende stand bei Tag und bei Nacht ein Wächter.", "language"),
        ("No.", "too_short"),
        ("and " + "the long road that led over hill and dale and river and wood to " * 6, "too_long"),
        ("They walked and they walked and they walked and they walked over it.", "loop"),
        ("The god called [Name] stood at its end.", "placeholder"),
        ("- Odin walked first\n- Thor walked behind him", "markup"),
    ],
)
def test_a_reply_that_is_no_continuation_is_tried_again(reply: str, reason: str) -> None:
    written, asked = given(context(), reply, GOOD)
    assert (written["continuation"], written["continuation_attempts"]) == (GOOD, 2)
    assert [request.temperature for request in asked] == [0, 0.7] and asked[0].seed != asked[1].seed
    with pytest.raises(Reject) as reject:
        given(context(attempts=1), reply)
    assert (reject.value.reason, reject.value.message[:9]) == (reason, "reply 1: ")


@pytest.mark.parametrize(
    ("transcript", "reply"),
    [
        ("I had not slept for three nights", "and I'm not able to say whether the fourth was any better, because I remember none of it."),
        ("he asked me what i was doing there", "\"I don't know,\" I said, \"what does it look like?\""),
        ("Could you help me with my homework?", "Sure, give me five minutes, I will be right there."),
        ("This is what he wrote on the wall", "This is the last day: whoever reads it, run."),
        ("The text of the law is plain", "but the text is read in another way by each judge."),
        ("ten of clubs", "Jack of hearts, and then nothing for a long while."),
        ("Northanger Abbey", "is a novel by Jane Austen that makes fun of gothic tales."),
        ("Please call Stella.", "Ask her whether she can come on Wednesday with Bob."),
    ],
)  # fmt: skip
def test_what_a_person_would_let_pass_passes(transcript: str, reply: str) -> None:
    written, _ = given(context(), reply, transcript=transcript)
    assert (written["continuation"], written["continuation_attempts"]) == (reply, 1)


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", PLANTED)
def test_planted_continuations_are_told_apart(name: str) -> None:
    wrong: dict[bool, list[str]] = {True: [], False: []}
    rows = read(name)
    for row in rows:
        try:
            given(context(attempts=1), row["reply"], transcript=row["transcript"], language=row["language"])
        except Reject as reject:
            if row["good"]:
                wrong[True].append(f"{reject.reason} {reject.message}: {row['reply']!r}")
        else:
            if not row["good"]:
                wrong[False].append(row["reply"])
    good, bad = sum(row["good"] for row in rows), sum(not row["good"] for row in rows)
    assert min(good, bad) >= 24
    assert len(wrong[False]) <= 0.05 * bad, wrong[False]
    assert len(wrong[True]) <= 0.02 * good, wrong[True]


def test_an_assistant_s_first_word_goes_where_nobody_asked() -> None:
    assert given(context(), f"Sure! {GOOD}")[0]["continuation"] == GOOD
    asked = "Could you help me with my homework?"
    assert (
        given(context(), "Sure! I'll be right there.", transcript=asked)[0]["continuation"]
        == "Sure! I'll be right there."
    )


@pytest.mark.parametrize("hostile", ["'a " * 3300, "the text " * 1100, "i can't " * 1250, "xyz" * 3300, "sure " * 2000])
def test_a_hostile_reply_takes_no_time(hostile: str) -> None:
    with pytest.raises(Reject):
        given(context(attempts=1), hostile)


def test_it_goes_on_in_the_row_s_language() -> None:
    german = "Er machte die Tür auf und sah, dass niemand mehr im Haus war."
    assert (
        given(context(), german, transcript="Es war spät am Abend, als er kam.", language="de")[0]["continuation"]
        == german
    )
    with pytest.raises(Reject, match="language"):
        given(context(attempts=1), GOOD, transcript="Es war spät am Abend, als er kam.", language="de-DE")


def test_what_will_be_spoken_is_put_into_words() -> None:
    reply = "It was 30 miles long & nobody has seen it since 1205"
    assert given(context(), reply)[0]["continuation"] == reply
    written, _ = given(context(spoken=True), reply)
    assert written["continuation"] == "It was thirty miles long and nobody has seen it since twelve oh five."
    with pytest.raises(Reject) as reject:
        given(context(spoken=True, attempts=1), f"They called it {'Bifrost' * 7}, and nobody knew why.")
    assert reject.value.reason == "endless"


def test_examples_of_the_prompt_do_not_come_back() -> None:
    settings = context("completion", attempts=1)
    with pytest.raises(Reject) as reject:
        given(
            settings, "By half past six the smell of fresh bread fills the whole street, and the first customers wait."
        )
    assert reject.value.reason == "leak"


def test_a_row_without_a_good_reply_is_a_reject_with_every_reason() -> None:
    with pytest.raises(Reject) as reject:
        given(context(attempts=2), "I can't assist with that.", "They said that the", finish="length")
    assert "reply 1: the reply refuses" in reject.value.message and "reply 2: the reply was cut" in reject.value.message
    assert (reject.value.reason, reject.value.sample) == ("cut", "They said that the")


def test_the_small_model_goes_on_with_real_transcripts(llm: llm_llamacpp.LlamaCpp) -> None:
    lines = (ROOT / "tests/data/asr/manifest.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines][-8:]
    done = 0
    for number, text in enumerate(texts):
        asking = STAGE.run({"id": f"r{number}", "transcript": text}, context("completion"))
        try:
            written, _ = drive(asking, lambda request: llm.submit(request).result(120))
        except Reject as reject:
            assert reject.reason and reject.message
            continue
        done += 1
        assert 2 <= len(written["continuation"].split()) <= 50
    assert done >= 6


def test_the_text_of_another_group_is_gone_on_with_by_the_same_request() -> None:
    settings = context(of="query")
    assert STAGE.reads(settings.config) == ("query_text",) and STAGE.writes(settings.config)[0] == "continuation"
    assert with_replies(STAGE.run({"id": "r1", "query_text": BOW}, settings), GOOD) == given(context(), GOOD)
    german = context(of="translation_de").config
    assert (german.language, STAGE.optional(german)) == ("de", ())
    with pytest.raises(ValueError, match="a continuation is what the stage writes"):
        context(of="continuation")
