"""What would run, why and how much: exact down to the first stale stage, "at most" below it."""

from dataclasses import dataclass

from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.state import WHOLE, State


@dataclass(frozen=True)
class StagePlan:
    """What a stage would do. `to_run`: shards that are known to be stale; `at_most`: these and those that can't be judged
    before the stages above have run; `reused`: shards that are up to date; `rows_to_run`: of `at_most`; `reason`: why the
    first of them would run, "" where none would.
    """

    name: str
    shards: int
    to_run: int
    at_most: int
    reused: int
    rows_to_run: int
    reason: str


def make_plan(state: State, selected: set[str]) -> list[StagePlan]:
    """What each stage would do, in the order of the stages; those that aren't selected would do nothing."""
    before = manifests.last_run(state.store, state.graph.recipe.name)
    plan = []
    for node in state.graph.nodes.values():
        whole = node.stage.each == "recipe"
        shards = [WHOLE] if whole else list(range(len(state.shards)))
        chosen = node.name in selected
        ready = [state.ready[node.name, n] for n in shards if (node.name, n) in state.ready] if chosen else []
        done = [n for n in shards if (node.name, n) in state.done]
        unknown = [n for n in shards if (node.name, n) not in state.done and (node.name, n) not in state.ready]
        at_most = len(ready) + (len(unknown) if chosen else 0)
        rows = [task.rows for task in ready] + [state.shards[n].rows for n in unknown if chosen and n != WHOLE]
        reason = manifests.reason(state, ready[0], before) if ready else "waits for stages above" if at_most else ""
        plan.append(
            StagePlan(
                name=node.name,
                shards=len(shards),
                to_run=len(ready),
                at_most=at_most,
                reused=len(done),
                rows_to_run=sum(rows),
                reason=reason,
            )
        )
    return plan
