"""The functions of `voxsmith.pipeline.api` from outside: what they return and raise, and that they print nothing."""

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from tests.helpers.made_corpus import export_corpus, row
from tests.helpers.recipes import ROOT, TOY_PATH, asked, finish, open_state, run_inline, write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.schemas.recipe import Recipe

TEXTS = [*(f"tell me about thing number {n}" for n in range(18)), "a bad one"]
STAGES = ["toy_shout", "toy_count", "toy_words"]


@pytest.fixture(autouse=True)
def silent(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A function writes nothing to stdout; what it has to say it returns, raises or logs."""
    yield
    assert capsys.readouterr().out == ""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write_recipe(tmp_path, TEXTS)


def test_a_plan_says_what_would_run_and_touches_nothing(path: str, tmp_path: Path) -> None:
    plan = api.plan(path)
    assert [stage.name for stage in plan.stages] == STAGES
    first, second, _ = plan.stages
    assert first.to_run == first.at_most == first.shards and first.reused == 0
    assert (first.rows_to_run, first.reason) == (len(TEXTS), "never run")
    assert second.to_run == 0 and second.at_most == second.shards
    assert not plan.is_done and not plan.exported and plan.folder == tmp_path / "out" / "toy"
    assert plan.estimate.seconds is None and plan.estimate.without_basis == STAGES
    assert not (tmp_path / "store").exists() and not (tmp_path / "out").exists()
    shown = json.loads(json.dumps(plan.as_json()))
    names = ["name", "shards", "to_run", "at_most", "reused", "rows_to_run", "reason"]
    assert [list(stage) for stage in shown["stages"]] == [names] * 3 and shown["export"] is False
    finish(path)
    assert api.plan(path).is_done and api.plan(path).exported


def test_a_plan_of_some_stages_or_rows(path: str) -> None:
    def to_do(**choice: Any) -> list[str]:
        return [stage.name for stage in api.plan(path, **choice).stages if stage.at_most]

    assert to_do(only="toy_shout") == ["toy_shout"]
    assert to_do(start="toy_count") == ["toy_count"]
    assert 4 <= sum(stage.rows_to_run for stage in api.plan(path, only="toy_shout", limit=4).stages) < len(TEXTS)
    with pytest.raises(RecipeError, match="no stage 'toy_shot'; did you mean 'toy_shout'"):
        api.plan(path, only="toy_shot")
    with pytest.raises(RecipeError, match="not both"):
        api.plan(path, only="toy_shout", start="toy_count")
    with pytest.raises(RecipeError, match="take 1 or more"):
        api.plan(path, limit=0)


@pytest.mark.parametrize("kind", ["path", "mapping", "object", "loaded"])
def test_a_recipe_may_be_a_file_a_mapping_or_an_object(path: str, kind: str) -> None:
    raw = yaml.safe_load(Path(path).read_text())
    kinds = {"path": Path(path), "mapping": raw, "object": Recipe.model_validate(raw), "loaded": api.load(path)}
    finish(path)
    assert api.plan(kinds[kind]).is_done
    changed = api.plan(kinds[kind], overrides={"stages.toy_count.times": 3})
    assert changed.stages[1].reason == "config.times changed from 2 to 3"
    assert api.plan(kinds[kind], overrides=["stages.toy_count.times=3"]) == changed
    assert raw == yaml.safe_load(Path(path).read_text())  # it is the caller's
    with pytest.raises(RecipeError, match="no profile 'gpu'; there is none"):
        api.plan(kinds[kind], profile="gpu")
    with pytest.raises(RecipeError, match=r"stages\.toy_count\.tims: unknown key; did you mean 'times'?"):
        api.plan(kinds[kind], overrides={"stages.toy_count.tims": 3})


def test_a_profile_is_one_of_the_recipes(path: str) -> None:
    raw = yaml.safe_load(Path(path).read_text()) | {"profiles": {"small": {"stages.toy_count.times": 5}}}
    assert api.load(raw, profile="small").recipe.stages["toy_count"]["times"] == 5
    assert api.load(raw, {"stages.toy_count.times": 7}, "small").recipe.stages["toy_count"]["times"] == 7


def test_what_is_wrong_in_a_recipe_is_in_the_lines_of_the_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        api.plan({"name": "x", "sources": {"a": {"path": "b.jsonl", "layout": "alpaca"}}, "stagess": {}})
    assert "RECIPE: stagess: unknown key; did you mean 'stages'?" in error.value.lines
    assert "RECIPE: stages: this key is needed" in error.value.lines
    with pytest.raises(RecipeError, match=r"nothing\.yaml: no such recipe"):
        api.status(tmp_path / "nothing.yaml")


def test_a_run_with_nothing_left_to_do_exports(path: str, tmp_path: Path) -> None:
    run_inline(open_state(path))
    outcome = api.run(path)
    assert (outcome.status, outcome.run, outcome.work, outcome.pending) == ("done", None, None, {})
    assert outcome.exported is not None and outcome.exported.fresh
    assert outcome.exported.counts == {"rows_in": 19, "rows_out": 18, "rejects": 1, "pending": 0}
    assert outcome.exported.folder == tmp_path / "out" / "toy"
    assert datasets.load_from_disk(str(outcome.exported.dataset)).num_rows == 18
    assert datasets.load_from_disk(str(outcome.exported.rejects))[0]["reason"] == "bad"
    assert outcome.exported.report.read_text().startswith("<!doctype html>")
    again = api.run(path)
    assert again.exported is not None and not again.exported.fresh
    assert api.run(path, only="toy_shout").exported is None


def test_a_run_without_rows_or_with_nothing_to_try_again(path: str, tmp_path: Path) -> None:
    run_inline(open_state(path))
    with pytest.raises(RecipeError, match="no row is rejected for 'bda'; did you mean 'bad'"):
        api.run(path, retry_rejects="bda")
    (tmp_path / "toy.jsonl").write_text("")
    with pytest.raises(RunFailed, match="the sources give nothing to work on: they have no row"):
        api.run(path)


def test_an_export_of_what_is_finished(path: str) -> None:
    with pytest.raises(RunFailed, match="no shard is through all stages yet; first: voxsmith run"):
        api.export(path)
    run_inline(open_state(path))
    assert api.export(path).counts == {"rows_in": 19, "rows_out": 18, "rejects": 1, "pending": 0}


def test_an_explanation(path: str) -> None:
    assert api.explain(path, "toy_shout") == api.Explanation("toy_shout", 0, "stale", reason="never run")
    assert api.explain(path, "toy_count") == api.Explanation("toy_count", 0, "waiting", waits_for=("toy_shout",))
    state = finish(path)
    key = state.done["toy_count", 1].key
    assert api.explain(path, "toy_count", 1) == api.Explanation("toy_count", 1, "up to date", key=key)
    changed = api.explain(path, "toy_count", overrides={"stages.toy_count.times": 3})
    assert (changed.state, changed.reason) == ("stale", "config.times changed from 2 to 3")
    with pytest.raises(RecipeError, match=f"there are shards 0 to {len(state.shards) - 1}, and none numbered 99"):
        api.explain(path, "toy_shout", 99)
    with pytest.raises(RecipeError, match="no stage 'x'"):
        api.explain(path, "x")


def test_a_status(path: str) -> None:
    before = api.status(path)
    assert (before.rows, before.rows_finished, before.last_run, before.live) == (19, 0, None, None)
    shards = len(finish(path).shards)
    after = api.status(path)
    assert (after.rows, after.rows_finished, after.source_rejects) == (19, 19, 0)
    assert after.last_run is not None and after.last_run["status"] == "done"
    assert [(one.name, one.shards, one.done, one.rejects) for one in after.stages] == [
        ("toy_shout", shards, shards, 1),
        ("toy_count", shards, shards, 0),
        ("toy_words", shards, shards, 0),
    ]
    assert list(json.loads(json.dumps(after.as_json()))["stages"][0]) == ["name", "shards", "done", "rejects"]


def test_rejects_are_read_shard_by_shard(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "toy.jsonl"
    rows.write_text(rows.read_text() + '{"instruction": "half a line\n')
    state = finish(path)
    read: list[int] = []
    rejects_of = api.rejects_of
    monkeypatch.setattr(api, "rejects_of", lambda state, shard: read.append(shard) or rejects_of(state, shard))
    rejected = api.rejects(path)
    assert read == [], "the call opens the recipe, and reads no row yet"
    first, *others = rejected
    assert (first.stage, first.reason, first.message, first.sample, first.place) == (
        "toy_shout",
        "bad",
        "the text is bad",
        "A BAD ONE",
        None,
    )
    assert [(one.stage, one.reason, one.place) for one in others] == [("sources", "bad_line", f"{rows}, line 20")]
    assert read == list(range(len(state.shards)))
    assert [one.reason for one in api.rejects(path, reason="bad_line")] == ["bad_line"]
    assert list(api.rejects(path, reason="loop")) == []


def test_a_report_is_written_again(path: str, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="first: voxsmith export"):
        api.report(path)
    finish(path)
    page = tmp_path / "out" / "toy" / "report.html"
    before = page.read_bytes()
    page.unlink()
    assert api.report(path) == page and page.read_bytes() == before


def test_a_comparison_of_two_runs(path: str, tmp_path: Path) -> None:
    finish(path)
    with pytest.raises(RecipeError, match="has run 1 time"):
        api.diff(path)
    write_recipe(tmp_path, [*TEXTS[:-1], "a better one"])
    finish(path)
    comparison = api.diff(path)
    assert comparison.difference.counts["came"] == 1 and comparison.difference.counts["went"] == 0
    assert comparison.as_json()["rows"][0]["after"]["query_text"] == "A BETTER ONE"
    assert "A BETTER ONE" in comparison.as_text()
    comparison.write_page(tmp_path / "page.html")
    assert "A BETTER ONE" in (tmp_path / "page.html").read_text()


def test_a_collection_of_what_nobody_uses(path: str) -> None:
    finish(path)
    assert api.gc(path, grace=timedelta(0)).files == 0
    changed = api.load(path, {"stages.toy_shout.style": "loud"})
    state = api.open_recipe(changed, keep=True).state(keep=True)
    run_inline(state)
    counted = api.gc(path, dry_run=True, grace=timedelta(0))
    assert counted.files > 0 and api.gc(path).files == 0  # younger than a day
    assert api.gc(path, grace=timedelta(0)).bytes == counted.bytes
    assert api.gc(path, grace=timedelta(0)).files == 0


def test_a_checkup(path: str) -> None:
    checkup = api.doctor(path)
    assert checkup.ready and checkup.cores == os.cpu_count() and checkup.models == ()
    assert [(one.name, one.backend, one.problems) for one in checkup.engines] == [("llm", "toys.llm", ())]
    greedy = api.doctor(path, overrides={"engines.llm.resources.num_cpus": 999})
    assert not greedy.ready and greedy.problems == 1
    assert greedy.engines[0].problems == (
        f"wants more CPUs than this machine has: --set engines.llm.resources.num_cpus={os.cpu_count()}",
    )


def test_voices_and_models_that_are_not_there(path: str) -> None:
    with pytest.raises(RecipeError, match="no engine of it has a voice bank"):
        api.voices(path)
    with pytest.raises(RecipeError, match="no-such-model"):
        api.fetch(["no-such-model"])


def test_a_corpus_is_published_to_a_folder(tmp_path: Path) -> None:
    path, there = export_corpus(tmp_path, [row(i) for i in range(8)]), tmp_path / "there"
    heard: list[str] = []
    forecast = api.publish(path, to=str(there), dry_run=True, say=heard.append)
    assert forecast.dry_run and forecast.where == str(there) and not there.exists()
    done = api.publish(path, to=str(there), say=heard.append)
    assert (done.sent, done.kept, done.deleted) == (len(done.files), 0, 0)
    sizes = {file.name: file.size for file in done.files}
    assert sizes == {name: (there / name).stat().st_size for name in sizes}
    assert set(sizes) == {file.name for file in forecast.files} | {"README.md"}
    assert any(line.startswith("sending ") for line in heard)
    again = api.publish(path, to=str(there))
    assert (again.sent, again.kept, again.size) == (0, len(again.files), done.size)
    for wrong in ({}, {"repo": "user/made", "to": str(there)}):
        with pytest.raises(RecipeError, match="name one place to publish to"):
            api.publish(path, **wrong)
    with pytest.raises(RunFailed, match="first: voxsmith run"):
        api.publish(write_recipe(tmp_path, ["x"], name="other"), to=str(there))


SCRIPT = """
import json, os, signal, sys, threading
import ray
from voxsmith.pipeline import api

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored

def main():
    path, how = sys.argv[1:]
    if how == "ray is on":
        ray.init(log_to_driver=False, logging_level="ERROR")
    outcomes = []
    run = lambda **more: outcomes.append(api.run(path, **more))
    if how == "thread":
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    run(overrides={"stages.toy_count.times": 3})
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert ray.is_initialized()
    found = [[o.status, o.run is not None, dict(o.exported.counts) if o.exported else None] for o in outcomes]
    print(json.dumps(found), file=sys.stderr)

main()
"""


def script(folder: Path, *arguments: str, env: dict[str, str], text: str = SCRIPT) -> "subprocess.Popen[str]":
    """A person's own script, in a folder of its own."""
    file = folder / "mine.py"
    file.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(file), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": TOY_PATH, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", ["script", "thread", "ray is on"])
def test_a_script_runs_a_recipe_on_ray(on_ray: dict[str, str], path: str, tmp_path: Path, how: str) -> None:
    process = script(tmp_path, path, how, env=on_ray)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0 and out == "", err
    counts = {"rows_in": 19, "rows_out": 18, "rejects": 1, "pending": 0}
    assert json.loads(err.splitlines()[-1]) == [["done", True, counts]] * 2
    assert len(asked(path)) == 18 * 3 + 1 + 18  # each request once; those of the second run were asked by the first


INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
from voxsmith.pipeline import api

log = Path(sys.argv[1]).parent / "asked.log"
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored

def interrupt():
    while not log.exists():
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
outcome = api.run(sys.argv[1])
mine = signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(outcome.status, outcome.exported, mine, file=sys.stderr)
"""


def test_a_signal_ends_a_run_and_not_the_program(on_ray: dict[str, str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS, engines__llm__delay=0.3)
    process = script(tmp_path, path, env=on_ray, text=INTERRUPTED)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert err.splitlines()[-1] == "interrupted None True"


def test_the_page_about_the_api_shows_code_that_works(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    finish(path, limit=16)
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(example.split("\n\n")[1].splitlines()) == 5
    exec(example.replace("configs/quickstart.yaml", path), {})
    out = capsys.readouterr().out
    assert "toy_shout 0 shards to run: \n" in out
    assert out.splitlines()[-1].startswith("done {'rows_in': 1") and out.strip().endswith("toy.pilot/dataset")


def test_every_function_is_on_the_page_and_says_what_it_does() -> None:
    functions = [name for name in api.__all__ if inspect.isfunction(getattr(api, name))]
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert [name for name in functions if f"| `{name}` |" not in page] == []
    assert [name for name in functions if len(getattr(api, name).__doc__ or "") < 60] == []
