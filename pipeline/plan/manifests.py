"""What each run used: the manifests in the store that `explain`, `plan` and `gc` look back on."""

import datetime
import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any, NotRequired

from typing_extensions import TypedDict

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.plan.keys import difference
from voxsmith.pipeline.plan.origins import origin_of
from voxsmith.pipeline.plan.state import WHOLE, State, Task
from voxsmith.pipeline.store.digests import digest
from voxsmith.pipeline.store.forms import Form, Moment
from voxsmith.pipeline.store.store import Store

_NAME = re.compile(r"(.+)-(\d{8}T\d{6})(?:-(\d+))?", re.ASCII)


class RunManifest(TypedDict):
    """What a run used. `origin`: see `plan.origins`; `sources`, `as_read`: where the rows of each shard are; `keys`: of each
    stage, by the shard's anchor. What isn't required is not in the manifests of old versions.
    """

    run: str
    recipe_name: str
    recipe: dict[str, Any]
    started: Moment
    written: Moment
    status: str
    limit: int | None
    sources: dict[str, tuple[str, str]]
    keys: dict[str, dict[str, str]]
    origin: NotRequired[str]
    stages: NotRequired[list[str]]
    needed: NotRequired[list[str]]
    as_read: NotRequired[dict[str, tuple[str, str]]]
    rows: NotRequired[dict[str, int]]


_MANIFEST = Form("a run's manifest", RunManifest)
_PROTECTING = ("stages", "as_read")  # without them nobody knows all that a run may need


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


def read_run(store: Store, run: str) -> RunManifest | None:
    """None where the run left no manifest, or one that can't be read."""
    return store.read_json(_path(run), _MANIFEST)


def _path(run: str) -> str:
    return f"runs/{run}/manifest.json"


def write_run(
    state: State, run: str, started: str, status: str, limit: int | None = None, work: dict[str, Any] | None = None
) -> None:
    """Leave what the run has used so far: for each stage the key of each shard. `work`: what it came to, at its end."""
    manifest = {
        "run": run,
        "recipe_name": state.graph.recipe.name,
        "origin": state.origin,
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
    state.store.write_json(_path(run), manifest)


def write_reuse(state: State, limit: int | None) -> None:
    """Leave that a run found everything done, where the run before it used something else, or was of another file: from now
    on this one is the latest of its recipe.
    """
    before = last_run(state.store, state.graph.recipe.name)
    own = before is not None and before.get("origin") == state.origin
    if before is None or not own or before["keys"] != _keys(state) or before["status"] != "done":
        write_run(state, new_run(state), now(), "done", limit)


def _keys(state: State) -> dict[str, dict[str, str]]:
    keys: dict[str, dict[str, str]] = {}
    for (node, shard), done in state.done.items():
        keys.setdefault(node, {})[_anchor(state, shard)] = done.key
    return keys


def last_run(store: Store, recipe: str) -> RunManifest | None:
    """The manifest of the recipe's latest run. Names tell when a run was, so that others aren't read."""
    return next((manifest for run in reversed(run_names(store, recipe)) if (manifest := read_run(store, run))), None)


def latest_runs(store: Store, forget: Collection[str] = ()) -> list[RunManifest]:
    """The manifests of each recipe's latest run, and of its latest that was no pilot, in the order in which they began.

    Recipes are told apart by name, file and profile (`RunManifest.origin`). A run without an origin may have been of any
    file: it makes room only for a later one of the very same recipe. `forget`: runs and origins, or patterns of their
    names, that don't count.

    Raises RunFailed where a manifest can't be read: what it used is not to be taken for what nobody needs. Raises
    RecipeError where there is nothing that is to be forgotten.
    """
    idle = dict.fromkeys(forget)
    latest: dict[tuple[str, str, bool], RunManifest] = {}
    known = run_names(store)
    for other in sorted(set(store.folders("runs")) - set(known)):
        if not _matches(other, forget, idle) and store.files(f"runs/{other}"):
            raise RunFailed(
                f"{store.url}/runs/{other} is not named like a run: move it elsewhere if it is none of ours"
            )
    for run in known:
        if _matches(run, forget, idle):
            continue
        manifest = store.read_kept(_path(run), _MANIFEST)
        if manifest is None:
            continue
        if lacking := [key for key in _PROTECTING if key not in manifest]:
            way = f"`--forget {run}` lets go of what it used"
            raise RunFailed(f"{store.url}/{_path(run)} doesn't say all that the run used ({', '.join(lacking)}): {way}")
        origin = manifest.get("origin", "")
        if not _matches(origin, forget, idle):
            recipe = origin or digest(manifest["recipe"])
            latest.pop(key := (manifest["recipe_name"], recipe, manifest["limit"] is not None), None)
            latest[key] = manifest
    if idle:
        raise RecipeError(*(f"--forget {name}: no run or recipe file of that name is in {store.url}" for name in idle))
    return list(latest.values())


def _matches(name: str, patterns: Collection[str], idle: dict[str, None]) -> bool:
    """Whether a pattern names it, or a path from here; takes those that do out of `idle`."""
    matching = [one for one in patterns if name and (name in (one, origin_of(one)) or fnmatchcase(name, one))]
    for one in matching:
        idle.pop(one, None)
    return bool(matching)


def reason(state: State, task: Task, before: RunManifest | None) -> str:
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
