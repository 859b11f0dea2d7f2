"""A run of a recipe, step by step: retries, what there is to work on, the stages, the dataset."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from voxsmith.pipeline.api.opened import Opened
from voxsmith.pipeline.api.values import Ending, Exported, Outcome
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.accounts import finished
from voxsmith.pipeline.plan.retries import note
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.plan.usable import check_usable
from voxsmith.pipeline.recipe.preflight import check_models, check_packages
from voxsmith.pipeline.report.manifest import counts_of
from voxsmith.pipeline.report.outputs import export_state, is_exported, other_recipe, out_folder
from voxsmith.pipeline.store.claims import Claims

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """What of a recipe to run, and how to show it; see `voxsmith.pipeline.api.run`."""

    only: str | None = None
    start: str | None = None
    limit: int | None = None
    retry_rejects: str | None = None
    refit: bool = False
    progress: str = "off"

    @property
    def whole(self) -> bool:
        return self.only is None and self.start is None


def run(opened: Opened, choice: Choice, say: Callable[[str], None]) -> Outcome:
    """Run what is stale, then export. Raises RecipeError and RunFailed."""
    selected = opened.selected(choice.only, choice.start)
    with opened.at_work("run") as mark, _signals_as_before():
        if choice.retry_rejects:
            _note_retries(opened, choice, say)
        state = opened.state(keep=True, limit=choice.limit, refit=choice.refit)
        warn_of_another(state)
        check_usable(state, opened.label)
        if not any(name in selected for name, _ in state.ready):
            if all(finished(state, shard) for shard in range(len(state.shards))):
                manifests.write_reuse(state, choice.limit)
            return Outcome("done", None, None, {}, _export(state) if choice.whole else None)
        outcome = _execute(state, opened.label, selected, choice, Claims(opened.store, mark))
        if outcome.status != "done" or not choice.whole:
            return outcome
        return replace(outcome, exported=_export(state))


def _note_retries(opened: Opened, choice: Choice, say: Callable[[str], None]) -> None:
    assert choice.retry_rejects
    rows, stages = note(opened.state(keep=True, limit=choice.limit), choice.retry_rejects, opened.label)
    if rows:
        say(f"{rows} rows are tried again, from {', '.join(stages)} on")
    else:
        say("no more rows are rejected for that reason; those noted before are tried now")


def warn_of_another(state: State) -> None:
    """Log a warning where the folder holds the dataset of another recipe file, which an export would replace."""
    if other := other_recipe(state):
        log.warning(
            "%s holds the dataset of %s, whose name is '%s' too: it is going to be replaced; give one of them another "
            "`name` (or `out`) to keep both",
            out_folder(state),
            other,
            state.graph.recipe.name,
        )


def _execute(state: State, label: str, selected: set[str], choice: Choice, claims: Claims) -> Outcome:
    """Run the stages. The run's manifest is written before and, whatever happens, behind it."""
    from voxsmith.pipeline.run.executor import execute
    from voxsmith.pipeline.watch.progress import Progress

    graph = state.graph
    left = [name for name in graph.nodes if name in selected and state.left(name)]
    check_packages(graph, label, left)
    check_models(graph, label, [graph.nodes[name].engine for name in left])
    name, started = manifests.new_run(state), manifests.now()
    manifests.write_run(state, name, started, "running", choice.limit)
    progress = Progress(state, name, selected, choice.progress)
    try:
        with progress:
            result = execute(state, selected, progress, claims)
            status: Ending = "interrupted" if result.interrupted else "pending" if result.pending else "done"
            progress.status = status
    finally:
        manifests.write_run(state, name, started, progress.status, choice.limit, progress.work.as_json())
    return Outcome(status, name, progress.work.as_json(), result.pending, None)


def _export(state: State) -> Exported:
    return exported(state, not is_exported(state) and export_state(state, again=False))


def exported(state: State, fresh: bool) -> Exported:
    """What is in the recipe's folder. Raises RunFailed where the dataset was taken away meanwhile."""
    folder = out_folder(state)
    counts = counts_of(folder, state.recipe_file or state.graph.recipe.name)
    if counts is None:
        raise RunFailed(f"{folder}/manifest.json isn't there any more: does another run write there?")
    return Exported(folder, counts, fresh)


@contextmanager
def _signals_as_before() -> Iterator[None]:
    """The executor keeps ignoring SIGINT and SIGTERM once one came, while what is left is written; a program that runs
    recipes by functions gets its own handlers back then. Python sets handlers in its main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
