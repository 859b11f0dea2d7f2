"""What log-probabilities that are kept with a row depend on, in a line that stands beside them."""

import json
import re
from dataclasses import dataclass
from typing import Any, Self

from voxsmith.models.chat import Chat
from voxsmith.schemas.hashing import hashed_hex

# Of a tokenizer it is asked what it makes of this: merges, digits, spaces, letters of several scripts, signs of no use.
_PROBE = "It's 1,234.5 km to  Zürich\n\tисточник 東京の天気 مرحبا हिन्दी naïve🙂 <|speech|> x=[{'a': -0.5e3}];"
_LINE = re.compile(r"model (\S+) tokenizer ([0-9a-f]+) prompt ([0-9a-f]+) temperature (\S+)")


@dataclass(frozen=True)
class TeacherIdentity:
    """`model`: as voxsmith.models.references.identity names it, without white space; `tokenizer`: digest of its words and of what it
    makes of a text, which doesn't change with its library's version; `prompt`: digest of the ids around the transcript, so of
    chat template, system message and request; `temperature`: at which the tokens that are left out are summed up.
    """

    model: str
    tokenizer: str
    prompt: str
    temperature: float

    def __str__(self) -> str:
        return f"model {self.model} tokenizer {self.tokenizer} prompt {self.prompt} temperature {self.temperature:g}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Raises ValueError."""
        if not (match := _LINE.fullmatch(line)):
            raise ValueError(f"'{line[:100]}' names no teacher")
        return cls(match[1], match[2], match[3], float(match[4]))

    def difference(self, other: "TeacherIdentity") -> str:
        """The first thing that is another one than the other's, in words; "" where log-probabilities of one are those of the
        other. Folders count by their content, not by their names.
        """
        if self.model.rpartition("@")[2] != other.model.rpartition("@")[2]:
            return f"model {self.model}, not {other.model}"
        if self.tokenizer != other.tokenizer:
            return f"another tokenizer ({self.tokenizer}, not {other.tokenizer})"
        if self.prompt != other.prompt:
            return (
                f"another prompt ({self.prompt}, not {other.prompt}): its chat template, system message or the task's "
                "request differs"
            )
        return ""


def teacher_identity(model: str, chat: Chat, request: str, temperature: float) -> TeacherIdentity:
    """`request`: with voxsmith.schemas.tasks.MARKER in it."""
    around = chat.around_speech(request)
    prompt = hashed_hex(json.dumps([around.before, around.after, chat.end]), 8)
    return TeacherIdentity("_".join(model.split()), tokenizer_digest(chat.tokenizer), prompt, temperature)


def tokenizer_digest(tokenizer: Any) -> str:
    """16 hex digits of a tokenizer of transformers."""
    words = sorted((word, int(number)) for word, number in tokenizer.get_vocab().items())
    probed = list(tokenizer(_PROBE, add_special_tokens=False)["input_ids"])
    return hashed_hex(json.dumps([words, probed], ensure_ascii=False), 8)
