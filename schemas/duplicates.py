"""What becomes of requests that repeat an earlier one: the recipe's `duplicates`."""

from typing import Literal

from pydantic import Field

from voxsmith.schemas.strict import Strict


class Duplicates(Strict):
    """Requests that are the same as an earlier one of the recipe's sources. A conversation counts as a whole."""

    action: Literal["reject", "flag"] = Field(
        "reject",
        description="reject: the later one is a reject of the source; flag: the column duplicate_of names the earlier one",
    )
    near: bool = Field(True, description="near-identical ones too: a word like `the` more, another form of a word")
