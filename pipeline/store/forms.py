"""The forms of the JSON files in a store, and of notes beside datasets. What is read back is checked first: another version
of Voxsmith may have written it, or a power loss cut it.

A form is a TypedDict, or another type that pydantic knows. Types are strict: no text is taken for a number. Keys that a
form doesn't name are left out.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Generic, NotRequired, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

_SHOWN = 120  # characters of a key that are shown
T = TypeVar("T")


class Misfit(ValueError):
    """Data are not of the form; the message says why, in a line. `cut`: they are no JSON at all."""

    def __init__(self, why: str, cut: bool) -> None:
        super().__init__(why)
        self.cut = cut


class Form(Generic[T]):
    """How a file must look; `name` says what it is, for messages."""

    def __init__(self, name: str, kind: Callable[..., T]) -> None:
        self.name, self._kind = name, kind

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:  # built where it is used: that takes milliseconds
        kind: Any = self._kind
        return TypeAdapter(kind)

    def read(self, data: bytes) -> T:
        """The checked content. Raises Misfit."""
        try:
            return self._adapter.validate_json(data, strict=True)
        except ValidationError as error:
            mistake = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if mistake["type"] == "json_invalid":
            raise Misfit(mistake["msg"], cut=True)
        where = ".".join(str(part) for part in mistake["loc"])[:_SHOWN] or "all of it"
        missing = mistake["type"] == "missing"
        message = mistake["msg"].removeprefix("Value error, ")
        raise Misfit(f"{where}: {'this key is needed' if missing else message}", cut=False)

    def of_file(self, path: Path) -> T | None:
        """The content of a file outside stores; None where there is none, or it is cut, or has another form: for what can be
        made again.
        """
        try:
            return self.read(path.read_bytes()) if path.is_file() else None
        except Misfit:
            return None


def _with_zone(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1970 <= moment.year <= 9000:
        raise ValueError("not a time with its zone")
    return text


Moment = Annotated[str, AfterValidator(_with_zone)]  # ISO 8601


class SourceCommit(TypedDict):
    """What commits an object of a source: its rows, and the digest of each column."""

    rows: int
    columns: dict[str, str]
    blocked: NotRequired[dict[str, int]]


class Commit(SourceCommit):
    """What commits an object of a stage. `parts`: of its key; `replies`: their digest."""

    rejects: dict[str, int]
    parts: dict[str, Any]
    key: NotRequired[str]
    made: NotRequired[int]
    rejected: NotRequired[int]
    metrics: NotRequired[dict[str, Any]]
    replies: NotRequired[str]


class Digests(TypedDict):
    """What a commit says of the values in its object, where it says so."""

    columns: NotRequired[dict[str, str]]
    replies: NotRequired[str]


COMMIT = Form("a commit", Commit)
SOURCE_COMMIT = Form("a source's commit", SourceCommit)
DIGESTS = Form("a commit", Digests)
