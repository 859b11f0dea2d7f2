"""What the functions of `voxsmith.pipeline.api` return."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from voxsmith.pipeline.plan.planner import StagePlan
from voxsmith.pipeline.watch.estimate import Estimate
from voxsmith.pipeline.watch.heartbeat import Beat

Ending = Literal["done", "pending", "interrupted"]


@dataclass(frozen=True)
class Plan:
    """What a run would do. `stages`: in their order; `exported`: whether `folder` holds the dataset of the recipe as it
    is now; `estimate`: the time and cost of the stages, by the pace of earlier runs.
    """

    stages: tuple[StagePlan, ...]
    exported: bool
    estimate: Estimate
    folder: Path

    @property
    def is_done(self) -> bool:
        """Whether every stage is up to date."""
        return not any(stage.at_most for stage in self.stages)

    def as_json(self) -> dict[str, Any]:
        """What `plan --json` prints."""
        stages = [asdict(stage) for stage in self.stages]
        return {"stages": stages, "export": self.exported, "estimate": asdict(self.estimate)}


@dataclass(frozen=True)
class Exported:
    """A dataset that is written. `counts`: rows_in = rows_out + rejects + pending; `fresh`: whether it was written now."""

    folder: Path
    counts: Mapping[str, int]
    fresh: bool = True

    @property
    def dataset(self) -> Path:
        """What `datasets.load_from_disk` opens."""
        return self.folder / "dataset"

    @property
    def rejects(self) -> Path:
        """The rejected rows, opened in the same way."""
        return self.folder / "rejects"

    @property
    def report(self) -> Path:
        """A page that opens offline."""
        return self.folder / "report.html"


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    `status`: "done"; "pending" where the environment failed some rows, which the same call tries again; "interrupted" by
    SIGINT or SIGTERM, from where the same call goes on. `run`: its name in the store, None where no stage had anything to
    do. `work`: figures by engine and stage, as in the run's manifest. `pending`: the reason by row id (or stage).
    `exported`: None unless the run is done and was of all stages.
    """

    status: Ending
    run: str | None
    work: Mapping[str, Any] | None
    pending: Mapping[str, str]
    exported: Exported | None


@dataclass(frozen=True)
class Explanation:
    """Why a stage over a shard is as it is. `reason`: what changed, where it is stale; `key`: of its object, where it is up
    to date; `waits_for`: the stages above that have to run first, where it waits.
    """

    stage: str
    shard: int
    state: Literal["up to date", "waiting", "stale"]
    reason: str = ""
    key: str | None = None
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageStatus:
    """How far a stage is. `done`: of its `shards`; `rejects`: rows that it has rejected."""

    name: str
    shards: int
    done: int
    rejects: int


@dataclass(frozen=True)
class Status:
    """How far a recipe is. `rows_finished`: rows of shards that are through all stages; `source_rejects`: rows that never
    reach a stage; `is_on`: whether a run is on; `live`: its heartbeat, where it has left one that can be read; `last_run`:
    name, status and time of the latest manifest.
    """

    rows: int
    rows_finished: int
    source_rejects: int
    is_on: bool
    live: Beat | None
    last_run: dict[str, Any] | None
    stages: tuple[StageStatus, ...]

    def as_json(self) -> dict[str, Any]:
        """What `status --json` prints."""
        return asdict(self) | {"stages": [asdict(stage) for stage in self.stages]}


@dataclass(frozen=True)
class RejectedRow:
    """A row that did not come out. `stage`: who rejected it ("sources" and "overrides" among them); `sample`: the text
    that failed; `place`: file and line of a row that its source rejected, as far as known.
    """

    id: str
    stage: str
    reason: str
    message: str
    sample: str
    place: str | None
