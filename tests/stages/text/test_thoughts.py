"""What a model thinks is never what it says; a reply of thoughts alone is told as such."""

import json
import time

import pytest

from voxsmith.stages.text.replies import json_field, unread
from voxsmith.stages.text.thoughts import thinks_alone, without_thoughts

SAID = {
    "<think>{\"answer\": \"a draft\"}</think>{\"answer\": \"Lima.\"}": "Lima.",
    "<think></think>\nLima.": "Lima.",
    "<think>\n\n</think>\n\nLima.": "Lima.",
    "<thinking>The user asks.\nSo …</thinking> Lima.": "Lima.",
    "<reasoning>1. Peru\n2. Lima</reasoning>\n```json\n{\"answer\": \"Lima.\"}\n```": "Lima.",
    "[THINK]Peru is a country.[/THINK]Lima.": "Lima.",
    "<|begin_of_thought|>Peru<|end_of_thought|> Lima.": "Lima.",
    "◁think▷Peru◁/think▷Lima.": "Lima.",
    "the template opened it, so hm {\"answer\": \"a draft\"} </think> {\"answer\": \"Lima.\"}": "Lima.",
    "<think>one <think>two</think> three</think>Lima.": "Lima.",
    "Okay.<think>hm</think>": "Okay.",
    "<|channel|>analysis<|message|>Peru …<|end|><|start|>assistant<|channel|>final<|message|>Lima.": "Lima.",
    json.dumps({"answer": "<think>Peru</think>Lima."}): "Lima.",
    "I think that <b>Lima</b> is right.": "I think that <b>Lima</b> is right.",
    "Lima.": "Lima.",
}  # fmt: skip


@pytest.mark.parametrize(("reply", "text"), SAID.items())
def test_what_is_said_stands_behind_the_thoughts(reply: str, text: str) -> None:
    assert json_field(reply, "answer") == text
    assert not thinks_alone(reply)


@pytest.mark.parametrize("reply", ["<think>", "<think>Peru, so {\"answer\": \"a draft\"}", "Lima.<think> Wait, no", "<think>a</think>",
                                   "hm, hm</think>\n", "<|channel|>analysis<|message|>Peru"])  # fmt: skip
def test_thoughts_alone_say_nothing_and_are_told(reply: str) -> None:
    assert json_field(reply, "answer") == "" == without_thoughts(reply)
    fault = unread(reply, "", "answer")
    assert fault and fault.reason == "thinking" and "max_tokens" in fault.message


def test_a_long_reply_of_tags_is_read_quickly() -> None:
    started = time.process_time()
    without_thoughts("<think>" * 1500)
    without_thoughts("</think>" * 1500)
    without_thoughts("<think>a</think>" * 1500)
    without_thoughts("and on " * 20_000)
    without_thoughts("<think>" + "and on " * 20_000)
    assert time.process_time() - started < 2


def test_a_reply_that_is_no_object_is_told_apart_from_an_empty_one() -> None:
    assert (unread(" \n", "", "answer") or unread("x", "x")).reason == "empty"  # type: ignore[union-attr]
    assert (unread('{"answer": ["Lima"]}', "", "answer") or unread("x", "x")).reason == "unreadable_reply"  # type: ignore[union-attr]
    assert unread("Lima.", "Lima.", "answer") is None
