"""The ids that LLaMA-Omni's code puts around the speech: with a tokenizer that adds BOS by itself and one that doesn't it was
seen to write 64 and 62 ids for the same text, two BOS in the one, no newline behind the speech in the other.
"""

from tests.trainer import folders
from tests.trainer.export import made
from voxsmith.trainer.data.prompts import Chat
from voxsmith.trainer.export.llama_omni_prompt import SYSTEM, remarks, their_prompt

BOS, HEADER, END_HEADER, END = 0, 2, 3, 5


def test_a_tokenizer_that_adds_bos_gives_two_and_one_that_doesn_t_loses_the_newline() -> None:
    adding, plain = made.tokenizer(adds_bos=True), made.tokenizer(adds_bos=False)

    def ids(text: str) -> tuple[int, ...]:
        return tuple(plain(text)["input_ids"])

    newline = ids("\n")
    assert len(newline) == 1
    system = (HEADER, *ids("system"), END_HEADER, *ids("\n\n"), *ids(SYSTEM), END)
    before = (BOS, *system, HEADER, *ids("user"), END_HEADER, *ids("\n\n"))
    request = ids("Please directly answer the questions in the user's speech.")
    after = (*request, END, HEADER, *ids("assistant"), END_HEADER, *ids("\n\n"))
    with_bos, without = their_prompt(adding), their_prompt(plain)
    assert (with_bos.before, with_bos.after) == ((BOS, *before), (*newline, *after))
    assert (without.before, without.after) == (before, after)


def test_a_prompt_that_differs_from_the_trained_one_is_said() -> None:
    plain = made.tokenizer(adds_bos=False)
    (other,) = remarks(plain, Chat(plain, "Be brief."))
    assert other.startswith("the prompt that LLaMA-Omni's code writes (122 ids, speech, 48 ids) is not the one")
    lacking = folders.tokenizer()
    (said,) = remarks(lacking, Chat(lacking))
    assert said.startswith("its tokenizer lacks <|begin_of_text|>, <|start_header_id|>, <|end_header_id|>, <|eot_id|>")
