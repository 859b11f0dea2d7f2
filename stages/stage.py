"""What a stage is: a pure function over rows that may ask an engine, and the columns it reads and writes."""

import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

from schemas.strict import Strict
from schemas.text import clean
from stages.requests import Request

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
        self.reason, self.message, self.sample = reason, clean(message[:_MESSAGE]), clean(sample[:_SAMPLE])


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
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") >> 1

    def wants_likeliest(self, row_id: str, attempt: int) -> bool:
        """Whether an LLM's likeliest words are wanted: at first, if no person has had the row tried again. They come out
        the same with every seed.
        """
        return attempt == 1 and not self.retries.get(row_id)


class StageConfig(Strict):
    """Base of a stage's own settings in the recipe (the keys beside `stage` and `engine`)."""


@dataclass(frozen=True)
class Stage:
    """A registered stage.

    `reads`, `optional`, `writes`: columns, given its config. A row that has null in a column of `reads` is passed over
    (an earlier stage rejected it); null in one of `optional` is handed on as None, and so is a column that nobody
    writes. The function always sees `id`, `conversation_id` and `turn`.
    `run(row, context)` for each row, or `run(rows, context)` for each conversation, is a generator: it yields
    requests, receives replies, returns the written columns, or raises `Reject`. Where `each` is "conversation" it
    returns, for each row, its columns or a `Reject`.
    `kept_as` names the column whose clip is the reply to the stage's only request: the clip is then stored once.
    `choices`: written columns that only point at others: the value returned is the 0-based position in the tuple.
    """

    name: str
    config: type[StageConfig]
    reads: Callable[[Any], tuple[str, ...]]
    writes: Callable[[Any], tuple[str, ...]]
    run: Callable[..., Any]
    engine: str | None = None  # the kind it asks: "llm", "tts", "asr", "mos", "speaker", "encoder"
    each: Literal["row", "conversation", "recipe"] = "row"
    optional: Callable[[Any], tuple[str, ...]] = lambda config: ()
    checks: Callable[[Any], str | None] = lambda config: None  # the name of a group in schemas.checks.Checks
    artifacts: Callable[[Any], tuple[str, ...]] = lambda config: ()  # read, see schemas.columns.ARTIFACTS
    fits: str | None = None  # the artifact it writes, where `each` is "recipe"
    choices: Callable[[Any], dict[str, tuple[str, ...]]] = lambda config: {}
    kept_as: Callable[[Any], str | None] = lambda config: None
    prompt_variables: tuple[str, ...] = ()
    # What is wrong with the engine that it is given, told to a person; "" where nothing is: (config, its backend, its settings)
    objects: Callable[[Any, ModuleType, Any], str] = lambda config, backend, settings: ""
