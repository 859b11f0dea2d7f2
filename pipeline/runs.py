"""What each run used: the manifests in the store that `explain`, `plan` and `gc` look back on."""

import datetime
import re
from typing import Any

from pipeline.keys import difference
from pipeline.state import WHOLE, State, Unit
from pipeline.store import Store


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def new_run(state: State) -> str:
    """A name for a run, unique in the store."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    taken, name, number = set(state.store.folders("runs")), f"{state.graph.recipe.name}-{stamp}", 2
    while name in taken:
        name, number = f"{state.graph.recipe.name}-{stamp}-{number}", number + 1
    return name


def write_run(state: State, run: str, started: str, status: str, limit: int | None = None) -> None:
    """Leave what the run has used so far: for each stage the key of each shard."""
    keys: dict[str, dict[str, str]] = {}
    for (node, shard), done in state.done.items():
        keys.setdefault(node, {})[_anchor(state, shard)] = done.key
    manifest = {
        "run": run,
        "recipe_name": state.graph.recipe.name,
        "recipe": state.graph.recipe.model_dump(mode="json"),
        "started": started,
        "written": now(),
        "status": status,
        "limit": limit,
        "sources": {shard.anchor: [shard.folder, shard.key] for shard in state.shards},
        "keys": keys,
    }
    state.store.write_json(f"runs/{run}/manifest.json", manifest)


def last_run(store: Store, recipe: str) -> dict[str, Any] | None:
    """The manifest of the recipe's latest run. Names tell when a run was, so that others aren't read."""
    named = re.compile(rf"{re.escape(recipe)}-(\d{{8}}T\d{{6}})(?:-(\d+))?")
    found = [
        (match[1], int(match[2] or 1), match[0]) for run in store.folders("runs") if (match := named.fullmatch(run))
    ]
    for *_, run in sorted(found, reverse=True):
        manifest: dict[str, Any] | None = store.read_json(f"runs/{run}/manifest.json")
        if manifest:
            return manifest
    return None


def latest_runs(store: Store) -> list[dict[str, Any]]:
    """The manifests of each recipe's latest run, and of its latest that was no pilot."""
    found: dict[tuple[str, bool], dict[str, Any]] = {}
    for run in store.folders("runs"):
        manifest = store.read_json(f"runs/{run}/manifest.json")
        if not manifest:
            continue
        kind = (manifest["recipe_name"], manifest["limit"] is not None)
        if manifest["started"] >= found.get(kind, manifest)["started"]:
            found[kind] = manifest
    return list(found.values())


def reason(state: State, unit: Unit, before: dict[str, Any] | None) -> str:
    """Why the unit must run: the first part of its key that differs from the last run's."""
    if before is None:
        return "never run"
    old = before["keys"].get(unit.node, {}).get(_anchor(state, unit.shard))
    meta = state.store.meta(unit.node, old) if old else None
    if meta is None:
        source = before["sources"].get(_anchor(state, unit.shard))
        return "new rows" if source is None else "never finished"
    return difference(meta["parts"], dict(unit.parts)) or "its object is gone from the store"


def _anchor(state: State, shard: int) -> str:
    return "recipe" if shard == WHOLE else state.shards[shard].anchor
