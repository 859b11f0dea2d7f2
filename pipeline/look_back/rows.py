"""The rows that a comparison shows: what they were and what they are, read when they are shown."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from voxsmith.pipeline.look_back.diff import Difference, RecentShards, Row, Spot
from voxsmith.pipeline.look_back.past import Past
from voxsmith.pipeline.store.store import Store
from voxsmith.schemas.columns import Column, Role

TEXTS: tuple[Role, ...] = ("written", "text", "heard")
VALUES: tuple[Role, ...] = ("label", "measure")
_CHARACTERS = 4000  # of a text


class Rows:
    """Reads rows of the two runs."""

    def __init__(self, store: Store, before: Past, after: Past) -> None:
        self.shards = (RecentShards(store, before), RecentShards(store, after))
        self.columns: dict[str, Column] = {name: one for name, one in after.columns.items() if one.exported}

    def names(self, roles: Sequence[Role]) -> list[str]:
        """The columns of these roles that an export has."""
        return [name for name, one in self.columns.items() if one.role in roles]

    def both(self, row: Row) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What the row was and is: its texts, labels and measures, as far as it has them."""
        before, after = (self._one(shards, spot) for shards, spot in zip(self.shards, _spots(row), strict=True))
        return before, after

    def clips(self, row: Row, name: str) -> tuple[bytes | None, bytes | None]:
        """The FLAC files of that column, before and after."""
        pairs = zip(self.shards, _spots(row), strict=True)
        before, after = (shards[spot[0]].clip(name, spot[1]) if spot else None for shards, spot in pairs)
        return before, after

    def _one(self, shards: RecentShards, spot: Spot | None) -> dict[str, Any] | None:
        if spot is None:
            return None
        shard, place = shards[spot[0]], spot[1]
        names = [name for name in self.names((*TEXTS, *VALUES)) if name in shard.places]
        values = {name: _short(shard.values(name)[place]) for name in names}
        return {name: value for name, value in values.items() if value is not None}


def as_json(difference: Difference, rows: Rows) -> dict[str, Any]:
    """The whole of it for programs."""
    result = asdict(difference)
    result["means"] = {name: {k: _short(v) for k, v in mean.items()} for name, mean in result["means"].items()}
    result["rows"] = [
        {"id": row.id, "kind": row.kind, "why": row.why, "columns": row.columns, "before": before, "after": after}
        for row in difference.rows
        for before, after in [rows.both(row)]
    ]
    return result


def _spots(row: Row) -> tuple[Spot | None, Spot | None]:
    return row.before, row.after


def _short(value: Any) -> Any:
    """Fit for a page: floats with four digits, long texts cut."""
    if isinstance(value, float):
        return round(value, 4)
    return value[:_CHARACTERS] + " …" if isinstance(value, str) and len(value) > _CHARACTERS else value
