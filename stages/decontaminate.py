"""`decontaminate`: rows that hold an item of an evaluation set are rejects, or flagged; asks no engine.

Read are what the user wrote, what is asked and what was heard of it, for rewriting makes paraphrases.
"""

import os
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from voxsmith.models.overlap.evaluation import BadIndex, EvalIndex, read_index
from voxsmith.schemas.columns import COLUMNS
from voxsmith.schemas.names import nearest
from voxsmith.schemas.paths import find, looked_in
from voxsmith.schemas.strict import Strict
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig

_SHOWN = 300  # characters of an item
_TEXTS = [name for name, one in COLUMNS.items() if one.role in ("written", "text", "heard")]
CLEAN = "none"


class EvalSet(Strict):
    """An index of an evaluation set. In a recipe it is written as the path of its file. Its hashes count, not its path."""

    written_as: ClassVar[str] = "an index's path"

    digest: str
    path: str = Field(exclude=True)
    index: Any = Field(exclude=True, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, EvalSet):
            return value
        if not isinstance(value, str):
            raise ValueError("write the path of an index that `voxsmith index-eval` wrote")
        path = find(value, info, os.path.isfile)
        if path is None:
            raise ValueError(f"no such index: {value}{looked_in(value, info)}; `voxsmith index-eval` writes one")
        try:
            index = read_index(Path(path))
        except BadIndex as error:
            raise ValueError(str(error)) from None
        return {"digest": index.digest, "path": path, "index": index}

    @property
    def hashes(self) -> EvalIndex:
        index: EvalIndex = self.index
        return index


class Config(StageConfig):
    """Settings of `decontaminate`."""

    sets: dict[str, EvalSet] = Field(min_length=1, description="evaluation sets: a name of yours, the path of an index")
    action: Literal["reject", "flag"] = Field(
        "reject", description="flag: the row stays, and evaluation_overlap names the item"
    )
    texts: list[str] = Field(
        ["instruction", "query_text", "query_heard"],
        min_length=1,
        description="columns that are compared, those of them that there are",
    )

    @field_validator("texts")
    @classmethod
    def _are_texts(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in _TEXTS:
                raise ValueError(f"'{name}' is no column of texts; {nearest(name, _TEXTS)}")
        return names

    @model_validator(mode="after")
    def _named(self) -> Self:
        if bad := [name for name in self.sets if not name.replace("_", "").replace("-", "").isalnum()]:
            raise ValueError(f"'{bad[0]}' can't be the name of a set: take letters, digits, - and _")
        return self


def decontaminate(row: Row, context: Context) -> Asking:
    """Raises Reject with the reason contaminated."""
    config: Config = context.config
    for name, one in config.sets.items():
        for column in config.texts:
            text = row.get(column)
            if not text or (overlap := one.hashes.overlap(text)) is None:
                continue
            where = f"{name}: item {overlap.item + 1}: {overlap.how}, in {column}"
            if config.action == "flag":
                return {"evaluation_overlap": where}
            item = one.hashes.texts[overlap.item][:_SHOWN] if one.hashes.texts else ""
            raise Reject("contaminated", f"{where}{f': {item}' if item else ''}", text)
    return {"evaluation_overlap": CLEAN}
    yield  # a stage's function is a generator, even where it asks nothing


STAGE = Stage(
    name="decontaminate",
    config=Config,
    reads=lambda config: (),
    optional=lambda config: tuple(config.texts),
    writes=lambda config: ("evaluation_overlap",),
    run=decontaminate,
)
