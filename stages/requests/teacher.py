"""What an LLM thinks of a text that is given: the likeliest tokens at each of its places."""

import json
from dataclasses import dataclass
from typing import ClassVar, Self

from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.stages.requests.base import Request


@dataclass(frozen=True)
class Read:
    """`top`: at each token of the answer, and at the one that ends the turn; `of`: which model, tokenizer and prompt."""

    top: TopLogProbs
    of: str

    def pack(self) -> bytes:
        return json.dumps(self.of).encode() + b"\n" + self.top.pack()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        of, _, top = data.partition(b"\n")
        return cls(TopLogProbs.unpack(top), str(json.loads(of)))


@dataclass(frozen=True)
class ReadAnswer(Request):
    """Which tokens would you have said at each place of this answer? The prompt is that of training: `request` is the user's turn
    with voxsmith.schemas.tasks.MARKER in it, where `transcript` stands; `system` and `template` as voxsmith.models.chat.Chat has them.
    `temperature`: at which those left out are summed up, too.
    """

    request: str
    transcript: str
    answer: str
    system: str = ""
    template: str = "chat_template"
    top: int = 32
    temperature: float = 2.0
    reply: ClassVar[type] = Read
