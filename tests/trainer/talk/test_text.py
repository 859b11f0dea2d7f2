"""Text that comes token by token is the text of all tokens."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.trainer import folders
from voxsmith.trainer.talk.text import TextStream


def bytes_tokenizer() -> PreTrainedTokenizerFast:
    """A token for each byte, as in the byte-level vocabularies of GPT-2 and Llama 3."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens(["<|end|>"])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>")


BYTES = bytes_tokenizer()


@given(st.text(min_size=1))
@settings(max_examples=60, deadline=None)
def test_pieces_joined_are_the_whole_and_hold_whole_letters_only(text: str) -> None:
    ids = BYTES(text)["input_ids"]
    stream = TextStream(BYTES)
    pieces = [stream.add(token) for token in ids]
    assert "".join(pieces) + stream.end() == text
    assert "\ufffd" not in "".join(pieces).replace("\ufffd" if "\ufffd" in text else "\0", "")


def test_a_letter_comes_when_it_is_whole() -> None:
    stream = TextStream(BYTES)
    assert [stream.add(token) for token in BYTES("aé🙂")["input_ids"]] == ["a", "", "é", "", "", "", "🙂"]
    assert [stream.add(token) for token in BYTES("🙂")["input_ids"][:2]] == ["", ""]
    assert stream.end() == "\ufffd" and stream.end() == ""


def test_spaces_between_words_and_special_tokens() -> None:
    words = folders.tokenizer()
    ids = words("user <|start|> system assistant", add_special_tokens=False)["input_ids"]
    stream = TextStream(words)
    assert [stream.add(token) for token in ids] == ["user", "", " system", " assistant"]
    assert stream.end() == ""
