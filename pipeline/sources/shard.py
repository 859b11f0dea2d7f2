"""A run of whole conversations of one source: what is scheduled, cached and tried again as one."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shard:
    """A run of whole conversations of one source. `anchor` matches it to the shard it was in an earlier run."""

    source: str
    anchor: str
    rows: int
    key: str
    columns: dict[str, str]  # name -> digest
    rejects: dict[str, int]
    lacking: dict[str, int] = field(default_factory=dict)  # columns that a source may give -> rows that lack just these
    # stage instance -> row id -> how often a person had it tried again
    retries: dict[str, dict[str, int]] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)  # rows that a person keeps out, by reason
    as_read: str | None = None  # where a person's overrides made it another: the key of the rows as they were read

    @property
    def folder(self) -> str:
        return f"source.{self.source}"

    @property
    def alive(self) -> int:
        """Rows that the stages get to work on, of those that aren't rejected twice."""
        return max(0, self.rows - sum(self.rejects.values()) - sum(self.blocked.values()))

    def without(self, needed: Collection[str]) -> int:
        """Rows that lack one of these columns, which they have to bring with them; other rejects aren't counted."""
        return sum(rows for names, rows in self.lacking.items() if not set(names.split()).isdisjoint(needed))
