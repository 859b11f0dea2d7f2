"""Whether a model was trained with the prompt that LLaMA-Omni's inference code will give it."""

from typing import Any

from voxsmith.models.chat import Chat, Prompt
from voxsmith.models.llama_omni_prompt import TOKENS, lacking
from voxsmith.schemas.tasks import TASKS


def remarks(tokenizer: Any, chat: Chat) -> list[str]:
    """How the prompt that was learned differs from the one that the model will be given, a line each."""
    request = TASKS["answer"].request
    trained, given = chat.around_speech(request), Chat(tokenizer, template="llama_omni").around_speech(request)
    if trained == given:
        return []
    instead = "train with llm.prompt: llama_omni"
    if names := lacking(tokenizer):
        return [
            f"its tokenizer lacks {', '.join(names)}: LLaMA-Omni's code writes them around each turn, and they are read "
            f"as plain text that it was not trained with; {instead}, or take a Llama 3 that has them"
        ]
    which = f"({len(given.before)} ids, speech, {len(given.after)} ids) is not the one that it was trained with"
    how = f"({len(trained.before)} ids, speech, {len(trained.after)} ids)"
    if given == Prompt((tokenizer.bos_token_id, *trained.before), trained.after):
        how += f"; it begins with {TOKENS[0]} twice, all else is the same"
    return [f"the prompt that LLaMA-Omni's code writes {which} {how}: {instead}"]
