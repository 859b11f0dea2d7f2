"""What each command does. Returns exit codes; raises RecipeError and RunFailed."""

import json
import sys
from argparse import Namespace
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipeline.errors import RecipeError, RunFailed
from pipeline.outputs import export_state, is_exported, out_folder, read_manifest, told_of_another
from pipeline.plan import manifests
from pipeline.plan.accounts import finished, rejects_of
from pipeline.plan.planner import make_plan, print_plan
from pipeline.plan.retries import note
from pipeline.plan.state import WHOLE, State
from pipeline.recipe.graph import build_graph
from pipeline.recipe.load import load_recipe
from pipeline.recipe.nodes import Graph
from pipeline.recipe.preflight import check_models, check_names, check_store
from pipeline.sources import listings
from pipeline.sources.inputs import list_shards
from pipeline.store.liveness import alive
from pipeline.store.objects import read_columns
from pipeline.store.store import Store
from pipeline.store.without_pandas import without_pandas
from pipeline.watch.estimate import estimate, tell
from pipeline.watch.heartbeat import live_run, tell_live
from pipeline.watch.snapshot import source_rejects
from schemas.names import nearest


def _graph(options: Namespace) -> Graph:
    recipe = load_recipe(options.recipe, options.set, options.profile)
    if not any(source.dataset for source in recipe.sources.values()):
        without_pandas()
    graph = build_graph(recipe, options.recipe)
    check_names(graph, options.recipe)
    return graph


def _state(options: Namespace, keep: bool = False, store: Store | None = None) -> State:
    graph = _graph(options)
    store = store or check_store(graph, options.recipe, keep)
    shards = list_shards(graph.recipe, store, keep, getattr(options, "limit", None))
    pilot = getattr(options, "limit", None) is not None
    state = State(graph, shards, store, getattr(options, "refit", False), keep, pilot)
    state.recipe_file = options.recipe
    return state


def _selected(graph: Graph, options: Namespace) -> set[str]:
    name = options.only or options.start
    if name is None:
        return set(graph.nodes)
    if name not in graph.nodes:
        raise RecipeError(f"{options.recipe}: no stage '{name}'; {nearest(name, graph.nodes)}")
    return {name} if options.only else graph.below(name)


def plan(options: Namespace) -> int:
    state = _state(options)
    rows = make_plan(state, _selected(state.graph, options))
    estimated = estimate(state, rows)
    if options.json:
        print(json.dumps({"stages": rows, "export": is_exported(state), "estimate": estimated}, indent=1))
    else:
        print_plan(rows)
        if any(row["at_most"] for row in rows):
            print(tell(estimated))
        if not any(row["at_most"] for row in rows) and not is_exported(state):
            print(
                f"the dataset in {out_folder(state)} is not of this recipe as it is: `run` or `export` writes it anew"
            )
    return 0


def _alive(graph: Graph, store: Store, what: str) -> AbstractContextManager[object]:
    """While this is on, `gc` leaves alone what the recipe's stages may need."""
    return alive(store, f"{what} {graph.recipe.name}", [*graph.nodes, *(f"source.{n}" for n in graph.recipe.sources)])


def run(options: Namespace) -> int:
    graph = _graph(options)
    selected = _selected(graph, options)
    store = check_store(graph, options.recipe, keep=True)
    with _alive(graph, store, "run"):
        return _run(graph, store, selected, options)


def _run(graph: Graph, store: Store, selected: set[str], options: Namespace) -> int:
    from pipeline.watch.progress import Progress

    if options.retry_rejects:
        rows, stages = note(_state(options, keep=True, store=store), options.retry_rejects)
        told = f"{rows} rows are tried again, from {', '.join(stages)} on"
        print(told if rows else "no more rows are rejected for that; those noted before are tried now")
    state = _state(options, keep=True, store=store)
    told_of_another(state)
    needed = graph.needed
    if not any(shard.rows > sum(shard.rejects.values()) + shard.without(needed) for shard in state.shards):
        rows = sum(shard.rows for shard in state.shards)
        why = f"all {rows} rows are rejects; see: python -m pipeline rejects {options.recipe}" if rows else "no row"
        raise RunFailed(f"{options.recipe}: the sources give nothing to work on: {why}")
    result = None
    if any(task.node in selected for task in state.ready.values()):
        from pipeline.run.executor import execute
        from pipeline.watch.run_table import print_table

        check_models(graph, options.recipe, [graph.nodes[name].engine for name in selected if state.left(name)])
        name, started = manifests.new_run(state), manifests.now()
        manifests.write_run(state, name, started, "running", options.limit)
        progress = Progress(state, name, selected, options.progress)
        try:
            with progress:
                result = execute(state, selected, progress)
                progress.status = "interrupted" if result.interrupted else "pending" if result.pending else "done"
        finally:
            manifests.write_run(state, name, started, progress.status, options.limit, progress.work.told())
        print_table(progress.work.told())
    elif all(finished(state, shard) for shard in range(len(state.shards))):
        manifests.write_reuse(state, options.limit)
    if result is not None and result.interrupted:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    if result is not None and result.pending:
        reasons = sorted(set(result.pending.values()))
        print(f"{len(result.pending)} rows are pending; the same command tries just those again:", file=sys.stderr)
        for text in reasons[:5]:
            print(f"  {text}", file=sys.stderr)
        return 1
    if options.only or options.start:
        print("done; export with: python -m pipeline export", options.recipe)
        return 0
    if result is None and is_exported(state):
        print("nothing to do: every stage is done and the dataset is written")
    else:
        export_state(state)
    _where(state)
    return 0


def _where(state: State) -> None:
    folder = out_folder(state)
    counts = json.loads((folder / "manifest.json").read_bytes())["counts"]
    told = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items())
    print(f"{told}\ndataset  {folder / 'dataset'}\nreport   {folder / 'report.html'}")


def explain(options: Namespace) -> int:
    state = _state(options)
    if options.stage not in state.graph.nodes:
        raise RecipeError(f"no stage '{options.stage}'; {nearest(options.stage, state.graph.nodes)}")
    whole = state.graph.nodes[options.stage].stage.each == "recipe"
    if not whole and not 0 <= options.shard < len(state.shards):
        raise RecipeError(f"there are shards 0 to {len(state.shards) - 1}, and none numbered {options.shard}")
    where = (options.stage, WHOLE if whole else options.shard)
    if where in state.done:
        print(f"{options.stage}, shard {options.shard}: up to date (object {state.done[where].key})")
        return 0
    if where not in state.ready:
        above = [
            name for name in state.graph.parents(state.graph.nodes[options.stage]) if (name, where[1]) not in state.done
        ]
        print(f"{options.stage}, shard {options.shard}: waits for {', '.join(sorted(above))}")
        return 0
    why = manifests.reason(state, state.ready[where], manifests.last_run(state.store, state.graph.recipe.name))
    print(f"{options.stage}, shard {options.shard}: stale: {why}")
    return 0


def status(options: Namespace) -> int:
    state = _state(options)
    rows = []
    for row in make_plan(state, set(state.graph.nodes)):
        shards = [n for (node, n) in state.done if node == row["name"]]
        lost = sum(sum(state.done[row["name"], n].rejects.values()) for n in shards)
        rows.append({"name": row["name"], "shards": row["shards"], "done": len(shards), "rejects": lost})
    total = sum(shard.rows for shard in state.shards)
    complete = sum(shard.rows for n, shard in enumerate(state.shards) if finished(state, n))
    last = manifests.last_run(state.store, state.graph.recipe.name)
    live = live_run(state.store, state.graph.recipe.name)
    told = {
        "rows": total,
        "rows_finished": complete,
        "source_rejects": source_rejects(state),
        "live": live,
        "last_run": last and {k: last[k] for k in ("run", "status", "written")},
    }
    if options.json:
        print(json.dumps(told | {"stages": rows}, indent=1))
        return 0
    how = last["status"] if last else ""
    how = "killed, or lost with its machine" if how == "running" and not live else how
    print(f"{complete} of {total} rows are through all stages" + (f"; last run {last['run']}: {how}" if last else ""))
    if live:
        print(tell_live(live))
    if told["source_rejects"]:
        print(f"  {'sources':<20} {told['source_rejects']} rejects")
    for row in rows:
        print(f"  {row['name']:<20} {row['done']:>5} of {row['shards']} shards, {row['rejects']} rejects")
    return 0


def rejects(options: Namespace) -> int:
    state = _state(options, keep=True)
    found: list[dict[str, Any]] = []
    places = {
        row: place
        for name, source in state.graph.recipe.sources.items()
        for row, place in listings.places(state.store, name, source).items()
    }
    for shard, source in enumerate(state.shards):
        ids = read_columns(state.store, {"id": (source.folder, source.key)})["id"].to_pylist()
        for row, reject in zip(ids, rejects_of(state, shard), strict=True):
            if reject is not None and options.reason in (None, reject.reason):
                found.append({"id": row, **reject.__dict__, "place": places.get(row)})
    if options.json:
        print(json.dumps({"rejects": found}, indent=1, ensure_ascii=False))
        return 0
    for one in found:
        where = f"{one['place']}: " if one["place"] else ""
        print(_printable(f"{one['id']}  {one['stage']}: {one['reason']}: {where}{one['message']}"))
        if one["sample"]:
            print(f"    {_printable(' '.join(one['sample'].split()))[:160]}")
    print(f"{len(found)} rejects")
    return 0


def _printable(text: str) -> str:
    """The text with what would upset a terminal shown as its escape."""
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)


def export(options: Namespace) -> int:
    graph = _graph(options)
    store = check_store(graph, options.recipe, keep=True)
    with _alive(graph, store, "export"):
        state = _state(options, keep=True, store=store)
        if not any(finished(state, shard) for shard in range(len(state.shards))):
            raise RunFailed(f"no shard is through all stages yet; first: python -m pipeline run {options.recipe}")
        told_of_another(state)
        export_state(state)
    _where(state)
    return 0


def report(options: Namespace) -> int:
    from pipeline.report.build import build

    recipe = load_recipe(options.recipe, options.set, options.profile)
    folder = Path(recipe.out) / recipe.name
    manifest = read_manifest(folder)
    if manifest is None:
        raise RunFailed(f"{folder}/manifest.json isn't there; first: python -m pipeline export {options.recipe}")
    if options.vocoder is None:
        print(build(folder, manifest))
        return 0
    from pipeline.report.resound import vocoder

    with vocoder(options.vocoder) as resound:
        print(build(folder, manifest, resound=resound))
    return 0


def publish(options: Namespace) -> int:
    from pipeline.publish.command import publish as send

    return send(load_recipe(options.recipe, options.set, options.profile), options)


def diff(options: Namespace) -> int:
    from pipeline.look_back.diff import compare_runs
    from pipeline.look_back.past import open_run
    from pipeline.look_back.rows import Rows, as_json
    from pipeline.look_back.show import show

    graph = _graph(options)
    store, name = check_store(graph, options.recipe), graph.recipe.name
    before, after = open_run(store, name, options.run_a), open_run(store, name, options.run_b)
    found, rows = compare_runs(store, before, after, options.rows), Rows(store, before, after)
    if options.json:
        print(json.dumps(as_json(found, rows), indent=1, ensure_ascii=False))
    else:
        print("\n".join(_printable(line) for line in show(found, rows)))
    if options.page:
        from pipeline.look_back.page import write_page

        try:
            write_page(Path(options.page), name, found, rows)
        except OSError as error:
            raise RecipeError(f"--page {options.page}: can't be written: {error.strerror or error}") from None
        print(f"page  {options.page}", file=sys.stderr)
    return 0


def gc(options: Namespace) -> int:
    from pipeline.plan.gc import collect

    graph = _graph(options)
    found = collect(check_store(graph, options.recipe), options.dry_run, timedelta(hours=options.grace))
    print(f"{found.files} files, {found.bytes / 1e6:.1f} MB {'would go' if options.dry_run else 'deleted'}")
    if found.young:
        print(f"{found.young} files are younger than {options.grace:g} hours and stay; --grace 0 takes them too")
    for mark in found.at_work:
        print(f"{mark} is on: what its stages have is left alone")
    if found.stopped_by:
        print(f"{found.stopped_by} has begun: stopped; the same command goes on when it is over")
    return 0


def keys(options: Namespace) -> int:
    from pipeline.recipe.reference import print_keys

    print_keys(options.name)
    return 0


def doctor(options: Namespace) -> int:
    from pipeline.recipe.doctor import examine

    return examine(_graph(options), options.recipe)


def voices(options: Namespace) -> int:
    from pipeline.recipe.listen_to_banks import listen

    return listen(_graph(options), options.recipe, options.json)


def fetch(options: Namespace) -> int:
    from pipeline.recipe.preflight import fetch_models

    return fetch_models(options.models, options.profile)
