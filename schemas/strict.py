"""The base of everything that a user may write in a recipe."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A frozen model that refuses keys it doesn't know (a typo must not become a default) and numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    written_as: ClassVar[str] = ""  # what stands for it in a recipe, where that is no mapping of its fields
