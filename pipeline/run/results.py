"""What a stage's function returned for the rows of a task, checked against what the stage declares."""

from collections import Counter
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import pyarrow as pa

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.recipe.nodes import Node
from voxsmith.pipeline.run.rows import Rows
from voxsmith.pipeline.store.objects import build_table, column_field
from voxsmith.schemas.names import nearest
from voxsmith.stages.context import Reject, Row

_NO_FIT = (pa.ArrowException, TypeError, ValueError, OverflowError)  # what Arrow raises for a value of another type


class StageFault(RunFailed):
    """The code of a stage does not keep to what the stage declares, or its prompt can't be filled in. No row is at fault,
    so none is rejected, and trying again is of no use: the run ends.
    """


class Results:
    """By the place of a row: the columns that the stage returned, or why the row is rejected, and what was asked for it.

    The requests of a conversation are with its first row.
    """

    def __init__(self, node: Node, rows: Rows) -> None:
        self._node, self._rows = node, rows
        self._choices = node.stage.choices(node.config)
        self._declared = frozenset(node.writes)
        self._fields = [column_field(name, node.column(name), self._choices.get(name)) for name in node.writes]
        # Arrow fills a struct's fields from a dict and passes over keys that it doesn't know.
        self._structs = {
            field.name: frozenset(part.name for part in field.type)
            for field in self._fields
            if pa.types.is_struct(field.type)
        }
        self._whole = [field.name for field in self._fields if pa.types.is_integer(field.type)]
        self._values: list[Row] = [{} for _ in range(len(rows))]
        self._rejects: list[dict[str, str] | None] = [None] * len(rows)
        self._requests: list[list[bytes]] = [[] for _ in range(len(rows))]
        self._replies: list[list[bytes | None]] = [[] for _ in range(len(rows))]

    def put(self, place: int, values: Row) -> None:
        """The row's columns, as they are."""
        self._values[place] = values

    def keep_given(self, place: int, given: Row) -> None:
        """What a source or a person gave stands, whatever a stage that is called for whole conversations made of it."""
        if given and self._rejects[place] is None:
            self._values[place] = self._values[place] | given

    def reject(self, place: int, reject: Reject) -> None:
        self._rejects[place] = {"reason": reject.reason, "message": reject.message, "sample": reject.sample}

    def take(self, places: Sequence[int], returned: Any) -> None:
        """What the stage's function returned for the rows at these places. Raises StageFault.

        A function that is called for each row returns a dict of columns; one that is called for each conversation returns
        such a dict, or a Reject, for each of its rows. One Reject holds for all of them.
        """
        each = [returned] * len(places) if isinstance(returned, Reject) else self._split(places, returned)
        for place, result in zip(places, each, strict=True):
            if isinstance(result, Reject):
                self.reject(place, result)
            else:
                self._check(place, result)
                self._values[place] = result

    def keep(self, place: int, requests: list[bytes], replies: list[bytes | None]) -> None:
        """Digests of what was asked for the row at `place`, and the packed replies in the same order."""
        self._requests[place], self._replies[place] = requests, replies

    def made(self) -> int:
        """Rows that got columns."""
        return sum(any(value is not None for value in values.values()) for values in self._values)

    def rejects(self) -> dict[str, int]:
        """Rejected rows by reason."""
        return dict(Counter(reject["reason"] for reject in self._rejects if reject is not None))

    def table(self) -> pa.Table:
        """The object's table. Empties this. Raises StageFault where a value is not of its column's type."""
        kept_as = self._node.stage.kept_as(self._node.config)
        if kept_as is not None:  # the clip is the reply: it is stored once, as the column
            for place, values in enumerate(self._values):
                if values.get(kept_as) is None:
                    self._requests[place], self._replies[place] = [], []
                else:
                    self._replies[place] = [None] * len(self._requests[place])
        try:
            return build_table(self._fields, self._values, self._rejects, self._requests, self._replies)
        except _NO_FIT as error:
            raise self._misfit() or error from None

    def _split(self, places: Sequence[int], returned: Any) -> Sequence[Any]:
        stage, first = self._node.name, self._rows.id(places[0])
        if self._node.stage.each == "row":
            return [returned]
        if not isinstance(returned, list | tuple):
            raise StageFault(
                f"stage '{stage}' returned {_type(returned)} for the conversation of row {first}; "
                "it returns a list with a dict of columns, or a Reject, for each row"
            )
        if len(returned) != len(places):
            raise StageFault(
                f"stage '{stage}' returned {len(returned)} results for the {len(places)} rows of a conversation (the first "
                f"is row {first}); it returns a dict of columns, or a Reject, for each row"
            )
        return returned

    def _check(self, place: int, result: Any) -> None:
        stage, row = self._node.name, self._rows.id(place)
        if not isinstance(result, dict):
            raise StageFault(
                f"stage '{stage}' returned {_type(result)} for row {row}; it returns a dict of its columns, or raises Reject"
            )
        if undeclared := [name for name in result if name not in self._declared]:
            raise StageFault(
                f"stage '{stage}' returned '{undeclared[0]}', which it doesn't declare; "
                f"{nearest(str(undeclared[0]), self._declared)}"
            )
        for name in self._whole:
            value = result.get(name)
            if isinstance(value, float) and not value.is_integer():  # Arrow would cut it
                raise StageFault(
                    f"stage '{stage}', column '{name}', row {row}: {value!r} doesn't go into a column of whole numbers"
                )
        for name, parts in self._structs.items():
            value = result.get(name)
            if isinstance(value, dict) and (unknown := [part for part in value if part not in parts]):
                raise StageFault(
                    f"stage '{stage}', column '{name}', row {row}: the column has no field '{unknown[0]}'; "
                    f"{nearest(str(unknown[0]), parts)}"
                )
        for name, others in self._choices.items():
            value = result.get(name)
            if value is not None and not (isinstance(value, Integral) and int(value) in range(len(others))):
                raise StageFault(
                    f"stage '{stage}', column '{name}', row {row}: {value} is no position of {', '.join(others)}"
                )

    def _misfit(self) -> StageFault | None:
        """Names the first value that does not go into its column."""
        for place, values in enumerate(self._values):
            for field in self._fields:
                try:
                    pa.array([values.get(field.name)], field.type)
                except _NO_FIT:
                    return StageFault(
                        f"stage '{self._node.name}', column '{field.name}', row {self._rows.id(place)}: "
                        f"{_type(values[field.name])} doesn't go into a column of type {field.type}"
                    )
        return None


def artifact_of(node: Node, returned: Any) -> bytes:
    """The artifact that a fit stage returned. Raises StageFault where it is not there, or not bytes."""
    name = node.stage.fits
    if not isinstance(returned, dict):
        raise StageFault(f"stage '{node.name}' returned {_type(returned)}; it returns a dict with '{name}'")
    if undeclared := [key for key in returned if key != name]:
        raise StageFault(
            f"stage '{node.name}' returned '{undeclared[0]}', which it doesn't declare; did you mean '{name}'?"
        )
    artifact = returned.get(name)
    if not isinstance(artifact, bytes):
        raise StageFault(f"stage '{node.name}' returned {_type(artifact)} as '{name}'; it returns bytes")
    return artifact


def _type(value: Any) -> str:
    return "nothing (None)" if value is None else f"a value of type {type(value).__name__}"
