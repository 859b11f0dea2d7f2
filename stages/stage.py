"""What a stage declares: its settings, the columns that it reads and writes, the engine that it asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from voxsmith.schemas.columns import Column, own_language
from voxsmith.schemas.strict import Strict

if TYPE_CHECKING:
    from voxsmith.stages.engines.backend import Backend


class StageConfig(Strict):
    """Base of a stage's own settings in the recipe (the keys beside `stage` and `engine`).

    A `language` that the recipe doesn't give is that of the group `of`, where it has one: German of `translation_de`.
    """

    @model_validator(mode="before")
    @classmethod
    def _in_the_language_of_its_group(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "language" in given or "language" not in cls.model_fields:
            return given
        group = given.get("of")
        language = own_language(group) if isinstance(group, str) else None
        return given | {"language": language} if language else given


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
    `columns`: the Arrow type, meaning and role of columns that voxsmith.schemas.columns doesn't have; a part from outside declares
    its own here.
    `refuses_engine(config, backend, settings)`: why the engine with that backend and those settings won't do, in words
    for a person; "" where it will.
    `choices`: written columns that only point at others: the value returned is the 0-based position in the tuple.
    """

    name: str
    config: type[StageConfig]
    reads: Callable[[Any], tuple[str, ...]]
    writes: Callable[[Any], tuple[str, ...]]
    run: Callable[..., Any]
    engine: str | None = None  # the kind it asks: "llm", "tts", "asr", "mos", "speaker", "units", "clips"
    each: Literal["row", "conversation", "recipe"] = "row"
    optional: Callable[[Any], tuple[str, ...]] = lambda config: ()
    checks: Callable[[Any], str | None] = lambda config: None  # the name of a group in voxsmith.schemas.checks.Checks
    artifacts: Callable[[Any], tuple[str, ...]] = lambda config: ()  # read, see voxsmith.schemas.columns.ARTIFACTS
    fits: str | None = None  # the artifact it writes, where `each` is "recipe"
    # Digests of its code in earlier versions that fit the same: what they fitted stays pinned.
    same_code: tuple[str, ...] = ()
    choices: Callable[[Any], dict[str, tuple[str, ...]]] = lambda config: {}
    kept_as: Callable[[Any], str | None] = lambda config: None
    # Written columns of which the store keeps the clip's name alone, without its bytes. The clip is the reply to the
    # stage's only request, which the pipeline asks again where the clip is wanted.
    by_name: Callable[[Any], tuple[str, ...]] = lambda config: ()
    # What the stage gives its prompts to be filled in with: all of them, or each by the setting that names it.
    prompt_variables: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    packages: tuple[str, ...] = ()  # distributions that its function imports as it runs, beside the base install
    extra: str = ""  # the extra of voxsmith that brings them, where one does
    columns: Mapping[str, Column] = field(default_factory=dict)
    # Settings that the pipeline gives, and no recipe: of `attempt` (which makes the stage a node for each attempt; it is 0
    # where nobody of ours speaks the group's clips), `attempts` (how many there are) and `references` (digests of what
    # voices are cloned from).
    from_pipeline: tuple[str, ...] = ()
    refuses_engine: Callable[[Any, "Backend[Any]", Any], str] = lambda config, backend, settings: ""

    def __post_init__(self) -> None:
        for name in ("reads", "writes", "optional", "run"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name} of the stage '{self.name}' is no function; write `{name}=lambda config: (…,)`")
