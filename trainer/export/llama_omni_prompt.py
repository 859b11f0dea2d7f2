"""The prompt that LLaMA-Omni's inference code writes, whatever the model's chat template is: its template `llama_3`."""

from typing import Any

from voxsmith.trainer.data.prompts import MARKER, Chat, Prompt
from voxsmith.trainer.data.tasks import TASKS

SYSTEM = (
    "You are a helpful language and speech assistant. You are able to understand the speech content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)
TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def their_prompt(tokenizer: Any) -> Prompt:
    """The ids around the speech, by the procedure of its code: what stands before and behind `<speech>` is tokenised by itself,
    and where the first piece begins with the BOS token, the first id of the second is dropped, as if it were another. So a
    tokenizer that adds BOS gives two of them, and one that doesn't loses the newline behind the speech.
    """
    request = TASKS["answer"].request
    before, after = request.split(MARKER)
    pieces = (
        f"{TOKENS[0]}{_turn('system', SYSTEM)}<|start_header_id|>user<|end_header_id|>\n\n{before}",
        f"{after}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    )
    first, second = (list(tokenizer(piece)["input_ids"]) for piece in pieces)
    if first and first[0] == tokenizer.bos_token_id:
        second = second[1:]
    return Prompt(tuple(first), tuple(second))


def remarks(tokenizer: Any, chat: Chat) -> list[str]:
    """How the prompt that was learned differs from the one that the model will be given, a line each."""
    vocabulary = tokenizer.get_vocab()
    if lacking := [token for token in TOKENS if token not in vocabulary]:
        return [
            f"its tokenizer lacks {', '.join(lacking)}: LLaMA-Omni's code writes them around each turn, and they are read "
            "as plain text that it was not trained with; take a Llama 3 that has them"
        ]
    trained, given = chat.around_speech(TASKS["answer"].request), their_prompt(tokenizer)
    if trained == given:
        return []
    which = f"({len(given.before)} ids, speech, {len(given.after)} ids) is not the one that it was trained with"
    how = f"({len(trained.before)} ids, speech, {len(trained.after)} ids)"
    if given == Prompt((tokenizer.bos_token_id, *trained.before), trained.after):
        how += f"; it begins with {TOKENS[0]} twice, all else is the same"
    return [f"the prompt that LLaMA-Omni's code writes {which} {how}"]


def _turn(role: str, text: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"
