"""Prompts against what the tokeniser's own template gives, with SmolLM2's from the cache of models."""

from typing import Any

import pytest

from tests.trainer import folders
from voxsmith.models.chat import Chat, NoTemplate
from voxsmith.models.llm_folder import llm_folder
from voxsmith.schemas.tasks import MARKER

SMOL = "smollm2-135m-instruct"
REQUESTS = (f"{MARKER}\nPlease answer.", f"Repeat: {MARKER}", f"Before {MARKER} and behind.")
TEXTS = ("Where is the tower?", "It's in Paris, isn't it?", "Sure: 1, 2 and 3.")


@pytest.fixture(scope="module")
def smol() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(llm_folder(SMOL))


def templated(tokenizer: Any, turns: list[dict[str, str]], prompt: bool) -> list[int]:
    made = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=prompt, return_dict=True)
    return list(made["input_ids"])


@pytest.mark.parametrize("system", ["", "Be brief."])
@pytest.mark.parametrize("text", TEXTS)
def test_a_read_question_and_its_answer_have_the_template_s_ids(smol: Any, system: str, text: str) -> None:
    chat = Chat(smol, system)
    turns = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": text}]
    question = chat.read(MARKER, text)
    assert list(question) == templated(smol, turns, prompt=True)
    whole = templated(smol, [*turns, {"role": "assistant", "content": "Of course."}], prompt=False)
    got = [*question, *chat.answer("Of course.")]
    assert got == whole[: len(got)] and smol.decode(whole[len(got) :]).strip() == ""
    assert chat.end == smol.eos_token_id == smol.convert_tokens_to_ids("<|im_end|>")


@pytest.mark.parametrize("request_", REQUESTS)
def test_what_stands_around_speech_is_the_template_cut_in_two(smol: Any, request_: str) -> None:
    around = Chat(smol).around_speech(request_)
    text = smol.apply_chat_template([{"role": "user", "content": request_}], tokenize=False, add_generation_prompt=True)
    assert smol.decode([*around.before]) + MARKER + smol.decode([*around.after]) == text
    assert smol.convert_tokens_to_ids("<|im_start|>") in around.before and around.after


def test_texts_at_once_have_the_ids_that_they_have_alone(smol: Any) -> None:
    chat = Chat(smol)
    assert [(*ids, chat.end) for ids in chat.ids([*TEXTS])] == [chat.answer(text) for text in TEXTS]
    assert chat.ids([]) == []


def test_a_request_has_speech_in_one_place() -> None:
    chat = Chat(folders.tokenizer())
    for request in ("none", f"{MARKER} and {MARKER}"):
        with pytest.raises(ValueError, match="speech in one place"):
            chat.around_speech(request)


def test_a_tokeniser_without_a_template_or_without_an_end_is_refused() -> None:
    with pytest.raises(NoTemplate, match="no chat template"):
        Chat(folders.tokenizer(template=None))
    with pytest.raises(NoTemplate, match="nothing behind an answer"):
        Chat(folders.tokenizer(template="{% for message in messages %}{{ message['content'] }}{% endfor %}"))
