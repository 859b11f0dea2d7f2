"""Voxsmith: `run` of a recipe of three trivial stages, with all that a run does. with_voxsmith.py KIND ROWS OUT [--idle]

`--idle` only starts Ray and the actors that the run would have, and ends: what their memory is without any work.
"""

import sys
import time
from pathlib import Path

import ray
import yaml
from work import started

from voxsmith.pipeline import cli
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe
from voxsmith.pipeline.run import executor  # noqa: F401 - else imported late
from voxsmith.pipeline.run.pools import connect, make_pools, start_actor
from voxsmith.pipeline.watch import progress  # noqa: F401

SHARD = {"text": 1024, "audio": 64}  # rows


def write_recipe(kind: str, rows: str, out: str) -> str:
    source = {"path": rows, "layout": "columns", "columns": {"instruction": "text"}, "licence": "CC0-1.0"}
    stages = {
        name: {"stage": "peer.trivial", "kind": kind, "step": n} for n, name in enumerate(("one", "two", "three"))
    }
    recipe = {
        "name": "peer",
        "store": f"{out}/store",
        "out": f"{out}/out",
        "sources": {"rows": source | {"shard": {"target": SHARD[kind]}}},
        "stages": stages,
    }
    Path(out, "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return f"{out}/recipe.yaml"


def idle(recipe: str, store: str) -> None:
    """The actors of that recipe, their engines loaded, for three seconds."""
    graph = build_graph(load_recipe(recipe), recipe)
    reference = ray.put(graph)
    for pool in make_pools(graph).values():
        start_actor(pool, store, reference)
        ray.get(pool.actors[0].loaded)
    time.sleep(3)


if __name__ == "__main__":
    kind, rows, out = sys.argv[1:4]
    recipe = write_recipe(kind, rows, out)
    connect()
    started()
    if "--idle" in sys.argv:
        idle(recipe, f"{out}/store")
        sys.exit()
    sys.exit(cli.main(["run", recipe]))
