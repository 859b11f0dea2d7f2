"""What an LLM is given around the speech, and what it shall answer: token ids, by the tokeniser's own chat template."""

from dataclasses import dataclass
from typing import Any

MARKER = "<|speech|>"  # stands in the text where speech goes; it never reaches the tokeniser


class NoTemplate(Exception):
    """The tokeniser can't be used for chats; the message says why and what to do."""


@dataclass(frozen=True)
class Prompt:
    """Ids before and after the speech."""

    before: tuple[int, ...]
    after: tuple[int, ...]


class Chat:
    """Makes prompts and answers with one tokeniser (transformers'). Raises NoTemplate where it has no chat template."""

    def __init__(self, tokenizer: Any, system: str = "") -> None:
        self.tokenizer, self._system = tokenizer, [{"role": "system", "content": system}] if system else []
        if not getattr(tokenizer, "chat_template", None):
            raise NoTemplate("its tokenizer has no chat template: take the instruct variant of the model")
        head, tail = self._rendered("", answer="ANSWER").rsplit("ANSWER", 1)
        del head
        # The token that ends a turn; what a template writes behind it (a newline, mostly) is not the model's to say.
        end = self._ids(tail)[:1]
        if not end:
            raise NoTemplate("its chat template writes nothing behind an answer: nothing would tell the model to stop")
        self.end: int = end[0]

    def around_speech(self, request: str) -> Prompt:
        """Of a user's turn whose text is `request`, MARKER in it where the speech goes."""
        pieces = self._rendered(request).split(MARKER)
        if len(pieces) != 2:
            raise ValueError(f"a request has the speech in one place: {request!r}")
        return Prompt(tuple(self._ids(pieces[0])), tuple(self._ids(pieces[1])))

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
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer is None))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
