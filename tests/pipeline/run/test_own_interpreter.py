"""An engine whose packages clash with others' runs in its own interpreter (resources.python)."""

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.recipes import run_cli, write_recipe
from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.run.pools import make_pools


@pytest.mark.usefixtures("one_ray")
def test_its_actors_run_there_and_no_others(tmp_path: Path) -> None:
    python = tmp_path / "other" / "bin" / "python"
    python.parent.mkdir(parents=True)
    started = tmp_path / "started"
    python.write_text(f'#!/bin/sh\necho "$$" >> {started}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    pids = tmp_path / "pids"
    pids.mkdir()
    path = write_recipe(tmp_path, [f"thing {n}" for n in range(6)])
    sets = ("--set", f"engines.llm.pids={pids}")
    code, output = run_cli("run", path, *sets, "--set", f"engines.llm.resources.python={python}")
    assert code == 0, output
    assert json.loads((tmp_path / "out" / "toy" / "manifest.json").read_text())["counts"]["rows_out"] == 6
    hosts = {file.name for file in pids.iterdir()}
    assert len(hosts) == 1
    assert hosts <= set(started.read_text().split())
    # It is a machine setting: another interpreter makes nothing stale.
    code, output = run_cli("run", path, *sets)
    assert "nothing to do" in output


def test_an_interpreter_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, ["a thing"])
    recipe = load_recipe(path, [f"engines.llm.resources.python={tmp_path}/gone/bin/python"])
    with pytest.raises(
        RunFailed, match=r"engine 'llm': resources.python: there is no interpreter at .*/gone/bin/python"
    ):
        make_pools(build_graph(recipe, path))


def test_as_many_tasks_as_keep_a_large_batch_full(tmp_path: Path) -> None:
    """vLLM wants twice its batch outstanding; shards of the toy recipe have 4 rows."""
    path = write_recipe(tmp_path, ["a thing"])
    assert make_pools(build_graph(load_recipe(path), path))["llm"].calls == 2
    server = (
        "engines.llm={backend: llm_openai, base_url: 'http://127.0.0.1:1/v1', model: m, resources: {concurrency: %d}}"
    )
    for concurrency, calls in ((16, 2), (65, 16), (1000, 16)):
        recipe = load_recipe(path, [server % concurrency])
        assert make_pools(build_graph(recipe, path))["llm"].calls == calls
    large = load_recipe(path, [server % 1000, "sources.rows.shard.most=1024", "sources.rows.shard.target=256"])
    assert make_pools(build_graph(large, path))["llm"].calls == 5
