"""The prompt that LLaMA-Omni's inference code writes, whatever the model's chat template is: its template `llama_3`."""

from typing import Any

SYSTEM = (
    "You are a helpful language and speech assistant. You are able to understand the speech content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)
TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def around(tokenizer: Any, before: str, after: str) -> tuple[list[int], list[int]]:
    """The ids around the speech of a user's turn, of which `before` stands before the speech and `after` behind it.

    By the procedure of its code: the two pieces are tokenised by themselves, and where the first one begins with the BOS token,
    the first id of the second is dropped, as if it were another. So a tokenizer that adds BOS gives two of them, and one that
    doesn't loses the newline behind the speech.
    """
    pieces = (
        f"{TOKENS[0]}{_turn('system', SYSTEM)}<|start_header_id|>user<|end_header_id|>\n\n{before}",
        f"{after}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    )
    first, second = (list(tokenizer(piece)["input_ids"]) for piece in pieces)
    return first, second[1:] if first and first[0] == tokenizer.bos_token_id else second


def end_of(tokenizer: Any) -> int | None:
    """The token that ends an answer: the template's, or where the tokenizer lacks it the one that ends generation."""
    end = tokenizer.get_vocab().get(TOKENS[3], tokenizer.eos_token_id)
    return None if end is None else int(end)


def lacking(tokenizer: Any) -> list[str]:
    """Tokens of the template that the tokenizer doesn't have: it reads them as plain text."""
    vocabulary = tokenizer.get_vocab()
    return [token for token in TOKENS if token not in vocabulary]


def _turn(role: str, text: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"
