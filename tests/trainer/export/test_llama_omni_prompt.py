"""The ids that LLaMA-Omni's code puts around the speech. With Llama 3's tokenizer it was seen to write those below: 64 in all
where the tokenizer adds BOS by itself, the speech behind 46 of them, and 62 where it doesn't, the speech behind 45.
"""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.trainer import folders, tiny
from tests.trainer.export import made
from voxsmith.models.chat import Chat, NoTemplate
from voxsmith.models.llama_omni_prompt import SYSTEM
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.export import tokenizer_files
from voxsmith.trainer.export.llama_omni_prompt import remarks

REQUEST = TASKS["answer"].request
SPECIAL = {
    "<|begin_of_text|>": 128000,
    "<|end_of_text|>": 128001,
    "<|start_header_id|>": 128006,
    "<|end_header_id|>": 128007,
    "<|eot_id|>": 128009,
}
PIECES = {"\n": 198, "\n\n": 271, "system": 9125, "user": 882, "assistant": 78191} | {
    "Please": 5618, " directly": 6089, " answer": 4320, " the": 279, " questions": 4860, " in": 304, " user": 1217,
    "'s": 596, " speech": 8982, ".": 13,
}  # fmt: skip
HEADER, END = 128006, [128009]
USER, ASSISTANT = [HEADER, 882, 128007, 271], [HEADER, 78191, 128007, 271]
ASKED = [5618, 6089, 4320, 279, 4860, 304, 279, 1217, 596, 8982, 13]


def llama_3(adds_bos: bool) -> PreTrainedTokenizerFast:
    """Cuts texts where Llama 3's does; pieces have its ids, those of the system message made-up ones."""
    cut = pre_tokenizers.Split(Regex(r"'s| ?\p{L}+| ?[^\s\p{L}]+|\n+"), "isolated")
    others = {piece for piece, _ in cut.pre_tokenize_str(SYSTEM)} - set(PIECES)
    words = PIECES | SPECIAL | {piece: 200000 + number for number, piece in enumerate(sorted(others))} | {"?": 0}
    ready = Tokenizer(models.WordLevel(words, unk_token="?"))
    ready.pre_tokenizer = cut
    ready.add_special_tokens(list(SPECIAL))
    if adds_bos:
        ready.post_processor = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 128000)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=ready, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")


@pytest.mark.parametrize(("adds_bos", "length", "place"), [(True, 64, 46), (False, 62, 45)])
def test_llama_3_is_trained_on_the_ids_that_the_code_was_seen_to_write(adds_bos: bool, length: int, place: int) -> None:
    tokenizer = llama_3(adds_bos)
    chat = Chat(tokenizer, template="llama_omni")
    prompt = chat.around_speech(REQUEST)
    system = tokenizer(SYSTEM, add_special_tokens=False)["input_ids"]
    assert len(system) == 35 and 0 not in system
    begins, newline = ([128000, 128000], [198]) if adds_bos else ([128000], [])
    assert [*prompt.before] == [*begins, HEADER, 9125, 128007, 271, *system, *END, *USER]
    assert [*prompt.after] == [*newline, *ASKED, *END, *ASSISTANT]
    assert (len(prompt.before), len(prompt.before) + 1 + len(prompt.after)) == (place, length)
    assert chat.end == 128009 and chat.answer("Please answer.") == (5618, 4320, 13, 128009)
    assert chat.read(REQUEST, "Please answer.") == (*prompt.before, 5618, 4320, 13, *prompt.after)
    assert remarks(tokenizer, chat) == []


def test_the_exported_tokenizer_gives_the_trained_ids(tmp_path: Path) -> None:
    for adds_bos in (True, False):
        before = llama_3(adds_bos)
        folder = tmp_path / str(adds_bos)
        folder.mkdir()
        tokenizer_files.write(before, folder)
        after = PreTrainedTokenizerFast.from_pretrained(folder)
        trained, given = (Chat(one, template="llama_omni").around_speech(REQUEST) for one in (before, after))
        assert trained == given


def test_a_tokenizer_without_its_tokens_reads_them_as_text() -> None:
    """SmolLM2's, as the tiny profile has it, is such a one: there is no BOS to drop, and its own end ends an answer."""
    words = folders.tokenizer()
    chat = Chat(words, template="llama_omni")
    assert chat.end == words.eos_token_id == words.convert_tokens_to_ids("<|end|>")
    before = f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{SYSTEM}<|eot_id|>"
    before += "<|start_header_id|>user<|end_header_id|>\n\n"
    after = "\nPlease directly answer the questions in the user's speech.<|eot_id|>"
    after += "<|start_header_id|>assistant<|end_header_id|>\n\n"
    prompt = chat.around_speech(REQUEST)
    assert ([*prompt.before], [*prompt.after]) == tuple(words(text)["input_ids"] for text in (before, after))
    assert remarks(words, chat) == []
    words.eos_token = None
    with pytest.raises(NoTemplate, match="no token that ends an answer"):
        Chat(words, template="llama_omni")


def test_a_prompt_that_differs_from_the_trained_one_is_said() -> None:
    plain = made.tokenizer(adds_bos=False)
    (other,) = remarks(plain, Chat(plain, "Be brief."))
    assert other.startswith("the prompt that LLaMA-Omni's code writes (122 ids, speech, 48 ids) is not the one")
    assert other.endswith(": train with llm.prompt: llama_omni")
    lacking = folders.tokenizer()
    (said,) = remarks(lacking, Chat(lacking))
    assert said.startswith("its tokenizer lacks <|begin_of_text|>, <|start_header_id|>, <|end_header_id|>, <|eot_id|>")


def test_a_system_message_that_the_code_would_not_write_is_refused() -> None:
    assert tiny.recipe(llm={"model": "llm", "prompt": "llama_omni", "system": SYSTEM}).llm.prompt == "llama_omni"
    with pytest.raises(ValidationError, match="LLaMA-Omni's code writes its own"):
        tiny.recipe(llm={"model": "llm", "prompt": "llama_omni", "system": "Be brief."})
