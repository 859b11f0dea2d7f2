"""plan, run, export, report and gc: what makes a corpus and its files."""

import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta

from voxsmith.pipeline import api
from voxsmith.pipeline.api.opened import Loaded
from voxsmith.pipeline.api.values import Exported
from voxsmith.pipeline.commands.options import recipe_of
from voxsmith.pipeline.plan.gc import KeptRun
from voxsmith.pipeline.plan.planner import StagePlan
from voxsmith.pipeline.terminal import console, json_text, one_line
from voxsmith.pipeline.watch.estimate import in_words

_REASONS = 5  # for which rows are pending, that are shown
_OTHERS = 5  # runs of other files with the recipe's name, that are shown


def plan(options: Namespace) -> int:
    planned = api.plan(
        recipe_of(options), only=options.only, start=options.start, limit=options.limit, refit=options.refit
    )
    if options.json:
        print(json_text(planned.as_json(), indent=1))
        return 0
    if not planned.is_done:
        _print_plan(planned.stages)
        print(in_words(planned.estimate))
        return 0
    print("nothing to do: every stage is up to date")
    if not planned.exported:
        print(
            f"The dataset in {planned.folder} is not what the recipe would give now: `run` or `export` writes it again."
        )
    return 0


def _print_plan(stages: Sequence[StagePlan]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("shards", "to run", "reused", "rows"):
        table.add_column(name, justify="right")
    table.add_column("why")
    for stage in stages:
        at_most = "<= " if stage.at_most > stage.to_run else ""
        count, rows = f"{at_most}{stage.at_most}", f"{at_most}{stage.rows_to_run}"
        style = None if stage.at_most else "dim"
        table.add_row(stage.name, str(stage.shards), count, str(stage.reused), rows, stage.reason, style=style)
    console().print(table)


def run(options: Namespace) -> int:
    from voxsmith.pipeline.watch.run_table import print_table

    recipe = recipe_of(options)
    outcome = api.run(
        recipe,
        only=options.only,
        start=options.start,
        limit=options.limit,
        retry_rejects=options.retry_rejects,
        refit=options.refit,
        progress=options.progress,
        say=lambda text: print(one_line(text)),
    )
    if outcome.status == "interrupted":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # an impatient Ctrl-C must not break off what is printed
    if outcome.work is not None:
        print_table(dict(outcome.work))
    if outcome.status == "interrupted":
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    if outcome.status == "pending":
        print(f"{len(outcome.pending)} rows are pending; the same command tries just those again:", file=sys.stderr)
        for reason in sorted(set(outcome.pending.values()))[:_REASONS]:
            print(one_line(f"  {reason}"), file=sys.stderr)
        return 1
    if outcome.exported is None:
        print("done; export with: voxsmith export", recipe.label)
        return 0
    if outcome.run is None and not outcome.exported.fresh:
        print("nothing to do: every stage is up to date and the dataset is written")
    _print_export(outcome.exported)
    return 0


def export(options: Namespace) -> int:
    _print_export(api.export(recipe_of(options)))
    return 0


def _print_export(exported: Exported) -> None:
    counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in exported.counts.items())
    print(f"{counts}\ndataset  {exported.dataset}\nreport   {exported.report}")


def report(options: Namespace) -> int:
    print(api.report(recipe_of(options), vocoder=options.vocoder))
    return 0


def _print_other_files(recipe: Loaded, kept: Sequence[KeptRun]) -> None:
    """Runs of other files that have the recipe's name: whether those files are still in use, a person knows."""
    name = recipe.recipe.name
    others = [run for run in kept if run.recipe == name and (run.origin != recipe.origin or not run.origin)]
    for run in others[-_OTHERS:]:
        file = run.origin or "no file that is known"
        print(one_line(f"what {run.name} used stays: it was a run of {file}, also called {name}"))
    if len(others) > _OTHERS:
        print(f"and so does what {len(others) - _OTHERS} runs before these used")
    if others:
        print(
            "`--forget NAME` lets go of what a run, or all runs of a file, used; NAME may be a pattern, 'toy-2025*' say"
        )


def gc(options: Namespace) -> int:
    recipe = recipe_of(options)
    collected = api.gc(recipe, dry_run=options.dry_run, grace=timedelta(hours=options.grace), forget=options.forget)
    verb = "would be deleted" if options.dry_run else "deleted"
    print(f"{collected.files} files, {collected.bytes / 1e6:.1f} MB {verb}")
    if collected.young:
        print(f"{collected.young} files are younger than {options.grace:g} hours and stay; --grace 0 takes them too")
    _print_other_files(recipe, collected.kept)
    for process in collected.at_work:
        print(one_line(f"{process} is at work: the objects of its stages are left alone"))
    if collected.stopped_by:
        begun = f"{collected.stopped_by} has begun, so this has stopped; run the same command again when it is over"
        print(one_line(begun))
    return 0
