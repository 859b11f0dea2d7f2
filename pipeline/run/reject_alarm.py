"""Tells of rejects while there is time: a wrong prompt must not burn a night of GPUs."""

from collections.abc import Callable
from typing import Any

from pipeline.errors import RunFailed

_FIRST_ROWS = 32  # rows of a stage after which its share of rejects is judged


class Alarm:
    """`limit`: the largest share of rejects that a stage may have; `say`: how people are told."""

    def __init__(self, limit: float, say: Callable[..., None]) -> None:
        self._limit, self._say = limit, say
        self._lately: dict[str, tuple[int, int]] = {}  # rows that a stage has tried and rejected, of its latest few

    def judge(self, stage: str, made: int, rejected: int) -> None:
        """Raises RunFailed where a stage's rows so far nearly all fail."""
        tried = made + rejected
        if tried >= _FIRST_ROWS and rejected > self._limit * tried:
            raise RunFailed(
                f"stage '{stage}' rejected {rejected} of its first {tried} rows, more than checks.max_reject_ratio "
                f"({self._limit:g}) allows. See the reasons with: voxsmith rejects; what is finished is kept"
            )

    def notice(self, stage: str, meta: dict[str, Any]) -> None:
        """What goes wrong late drowns in the share of all rows: tell of it by the latest ones. `meta`: a task's."""
        lost = meta.get("rejected", 0)
        tried, rejected = self._lately.get(stage, (0, 0))
        tried, rejected = tried + meta.get("made", 0) + lost, rejected + lost
        if tried >= _FIRST_ROWS:
            if 2 * rejected > tried:
                why = ", ".join(f"{count} {reason}" for reason, count in meta.get("rejects", {}).items())
                told = f"{stage}: {rejected} of its latest {tried} rows are rejects; in the last shard: {why or 'none'}"
                self._say(told, "reject_burst", stage=stage, rows=tried, rejects=rejected)
            tried = rejected = 0
        self._lately[stage] = tried, rejected
