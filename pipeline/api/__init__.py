"""Voxsmith from Python: what each command does, as functions over a recipe that return values.

    from voxsmith.pipeline import api

    outcome = api.run("configs/quickstart.yaml", limit=64)
    print(outcome.status, outcome.exported.counts)

A recipe is the path of a YAML file, a mapping with the keys of one, a `voxsmith.schemas.recipe.Recipe`, or what `load` returns. Each
function over a recipe also takes the keywords `overrides` and `profile`; see `load`. Nothing here prints or ends the
process: messages go to `logging`, or, where a function takes `say`, to that. All raise RecipeError, whose `lines` say what
is wrong where, for a recipe or an argument that is wrong, RunFailed for what can't be done now, and OSError for a disk.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from voxsmith.pipeline.api import running
from voxsmith.pipeline.api.opened import Loaded, Opened, RecipeLike, graph_of, load, open_recipe
from voxsmith.pipeline.api.values import Explanation, Exported, Outcome, Plan, RejectedRow, StageStatus, Status
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.accounts import finished, rejects_of
from voxsmith.pipeline.plan.gc import Collected, collect
from voxsmith.pipeline.plan.planner import make_plan
from voxsmith.pipeline.plan.state import WHOLE, State
from voxsmith.pipeline.plan.usable import check_usable
from voxsmith.pipeline.report.manifest import counts_of
from voxsmith.pipeline.report.outputs import export_state, folder_of, is_exported, out_folder, write_report
from voxsmith.pipeline.sources import listings
from voxsmith.pipeline.store.objects import read_columns
from voxsmith.pipeline.watch.estimate import estimate
from voxsmith.pipeline.watch.heartbeat import is_on, live_run
from voxsmith.pipeline.watch.snapshot import source_rejects
from voxsmith.schemas.recipe_file import Overrides

if TYPE_CHECKING:  # they load what their functions need
    from voxsmith.pipeline.check.calibrate import Calibration
    from voxsmith.pipeline.check.verdicts import Verdict
    from voxsmith.pipeline.look_back.comparison import Comparison
    from voxsmith.pipeline.publish.send import Publication
    from voxsmith.pipeline.recipe.doctor import Checkup
    from voxsmith.pipeline.recipe.listen_to_banks import Banks

__all__ = [
    "Explanation", "Exported", "Loaded", "Outcome", "Plan", "RecipeError", "RecipeLike", "RejectedRow", "RunFailed",
    "StageStatus", "Status", "calibrate", "check", "diff", "doctor", "explain", "export", "exported", "fetch", "gc", "load", "plan",
    "publish", "rejects", "report", "run", "status", "voices",
]  # fmt: skip
log = logging.getLogger(__name__)
Say = Callable[[str], None]  # is called with sentences for people, as things happen


class Changes(TypedDict, total=False):
    """What each function over a recipe may change in it; see `load`."""

    overrides: Overrides
    profile: str | None


def plan(
    recipe: RecipeLike,
    *,
    only: str | None = None,
    start: str | None = None,
    limit: int | None = None,
    refit: bool = False,
    **changes: Unpack[Changes],
) -> Plan:
    """What `run` would do with the same arguments, and why. Writes nothing; reads sources that have changed."""
    opened = _open_to_export(recipe, changes, limit)
    selected = opened.selected(only, start)
    state = opened.state(keep=False, limit=limit, refit=refit)
    check_usable(state, opened.label)
    stages = make_plan(state, selected)
    return Plan(tuple(stages), is_exported(state), estimate(state, stages), out_folder(state))


def run(
    recipe: RecipeLike,
    *,
    only: str | None = None,
    start: str | None = None,
    limit: int | None = None,
    retry_rejects: str | None = None,
    refit: bool = False,
    progress: Literal["off", "auto", "plain", "json"] = "off",
    say: Say = log.info,
    **changes: Unpack[Changes],
) -> Outcome:
    """Run what is stale, then export.

    `only`: this stage alone, or `start`: this one and all that depend on it; both leave the export out. `limit`: a pilot of
    whole shards until so many rows, exported beside the full corpus. `retry_rejects`: rows that were rejected for this
    reason are tried again with other seeds. `refit`: fit codebooks again. `progress`: how the run is shown on stderr.

    Works on the Ray that this process is connected to, else on the cluster of RAY_ADDRESS, else on one that it starts on
    this machine and leaves for the next call (`ray.shutdown()` ends it). Rows that the environment failed are no error:
    they are in `Outcome.pending`. SIGINT and SIGTERM end the run early where it is called in the main thread.
    """
    choice = running.Choice(only, start, limit, retry_rejects, refit, progress)
    return running.run(_open_to_export(recipe, changes, limit, keep=True), choice, say)


def export(recipe: RecipeLike, **changes: Unpack[Changes]) -> Exported:
    """Write the dataset of what is finished. Raises RunFailed where no shard is finished yet, or rows got lost."""
    opened = _open_to_export(recipe, changes, keep=True)
    with opened.at_work("export"):
        state = opened.state(keep=True)
        if not any(finished(state, shard) for shard in range(len(state.shards))):
            raise RunFailed(f"no shard is through all stages yet; first: voxsmith run {opened.label}")
        running.warn_of_another(state)
        export_state(state)
    return running.exported(state, fresh=True)


def exported(recipe: RecipeLike, **changes: Unpack[Changes]) -> Exported:
    """The dataset that an earlier `run` or `export` has written, whatever has changed since. Raises RunFailed where there is
    none. Reads its manifest alone.
    """
    loaded = load(recipe, **changes)
    folder = folder_of(loaded.recipe)
    if (counts := counts_of(folder, loaded.label)) is None:
        raise _not_exported(loaded)
    return Exported(folder, counts, fresh=False)


def explain(recipe: RecipeLike, stage: str, shard: int = 0, **changes: Unpack[Changes]) -> Explanation:
    """Why the stage over that shard is up to date, stale or waiting. A stage that fits has one shard, whatever `shard` is."""
    opened = _open(recipe, changes)
    opened.check_stage(stage)
    state, node = opened.state(keep=False), opened.graph.nodes[stage]
    whole = node.stage.each == "recipe"
    if not whole and not 0 <= shard < len(state.shards):
        raise RecipeError(f"there are shards 0 to {len(state.shards) - 1}, and none numbered {shard}")
    where = (stage, WHOLE if whole else shard)
    if where in state.done:
        return Explanation(stage, shard, "up to date", key=state.done[where].key)
    if where not in state.ready:
        above = sorted(name for name in opened.graph.parents(node) if (name, where[1]) not in state.done)
        return Explanation(stage, shard, "waiting", waits_for=tuple(above))
    reason = manifests.reason(state, state.ready[where], manifests.last_run(opened.store, opened.name))
    return Explanation(stage, shard, "stale", reason=reason)


def status(recipe: RecipeLike, **changes: Unpack[Changes]) -> Status:
    """How far the recipe is, and the run that is on. Writes nothing; reads sources that have changed."""
    opened = _open(recipe, changes)
    state = opened.state(keep=False)
    done, rejected = Counter[str](), Counter[str]()
    for (name, _), task in state.done.items():
        done[name] += 1
        rejected[name] += sum(task.rejects.values())
    shards = {name: 1 if node.stage.each == "recipe" else len(state.shards) for name, node in state.graph.nodes.items()}
    last = manifests.last_run(opened.store, opened.name)
    live = live_run(opened.store, opened.name)
    return Status(
        rows=sum(shard.rows for shard in state.shards),
        rows_finished=sum(shard.rows for n, shard in enumerate(state.shards) if finished(state, n)),
        source_rejects=source_rejects(state),
        is_on=live is not None or is_on(opened.store, opened.name),
        live=live,
        last_run={"run": last["run"], "status": last["status"], "written": last["written"]} if last else None,
        stages=tuple(StageStatus(name, count, done[name], rejected[name]) for name, count in shards.items()),
    )


def rejects(recipe: RecipeLike, *, reason: str | None = None, **changes: Unpack[Changes]) -> Iterator[RejectedRow]:
    """The rows that did not come out so far, or those of them with this reason, in the order of the sources. The recipe is
    opened by the call; rows are read shard by shard as the iterator goes on.
    """
    return _rejects(_open(recipe, changes, keep=True).state(keep=True), reason)


def _rejects(state: State, reason: str | None) -> Iterator[RejectedRow]:
    places: dict[str, str] = {}
    for name, source in state.graph.recipe.sources.items():
        places |= listings.places(state.store, name, source)
    for number, shard in enumerate(state.shards):
        verdicts = rejects_of(state, number)
        if not any(verdicts):
            continue
        ids = read_columns(state.store, {"id": (shard.folder, shard.key)})["id"].to_pylist()
        for row, reject in zip(ids, verdicts, strict=True):
            if reject is not None and reason in (None, reject.reason):
                yield RejectedRow(row, reject.stage, reject.reason, reject.message, reject.sample, places.get(row))


def report(recipe: RecipeLike, *, vocoder: str | None = None, **changes: Unpack[Changes]) -> Path:
    """Write the report page again from the exported dataset; returns its path. `vocoder`: a unit vocoder's model, with
    which the page also plays what the units kept. Raises RunFailed where nothing is exported.
    """
    loaded = load(recipe, **changes)
    folder = folder_of(loaded.recipe)
    if vocoder is None:
        page = write_report(folder, loaded.label)
    else:
        from voxsmith.pipeline.report.resound import vocoder as load_vocoder

        with load_vocoder(vocoder) as resound:
            page = write_report(folder, loaded.label, resound)
    if page is None:
        raise _not_exported(loaded)
    return page


def publish(
    recipe: RecipeLike,
    *,
    repo: str | None = None,
    to: str | None = None,
    private: bool = False,
    form: Literal["parquet", "arrow", "ultravox"] = "parquet",
    dry_run: bool = False,
    say: Say = log.info,
    **changes: Unpack[Changes],
) -> "Publication":
    """Send the exported dataset to the Hub's repository `repo`, or `to` an object store or folder; what is there already
    isn't sent again. `private`: the repository must be. `dry_run`: only say what would be sent; no network.

    Raises RunFailed, with what to do, where nothing is exported, its licences don't allow it, or the place can't be
    written to.
    """
    from voxsmith.pipeline.publish.send import publish
    from voxsmith.pipeline.publish.target import Target

    loaded = load(recipe, **changes)
    return publish(loaded.recipe, loaded.label, Target(repo, to, private, form), dry_run, say)


def diff(
    recipe: RecipeLike, before: str = "previous", after: str = "last", *, rows: int = 12, **changes: Unpack[Changes]
) -> "Comparison":
    """What changed between two runs in the recipe's store: stages, rows, texts, clips; with `rows` rows of each kind.

    `before` and `after`: names of runs, or "previous" and "last". Raises RecipeError where there is no such run, and
    RunFailed where an object of it is gone.
    """
    from voxsmith.pipeline.look_back.comparison import compare

    opened = _open(recipe, changes)
    return compare(opened.store, opened.name, before, after, rows, opened.graph.columns)


def gc(
    recipe: RecipeLike,
    *,
    dry_run: bool = False,
    grace: timedelta = timedelta(hours=24),
    forget: Collection[str] = (),
    **changes: Unpack[Changes],
) -> Collected:
    """Delete what is in the recipe's store, is older than `grace`, and is not used by any recipe's latest run; with
    `dry_run` only count it. Recipes are told apart by name, file and profile. `forget`: runs or recipe files, or patterns of
    their names, whose objects may go. Raises RunFailed where nobody can say what a process or a run needs.
    """
    return collect(_open(recipe, changes).store, dry_run, grace, forget)


def doctor(recipe: RecipeLike, **changes: Unpack[Changes]) -> "Checkup":
    """What this machine has, what the recipe's engines and models need, and what is missing. Loads no model."""
    from voxsmith.pipeline.recipe.doctor import examine

    return examine(graph_of(load(recipe, **changes)))


def calibrate(recipe: RecipeLike, file: str, *, group: str | None = None, **changes: Unpack[Changes]) -> "Calibration":
    """Listen to clips of a voice that sounds good (a file of JSON lines of `text` and `audio`), and propose limits for the
    `group` (the answer, where the recipe speaks it). Changes nothing.
    """
    from voxsmith.pipeline.check.calibrate import calibrate

    return calibrate(graph_of(load(recipe, **changes)), file, group)


def check(recipe: RecipeLike, file: str, **changes: Unpack[Changes]) -> Iterator["Verdict"]:
    """What the recipe's checks say of each line of a file of JSON lines, in order (docs/check.md lists the kinds of rows).
    Loads an engine only where a row has a clip. Touches no store and no source.
    """
    from voxsmith.pipeline.check.verdicts import verdicts

    return verdicts(graph_of(load(recipe, **changes)), file)


def voices(recipe: RecipeLike, **changes: Unpack[Changes]) -> "Banks":
    """Listen to the recipe's voice banks: length, noise, clipping, what is said (by the recipe's ASR engine)."""
    from voxsmith.pipeline.recipe.listen_to_banks import listen

    loaded = load(recipe, **changes)
    return listen(graph_of(loaded), loaded.label)


def fetch(models: Iterable[str], *, profile: str | None = None, say: Say = log.info) -> dict[str, str]:
    """Get models into the cache folder; returns the path of each. `models`: names from the catalogue, hub:org/name, or a
    recipe file (of that `profile`) for all that it needs. Raises RecipeError for a model that there isn't, RunFailed where
    one can't be had now.
    """
    from voxsmith.pipeline.recipe.preflight import fetch_models

    paths: dict[str, str] = {}
    for model, path in fetch_models(models, profile):
        say(f"{model}: {path}")
        paths[model] = path
    return paths


def _not_exported(loaded: Loaded) -> RunFailed:
    return RunFailed(f"{folder_of(loaded.recipe)}/manifest.json isn't there; first: voxsmith export {loaded.label}")


def _open(recipe: RecipeLike, changes: Changes, keep: bool = False) -> Opened:
    return open_recipe(load(recipe, **changes), keep)


def _open_to_export(recipe: RecipeLike, changes: Changes, limit: int | None = None, keep: bool = False) -> Opened:
    """The same for what exports in the end: nothing begins where something that no export wrote is in the way."""
    loaded = load(recipe, **changes)
    return open_recipe(loaded, keep, folder_of(loaded.recipe, pilot=limit is not None))
