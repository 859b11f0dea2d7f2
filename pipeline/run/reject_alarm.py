"""Warns of rejects while there is time: a wrong prompt must not burn a night of GPUs."""

from collections.abc import Callable
from typing import Any

from voxsmith.pipeline.errors import RunFailed

_FIRST_ROWS = 32  # rows of a stage after which its share of rejects is judged
_FAULTY_ROWS = 4  # rows of a stage that all raise, after which its code is at fault and not the rows


class Alarm:
    """`limit`: the largest share of rejects that a stage may have; `say`: prints a line for people; `recipe`: its file, as
    a person named it.
    """

    def __init__(self, limit: float, say: Callable[..., None], recipe: str = "") -> None:
        self._limit, self._say, self._recipe = limit, say, recipe
        self._latest: dict[str, tuple[int, int]] = {}  # by stage: rows tried and rejected since the last look
        self._raised: dict[str, tuple[int, int]] = {}  # by stage: rows tried, and those on which its code raised

    def judge(self, stage: str, made: int, rejected: int) -> None:
        """Raises RunFailed where nearly all of a stage's rows so far fail."""
        tried = made + rejected
        if tried >= _FIRST_ROWS and rejected > self._limit * tried:
            raise RunFailed(
                f"stage '{stage}' rejected {rejected} of its first {tried} rows, more than checks.max_reject_ratio "
                f"({self._limit:g}) allows. `voxsmith rejects {self._recipe or 'RECIPE'}` shows the reasons; "
                "what is finished is kept"
            )

    def judge_code(self, stage: str, meta: dict[str, Any]) -> None:
        """Raises RunFailed where the stage's code has raised on every row so far. `meta`: a task's."""
        tried, raised = self._raised.get(stage, (0, 0))
        tried += meta.get("made", 0) + meta.get("rejected", 0)
        raised += meta.get("rejects", {}).get("stage_error", 0)
        self._raised[stage] = tried, raised
        if tried >= _FAULTY_ROWS and raised == tried:
            raise RunFailed(
                f"stage '{stage}': its code raised on all of its first {tried} rows. `voxsmith rejects {self._recipe or 'RECIPE'} "
                "--reason stage_error` shows the errors; when the code is mended, the same command goes on"
            )

    def notice(self, stage: str, meta: dict[str, Any]) -> None:
        """Judge the latest rows by themselves: what goes wrong late drowns in the share of all rows. `meta`: a task's."""
        lost = meta.get("rejected", 0)
        tried, rejected = self._latest.get(stage, (0, 0))
        tried, rejected = tried + meta.get("made", 0) + lost, rejected + lost
        if tried >= _FIRST_ROWS:
            if 2 * rejected > tried:
                why = ", ".join(f"{count} {reason}" for reason, count in meta.get("rejects", {}).items())
                message = (
                    f"{stage}: {rejected} of its latest {tried} rows are rejects; in the last shard: {why or 'none'}"
                )
                self._say(message, "reject_burst", stage=stage, rows=tried, rejects=rejected)
            tried = rejected = 0
        self._latest[stage] = tried, rejected
