"""What a stage's function works with: the row, what it is given besides, and how it says that the row can't go on."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from voxsmith.schemas.hashing import hashed_number
from voxsmith.schemas.text import clean
from voxsmith.stages.requests.base import Request

Row = dict[str, Any]
# A stage's function yields requests, is sent their replies, and returns the columns it writes.
Asking = Generator[Request, Any, Row]
AskingAll = Generator[Request, Any, list[Row]]


_MESSAGE, _SAMPLE = 2_000, 10_000  # characters that a person is shown


class Reject(Exception):
    """This row can't go on: a verdict on its content. `sample` is the text that failed, for a person to read: the start
    of it where it is longer than anyone reads.
    """

    def __init__(self, reason: str, message: str, sample: str = "") -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message, self.sample = clean(str(reason)), clean(message[:_MESSAGE]), clean(sample[:_SAMPLE])


@dataclass(frozen=True)
class Context:
    """What a stage's function is given besides the row."""

    config: Any  # the stage's own, validated: an instance of `Stage.config`
    checks: Any = None  # the group of the recipe's checks that the stage declares
    seed: int = 0  # the recipe's
    stage: str = ""  # the registered name, the same for every instance
    artifacts: Mapping[str, bytes] = field(default_factory=dict)  # what fit stages wrote, by name
    retries: Mapping[str, int] = field(default_factory=dict)  # how often a person had a rejected row tried again

    def seed_for(self, row_id: str, attempt: int = 1) -> int:
        """A 31-bit seed of (recipe seed, row id, stage, attempt), and of how often the row was tried again by hand."""
        text = f"{self.seed}\n{row_id}\n{self.stage}\n{attempt}\n{self.retries.get(row_id, 0)}"
        return hashed_number(text, 4) >> 1

    def wants_likeliest(self, row_id: str, attempt: int) -> bool:
        """Whether an LLM's likeliest words are wanted: at first, if no person has had the row tried again. They come out
        the same with every seed.
        """
        return attempt == 1 and not self.retries.get(row_id)
