"""What an LLM is given around the speech, and what it shall answer: token ids, by the tokeniser's own chat template or by
LLaMA-Omni's.
"""

from dataclasses import dataclass
from typing import Any, Literal

from voxsmith.models import llama_omni_prompt
from voxsmith.schemas.tasks import MARKER

# Some templates write today's date (Llama 3.2's): rows would have another prompt each day. This is the date that Llama 3.1's writes.
DATE = "26 Jul 2024"
Template = Literal["chat_template", "llama_omni"]


class NoTemplate(Exception):
    """The tokeniser can't be used for chats; the message says why and what to do."""


@dataclass(frozen=True)
class Prompt:
    """Ids before and after the speech."""

    before: tuple[int, ...]
    after: tuple[int, ...]


class Chat:
    """Makes prompts and answers with one tokeniser (transformers'). `template`: its chat template, or `llama_omni`: exactly the ids
    that LLaMA-Omni's inference code gives, with a system message of its own. Raises NoTemplate where it can't be.
    """

    def __init__(self, tokenizer: Any, system: str = "", template: Template = "chat_template") -> None:
        self.tokenizer, self._system = tokenizer, [{"role": "system", "content": system}] if system else []
        self._template = template
        self.end: int = self._end()

    def _end(self) -> int:
        """The token that ends a turn; what a template writes behind it (a newline, mostly) is not the model's to say."""
        if self._template == "llama_omni":
            end = llama_omni_prompt.end_of(self.tokenizer)
            if end is None:
                raise NoTemplate(
                    "its tokenizer has no token that ends an answer: take the instruct variant of the model"
                )
            return end
        if not getattr(self.tokenizer, "chat_template", None):
            raise NoTemplate("its tokenizer has no chat template: take the instruct variant of the model")
        tail = self._rendered("", answer="ANSWER").rsplit("ANSWER", 1)[1]
        ends = self._ids(tail)[:1]
        if not ends:
            raise NoTemplate("its chat template writes nothing behind an answer: nothing would tell the model to stop")
        return ends[0]

    def around_speech(self, request: str) -> Prompt:
        """Of a user's turn whose text is `request`, MARKER in it where the speech goes."""
        text = request if self._template == "llama_omni" else self._rendered(request)
        pieces = text.split(MARKER)
        if len(pieces) != 2:
            raise ValueError(f"a request has the speech in one place: {request!r}")
        if self._template == "llama_omni":
            before, after = llama_omni_prompt.around(self.tokenizer, *pieces)
        else:
            before, after = map(self._ids, pieces)
        return Prompt(tuple(before), tuple(after))

    def read(self, request: str, transcript: str) -> tuple[int, ...]:
        """Ids of the same turn with the transcript in place of speech: what a teacher reads. The pieces are cut at the same
        places, so that the texts around have the same ids.
        """
        around = self.around_speech(request)
        return (*around.before, *self._ids(transcript), *around.after)

    def answer(self, text: str) -> tuple[int, ...]:
        """The answer, and the token that ends it."""
        return (*self._ids(text), self.end)

    def ids(self, texts: list[str]) -> list[list[int]]:
        """Ids of each text alone."""
        return [list(ids) for ids in self.tokenizer(texts, add_special_tokens=False)["input_ids"]] if texts else []

    def _rendered(self, request: str, answer: str | None = None) -> str:
        turns = [*self._system, {"role": "user", "content": request}]
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
        made = self.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=answer is None, date_string=DATE
        )
        return str(made)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
