"""Settings that are one of many names, of which a page shows the kinds and a message the nearest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from voxsmith.schemas.names import closest


@dataclass(frozen=True)
class Among:
    """In Annotated[str, …]: the text is one of `names`.

    `what`: what they are called in messages; `takes`: the names as pages list them; `refused`: of other names that somebody
    may well write, why they won't do.
    """

    names: tuple[str, ...]
    what: str
    takes: str
    refused: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._checked, handler(source))

    def _checked(self, name: Any) -> str:
        if not isinstance(name, str):
            raise ValueError(f"the name of a {self.what} is wanted: {self.takes}")
        if name in self.names:
            return name
        if why := self.refused.get(name):
            raise ValueError(f"'{name}' won't do: {why}")
        near = closest(name, self.names)
        raise ValueError(
            f"no {self.what} '{name[:80]}'; {f'did you mean {near!r}?' if near else f'there is {self.takes}'}"
        )


def names_of(metadata: Any) -> tuple[str, ...]:
    """The names that a field of this metadata may be; none where it is of another kind."""
    return next((one.names for one in metadata if isinstance(one, Among)), ())
