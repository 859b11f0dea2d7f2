"""explain, status, rejects and diff: what looks at a recipe and its runs."""

import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from voxsmith.pipeline import api
from voxsmith.pipeline.api.values import RejectedRow
from voxsmith.pipeline.commands.options import recipe_of
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.terminal import is_read, json_text, one_line
from voxsmith.pipeline.watch.heartbeat import tell_live

_SAMPLE = 160  # characters of a rejected text that are shown


def explain(options: Namespace) -> int:
    why = api.explain(recipe_of(options), options.stage, options.shard)
    states = {
        "up to date": f"up to date (object {why.key})",
        "waiting": f"waits for {', '.join(why.waits_for)}",
        "stale": f"stale: {why.reason}",
    }
    print(one_line(f"{why.stage}, shard {why.shard}: {states[why.state]}"))
    return 0


def status(options: Namespace) -> int:
    now = api.status(recipe_of(options))
    if options.json:
        print(json_text(now.as_json(), indent=1))
        return 0
    last = ""
    if now.last_run:
        was_killed = now.last_run["status"] == "running" and not now.is_on
        how = "killed, or lost with its machine" if was_killed else now.last_run["status"]
        last = f"; last run {now.last_run['run']}: {how}"
    print(one_line(f"{now.rows_finished} of {now.rows} rows are through all stages{last}"))
    if now.live:
        print(tell_live(now.live))
    if now.source_rejects:
        print(f"  {'sources':<20} {now.source_rejects} rejects")
    for stage in now.stages:
        print(f"  {stage.name:<20} {stage.done:>5} of {stage.shards} shards, {stage.rejects} rejects")
    return 0


def rejects(options: Namespace) -> int:
    rows = api.rejects(recipe_of(options), reason=options.reason)
    if options.json:
        _print_json(rows)
        return 0
    count = 0
    for row in rows:
        count += 1
        place = f"{row.place}: " if row.place else ""
        print(one_line(f"{row.id}  {row.stage}: {row.reason}: {place}{row.message}"))
        if row.sample:
            print(f"    {one_line(' '.join(row.sample.split()))[:_SAMPLE]}")
        if not is_read():  # the rest would be read for nobody
            break
    print(f"{count} rejects")
    return 0


def _print_json(rows: Iterable[RejectedRow]) -> None:
    """One object, {"rejects": [...]}, a row at a time: there may be more than memory takes."""
    before = '{\n "rejects": ['
    for row in rows:
        print(before + "\n  " + json_text(asdict(row), indent=1).replace("\n", "\n  "), end="")
        before = ","
        if not is_read():
            break
    print('{\n "rejects": []\n}' if before != "," else "\n ]\n}")


def diff(options: Namespace) -> int:
    comparison = api.diff(recipe_of(options), options.run_a, options.run_b, rows=options.rows)
    if options.json:
        print(json_text(comparison.as_json(), indent=1))
    else:
        print(comparison.as_text())
    if options.page:
        try:
            comparison.write_page(Path(options.page))
        except OSError as error:
            raise RecipeError(f"--page {options.page}: can't be written: {error.strerror or error}") from None
        print(f"page  {options.page}", file=sys.stderr)
    return 0
