"""`rewrite` with replies given by hand, for every way that a reply can go; and with the real small model."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.talk import drive, with_replies
from voxsmith.schemas.checks import QueryText
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp
from voxsmith.stages.requests.llm import Complete, Completion
from voxsmith.stages.rewrite import STAGE, Config, read
from voxsmith.stages.text.faithful import faithful
from voxsmith.stages.text.speakable import speakable

SNACKS = "Generate a list of 5 healthy snacks."


def context(form: str = "completion", **more: Any) -> Context:
    name = "rewrite" if form == "completion" else "rewrite_chat"
    prompt = str(ROOT / f"configs/prompts/{name}.jinja")
    return Context(Config(prompt=prompt, format=form, **{"filler_rate": 0.0, **more}), QueryText(), 7, "rewrite")


def row(instruction: str, material: str | None = None, row_id: str = "r1") -> dict[str, Any]:
    whole = f"{instruction}\n{material}" if material else instruction
    return {"id": row_id, "conversation_id": "c1", "turn": 0, "instruction": whole, "context": material}


def given(one: dict[str, Any], settings: Context, *replies: str) -> tuple[dict[str, Any], list[Complete]]:
    """What the stage writes where the model says these things in turn, and what it was asked."""
    return with_replies(STAGE.run(one, settings), *replies)


def test_a_good_reply_is_taken() -> None:
    written, asked = given(row(SNACKS), context(), " generate a list of five healthy snacks?\n\nWritten: more")
    assert written["query_text"].endswith("generate a list of five healthy snacks?")
    assert (written["query_method"], written["query_attempts"]) == ("llm", 1)
    assert asked[0].prompt and asked[0].prompt.count("Written:") == 4 and asked[0].stop == ("\n",)
    assert "five healthy snacks" in asked[0].prompt


def test_a_row_that_is_tried_again_by_hand_is_not_given_the_likeliest_words() -> None:
    """They would be the same as before, and so would the clip that was no good."""
    _, first = given(row(SNACKS), context("chat"), json.dumps({"spoken": SNACKS}))
    _, again = given(row(SNACKS), replace(context("chat"), retries={"r1": 1}), json.dumps({"spoken": SNACKS}))
    assert (first[0].temperature, first[0].top_p) == (0, 1)
    assert (again[0].temperature, again[0].top_p) == (0.5, 0.95)


def test_material_that_the_reply_leaves_out_is_appended() -> None:
    written, _ = given(row("Sort the words.", "b2, a1"), context(), "sort the words?")
    assert written["query_method"] == "llm+context"
    assert written["query_text"].endswith("B two, a one.") or written["query_text"].endswith("b two, a one.")


def test_a_reply_that_brings_the_material_stays() -> None:
    reply = json.dumps({"spoken": "Could you sort the words red and blue by length?"})
    written, _ = given(row("Sort the words by length.", "red, blue"), context("chat"), reply)
    assert written["query_method"] == "llm"
    assert written["query_text"] == "Could you sort the words red and blue by length?"


def test_bad_replies_are_tried_again_and_then_the_rules_stand_in() -> None:
    bad = "name five fruits.", "make a list of six healthy snacks?", "I'd love to!"
    written, asked = given(row(SNACKS), context(), *bad)
    assert (written["query_method"], written["query_attempts"], len(asked)) == ("rules", 3, 3)
    assert "five healthy snacks" in written["query_text"]
    assert len({request.seed for request in asked}) == 3
    assert [request.temperature for request in asked] == [0.0, 0.5, 0.5]


def test_without_a_fallback_the_row_is_a_reject_with_every_reason() -> None:
    with pytest.raises(Reject) as reject:
        given(row(SNACKS), context(fallback="none", attempts=2), "name five fruits.", "make six healthy snacks?")
    assert "reply 1:" in reject.value.message and "reply 2:" in reject.value.message
    assert reject.value.reason == "number" and "six" in reject.value.sample


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [("", "empty"), ("Fix it:\ndef f(x):\n    return x", "code"), ("翻译这句话", "script"), ("word " * 90, "too_long")],
)
def test_what_nobody_could_say_is_refused_before_the_model_is_asked(instruction: str, reason: str) -> None:
    with pytest.raises(Reject) as reject:
        next(STAGE.run(row(instruction), context()))
    assert reject.value.reason == reason


def test_hopeless_rows_are_refused_and_the_samples_are_not() -> None:
    data = ROOT / "configs/data"
    for line in (data / "hopeless.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            instruction = json.loads(line)["instruction"]
        except ValueError:
            continue  # a broken line is the source reader's to refuse
        with pytest.raises(Reject):
            next(STAGE.run(row(instruction), context()))
    for sample in json.loads((data / "alpaca_sample.json").read_text(encoding="utf-8")):
        asking = STAGE.run(row(sample["instruction"], sample["input"] or None), context())
        if "the provided figure" in sample["instruction"]:  # there is none
            with pytest.raises(Reject, match="isn't there"):
                next(asking)
        else:
            assert isinstance(next(asking), Complete)


def test_a_chat_reply_is_read_from_its_json() -> None:
    assert read('Sure!\n{"spoken": "Um, name 3 fruits."}', "chat") == ("Name three fruits.", None)
    assert read('{"spoken": 3', "chat") == ("", None)
    assert read('"Name 3 fruits." ', "completion") == ("Name three fruits.", None)
    assert read("", "completion") == ("", None)


def test_what_rules_say_otherwise_than_it_is_written_is_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "voxsmith.stages.text.in_words.verbalise", lambda text: text.replace("-5°C", "five degrees Celsius")
    )
    with pytest.raises(Reject, match="said_otherwise: a minus isn't said"):
        next(STAGE.run(row("Is -5°C warm or cold?"), context()))
    asked = STAGE.run(row("Is -5°C warm or cold?"), context("chat", attempts=1, fallback="none"))
    next(asked)
    with pytest.raises(Reject, match="said_otherwise: reply 1: a minus isn't said"):
        asked.send(Completion('{"spoken": "Is it warm or cold at -5°C?"}', "stop", 9))


def test_a_chat_request_asks_for_one_field() -> None:
    request = next(STAGE.run(row("Sort these.", "b, a"), context("chat")))
    assert request.prompt is None and request.messages and "Material: b, a" in request.messages[0][1]
    assert json.loads(request.json_schema or "")["required"] == ["spoken"]


def test_the_same_row_is_asked_and_written_the_same() -> None:
    first, again = (given(row(SNACKS), context(filler_rate=0.5), "name five", "name", "name") for _ in range(2))
    assert first == again
    other, _ = given(row(SNACKS, row_id="r2"), context(filler_rate=0.5), "name five", "name", "name")
    assert other["query_text"] != first[0]["query_text"]


def test_the_small_model_rewrites_real_rows(llm: llm_llamacpp.LlamaCpp) -> None:
    rows = json.loads((ROOT / "configs/data/alpaca_sample.json").read_text(encoding="utf-8"))[:8]
    settings, methods = context(filler_rate=0.3), []
    for number, sample in enumerate(rows):
        one = row(sample["instruction"], sample["input"] or None, f"r{number}")
        written, _ = drive(STAGE.run(one, settings), lambda request: llm.submit(request).result(120))
        methods.append(written["query_method"])
        assert speakable(written["query_text"], 3, 100) is None
        assert faithful(written["query_text"], one["instruction"], one["context"], QueryText()) is None
    assert sum(method != "rules" for method in methods) >= 5, methods
