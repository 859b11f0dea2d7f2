"""The rows that a comparison shows: what they were and what they are, read when they are shown."""

from dataclasses import asdict
from typing import Any

from pipeline.look_back.diff import Difference, Row, Shards, Spot
from pipeline.look_back.past import Past
from pipeline.store.store import Store
from schemas.columns import SIDES

SHOWN = ("text", "method", "voice", "wer", "duration", "mos", "heard", "speech_attempts")
_CHARACTERS = 4000  # of a text


class Rows:
    """Reads rows of the two runs."""

    def __init__(self, store: Store, before: Past, after: Past) -> None:
        self.shards = (Shards(store, before), Shards(store, after))

    def both(self, row: Row) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What the row was and is: `instruction` and the SHOWN columns of each side that it has."""
        before, after = (self._one(shards, spot) for shards, spot in zip(self.shards, _spots(row), strict=True))
        return before, after

    def clips(self, row: Row, side: str) -> tuple[bytes | None, bytes | None]:
        """The FLAC files of that side, before and after."""
        pairs = zip(self.shards, _spots(row), strict=True)
        before, after = (shards[spot[0]].clip(f"{side}_audio", spot[1]) if spot else None for shards, spot in pairs)
        return before, after

    def _one(self, shards: Shards, spot: Spot | None) -> dict[str, Any] | None:
        if spot is None:
            return None
        shard, place = shards[spot[0]], spot[1]
        names = ("instruction", *(f"{side}_{base}" for side in SIDES for base in SHOWN))
        found = {name: _plain(shard.values(name)[place]) for name in names if name in shard.places}
        return {name: value for name, value in found.items() if value is not None}


def as_json(found: Difference, rows: Rows) -> dict[str, Any]:
    """The whole of it for programs."""
    told = asdict(found)
    told["means"] = {name: {k: _plain(v) for k, v in mean.items()} for name, mean in told["means"].items()}
    told["rows"] = [
        {"id": row.id, "kind": row.kind, "why": row.why, "columns": row.columns, "before": before, "after": after}
        for row in found.rows
        for before, after in [rows.both(row)]
    ]
    return told


def _spots(row: Row) -> tuple[Spot | None, Spot | None]:
    return row.before, row.after


def _plain(value: Any) -> Any:
    """As a person would write it: float32 digits and long texts are cut."""
    if isinstance(value, float):
        return round(value, 4)
    return value[:_CHARACTERS] + " …" if isinstance(value, str) and len(value) > _CHARACTERS else value
