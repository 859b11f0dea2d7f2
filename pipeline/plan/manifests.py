"""What each run used: the manifests in the store that `explain`, `plan` and `gc` look back on."""

import datetime
import re
from typing import Any

from voxsmith.pipeline.plan.keys import difference
from voxsmith.pipeline.plan.state import WHOLE, State, Task
from voxsmith.pipeline.store.store import Store

_NAME = re.compile(r"(.+)-(\d{8}T\d{6})(?:-(\d+))?")


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def new_run(state: State) -> str:
    """A name for a run, unique in the store. It sorts behind the runs before it, even where the clock was set back."""
    stamp, number = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S"), 1
    if earlier := run_names(state.store, state.graph.recipe.name):
        newest, count, _ = _when(earlier[-1])
        stamp, number = (newest, count + 1) if newest >= stamp else (stamp, 1)
    name = f"{state.graph.recipe.name}-{stamp}"
    return name if number == 1 else f"{name}-{number}"


def run_names(store: Store, recipe: str | None = None) -> list[str]:
    """The runs in the store (of one recipe, or of all), in the order in which they began. Reads none of them."""
    named = [run for run in store.folders("runs") if (match := _NAME.fullmatch(run)) and recipe in (None, match[1])]
    return sorted(named, key=_when)


def _when(run: str) -> tuple[str, int, str]:
    match = _NAME.fullmatch(run)
    assert match
    return match[2], int(match[3] or 1), run


def read_run(store: Store, run: str) -> dict[str, Any] | None:
    return store.read_json(f"runs/{run}/manifest.json") or None


def write_run(
    state: State, run: str, started: str, status: str, limit: int | None = None, work: dict[str, Any] | None = None
) -> None:
    """Leave what the run has used so far: for each stage the key of each shard. `work`: what it came to, at its end."""
    manifest = {
        "run": run,
        "recipe_name": state.graph.recipe.name,
        "recipe": state.graph.recipe.model_dump(mode="json"),
        "started": started,
        "written": now(),
        "status": status,
        "limit": limit,
        "work": work,
        "stages": list(state.graph.nodes),
        "needed": list(state.graph.needed),
        "sources": {shard.anchor: [shard.folder, shard.key] for shard in state.shards},
        "as_read": {shard.anchor: [shard.folder, shard.as_read] for shard in state.shards if shard.as_read},
        "rows": {shard.anchor: shard.rows for shard in state.shards},
        "keys": _keys(state),
    }
    state.store.write_json(f"runs/{run}/manifest.json", manifest)


def write_reuse(state: State, limit: int | None) -> None:
    """Leave that a run found everything done, where the run before it used something else: this one is the latest."""
    before = last_run(state.store, state.graph.recipe.name)
    if before is None or before["keys"] != _keys(state) or before["status"] != "done":
        write_run(state, new_run(state), now(), "done", limit)


def _keys(state: State) -> dict[str, dict[str, str]]:
    keys: dict[str, dict[str, str]] = {}
    for (node, shard), done in state.done.items():
        keys.setdefault(node, {})[_anchor(state, shard)] = done.key
    return keys


def last_run(store: Store, recipe: str) -> dict[str, Any] | None:
    """The manifest of the recipe's latest run. Names tell when a run was, so that others aren't read."""
    return next((manifest for run in reversed(run_names(store, recipe)) if (manifest := read_run(store, run))), None)


def latest_runs(store: Store) -> list[dict[str, Any]]:
    """The manifests of each recipe's latest run, and of its latest that was no pilot. Raises RunFailed where one can't be
    read: what it used is not to be taken for what nobody needs.
    """
    latest: dict[tuple[str, bool], dict[str, Any]] = {}
    for run in run_names(store):  # in order: a later one takes an earlier one's place
        if manifest := store.read_kept(f"runs/{run}/manifest.json"):
            latest[manifest["recipe_name"], manifest["limit"] is not None] = manifest
    return list(latest.values())


def reason(state: State, task: Task, before: dict[str, Any] | None) -> str:
    """Why the task must run: the first part of its key that differs from the last run's."""
    if before is None:
        return "never run"
    old = before["keys"].get(task.node, {}).get(_anchor(state, task.shard))
    meta = state.store.meta(task.node, old) if old else None
    if meta is None:
        source = before["sources"].get(_anchor(state, task.shard))
        return "new rows" if source is None else "never finished"
    return difference(meta["parts"], dict(task.parts)) or "its object is gone from the store"


def _anchor(state: State, shard: int) -> str:
    return "recipe" if shard == WHOLE else state.shards[shard].anchor
