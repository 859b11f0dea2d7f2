"""What is left is told by the pace of stages: of this run, of earlier ones, or not yet at all."""

import json
from pathlib import Path

import pytest

from tests.helpers.recipes import open_state, run_inline, write_recipe
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.plan import manifests
from voxsmith.pipeline.plan.planner import make_plan
from voxsmith.pipeline.plan.state import State
from voxsmith.pipeline.store.liveness import at_work
from voxsmith.pipeline.watch.estimate import estimate
from voxsmith.pipeline.watch.heartbeat import Heartbeat, live_run, tell_live
from voxsmith.pipeline.watch.pace import EarlierRuns, earlier_runs, full_price, pace_now, time_left
from voxsmith.pipeline.watch.progress import Progress
from voxsmith.pipeline.watch.snapshot import Observer
from voxsmith.pipeline.watch.views import _summary
from voxsmith.pipeline.watch.work import Tally, Work, cost_of

TEXTS = [f"thing number {n}" for n in range(12)]


def leave(state: State, run: str, seconds: dict[str, float], **changes: float) -> None:
    """What a run leaves that took so many seconds for ten rows of each stage."""
    work = Work(state.graph)
    for name, took in seconds.items():
        figures = {"worked": took, "asked": 20.0, "remembered": 0.0, "completion_tokens": 50.0} | changes
        work.tallies[name] = Tally(tasks=1, rows=10, made=10, figures=figures)
    Heartbeat(state.store, run).last({"status": "done", "work": work.as_json()})
    manifests.write_run(state, run, manifests.now(), "done")


def test_the_slowest_engine_counts_or_the_room_they_share(tmp_path: Path) -> None:
    graph = open_state(write_recipe(tmp_path, TEXTS, engines__llm__resources={"replicas": 3, "num_cpus": 1})).graph
    rows, tasks = {"toy_shout": 30.0, "toy_count": 30.0, "toy_words": 30.0}, dict.fromkeys(graph.nodes, 10)
    pace: dict[str, float | None] = {"toy_shout": 1.0, "toy_count": 2.0, "toy_words": 0.1}
    assert time_left(graph, rows, tasks, pace, {}) == pytest.approx(90 / 3)
    assert time_left(graph, rows, tasks, pace, {"CPU": 2.0, "GPU": 0.0}) == pytest.approx(90 / 2)
    assert time_left(graph, rows, tasks, pace | {"toy_words": 4.0}, {}) == pytest.approx(120)
    assert time_left(graph, rows, dict.fromkeys(tasks, 1), pace, {}) == pytest.approx(90 / 2)  # two tasks: two actors
    assert time_left(graph, rows, tasks, pace | {"toy_count": None}, {}) is None
    assert time_left(graph, rows | {"toy_count": 0.0}, tasks, pace | {"toy_count": None}, {}) == pytest.approx(30 / 3)


def test_remembered_replies_make_no_row_cheap() -> None:
    assert full_price({"rows": 10, "worked": 5.0, "asked": 10, "remembered": 0}, "worked") == 0.5
    assert full_price({"rows": 100, "worked": 5.0, "asked": 10, "remembered": 90}, "worked") == 0.5
    assert full_price({"rows": 100, "worked": 0.1, "asked": 0, "remembered": 100}, "worked") is None
    assert full_price({"rows": 100, "worked": 1.0}, "worked") == 0.01  # a stage that asks no engine
    assert full_price({}, "worked") is None


def test_this_runs_pace_takes_over_from_earlier_runs() -> None:
    assert pace_now(Tally(), 0, None) is None
    assert pace_now(Tally(), 0, 3.0) == 3.0
    assert pace_now(Tally(rows=8, figures={"worked": 8.0}), 0, 3.0) == 2.0
    assert pace_now(Tally(rows=800, figures={"worked": 800.0}), 0, 3.0) == pytest.approx(1.0, abs=0.03)
    assert pace_now(Tally(figures={"worked": 6.0}), 3, None) == 2.0  # rows of tasks that aren't finished count


def test_estimates_go_by_the_latest_run_with_the_same_model(tmp_path: Path) -> None:
    rates = {"llm": {"per_hour": 3600, "per_million": {"completion_tokens": 1e6}}}
    path = write_recipe(tmp_path, TEXTS, rates=rates)
    state = open_state(path)
    leave(state, "toy-20260101T000000", {"toy_shout": 99.0, "toy_words": 1.0})
    leave(state, "toy-20260102T000000", {"toy_shout": 10.0, "toy_count": 20.0})
    past = earlier_runs(state.store, state.graph)
    assert past.runs == ["toy-20260102T000000", "toy-20260101T000000"]
    assert [past.seconds_a_row(name) for name in state.graph.nodes] == [1.0, 2.0, 0.1]
    estimated = estimate(state, make_plan(state, set(state.graph.nodes)))
    assert estimated.seconds == 36 and estimated.cost == 36 * 1 + 12 * 2 * 5
    changed = open_state(path, overrides=["engines.llm.model=larger"])
    estimated = estimate(changed, make_plan(changed, set(changed.graph.nodes)))
    assert (estimated.seconds, estimated.cost, estimated.without_basis) == (None, None, ["toy_shout", "toy_count"])


def test_a_snapshot_tells_no_eta_before_it_has_a_basis(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, [*TEXTS, "bad"]))
    work = Work(state.graph)
    observer = Observer(state, work, EarlierRuns(), set(state.graph.nodes))
    tasks = 3 * len(state.shards)
    first = observer.look({"toy_shout": 1}, {"toy_shout": 2}, {"llm": 1})
    assert (first.tasks, first.of_tasks, first.left, first.lines[0].rows) == (0, tasks, None, 2)
    run_inline(state)
    last = observer.look({}, {}, {})
    assert (last.tasks, last.left, last.rejects) == (tasks, 0.0, 1)
    assert json.loads(json.dumps(last.as_json()))["eta_seconds"] == 0


def test_what_is_under_way_in_other_runs_is_said(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    observer = Observer(state, Work(state.graph), EarlierRuns(), set(state.graph.nodes))
    alone = observer.look({}, {}, {})
    assert "under way" not in _summary(alone) and alone.as_json()["elsewhere"] == {}
    both = observer.look({}, {}, {}, {"process 4711 on gpu-7": 12, "process 8 on b": 1})
    assert _summary(both).endswith(
        "ETA estimating; 12 tasks are under way in another run (process 4711 on gpu-7); "
        "1 task is under way in another run (process 8 on b)"
    )
    live = {"run": "toy-1", "age": 3.0, **both.as_json()}
    assert "12 tasks are under way in another run (process 4711 on gpu-7)" in tell_live(live)


def test_stages_that_are_not_selected_are_not_done(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    observer = Observer(state, Work(state.graph), EarlierRuns(), {"toy_shout"})
    assert "0 of 3 stages done" in _summary(observer.look({}, {}, {}))
    for task in [task for task in state.ready.values() if task.node == "toy_shout"]:
        state.settle(task, {"columns": {"query_text": "x"} | dict.fromkeys(("query_method", "query_attempts"), "y")})
    last = observer.look({}, {}, {})
    assert "1 of 3 stages done" in _summary(last) and last.tasks == last.of_tasks == len(state.shards)


def test_costs() -> None:
    from voxsmith.schemas.recipe import EngineRate

    assert cost_of(EngineRate(per_hour=2.0), 1800, {}) == 1.0
    assert (
        cost_of(EngineRate(per_million={"completion_tokens": 3.0, "asked": 1.0}), 99, {"completion_tokens": 2e6}) == 6.0
    )


def test_rates_are_in_no_key_and_name_engines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    run_inline(open_state(path))
    assert open_state(path, overrides=["rates.llm.per_hour=3"]).ready == {}
    assert main(["plan", path, "--set", "rates.lm.per_hour=3"]) == 2
    assert "rates: no engine 'lm'; did you mean 'llm'?" in capsys.readouterr().err
    assert main(["plan", path, "--set", "rates.llm.per_million.letters=3"]) == 2
    assert "rates.llm.per_million.letters" in capsys.readouterr().err


def test_only_a_run_whose_process_lives_is_live(tmp_path: Path) -> None:
    state = open_state(write_recipe(tmp_path, TEXTS))
    name = manifests.new_run(state)
    manifests.write_run(state, name, manifests.now(), "running")
    with Progress(state, name, set(state.graph.nodes), "off"):
        progress = state.store.root + f"/runs/{name}/progress.json"
        while not Path(progress).exists():
            pass
        assert live_run(state.store, "toy") is None  # its process is gone: no mark
        with at_work(state.store, "run toy", ()):
            live_mark = live_run(state.store, "toy")
        assert live_mark and live_mark["run"] == name and live_mark["tasks"] == 0
        pilot = manifests.new_run(state)
        Heartbeat(state.store, pilot).last({"status": "done"})
        with at_work(state.store, "run toy", ()):
            live_mark = live_run(state.store, "toy")
        assert live_mark and live_mark["run"] == name, "a pilot that has ended beside it hides it not"
    with at_work(state.store, "run toy", ()):
        assert live_run(state.store, "toy") is None  # it has ended
