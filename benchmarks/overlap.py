"""Do stages overlap? Four engines without a model, each as slow as the others, one request a row and engine.

    python benchmarks/overlap.py [--rows 1024] [--latency 0.04]

First on four virtual nodes, each with room for one engine: the wall time over the busy time of the busiest engine is
what the pipeline adds (1.00 is not to be had: the last engine waits until the first shard is through the three before).
Then on a machine that has room for one engine at a time: the wall time over the sum of busy times is what taking turns
costs. Wall time goes from the first request to the last commit; busy time is what the engines wrote down themselves.
Idle gaps are those of the engine that always has work, the first: as many of its longest gaps as it has borders between
tasks, so that the percentile told is at worst too high.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import yaml
from corpora import ROOT, write_recipe

ENGINES = {"llm": "rewrite", "tts": "speak_query", "asr": "listen_query", "mos": "rate_query"}
STAGES = [*ENGINES.values(), "normalise_query", "pick_query"]
NODE = 2  # CPUs of a node; an engine takes more than half of them
SHARD = 16

Busy = list[tuple[float, float]]  # (begin, end) of each reply, seconds


def prepare(folder: Path, rows: int, latency: float) -> Path:
    """The path of a recipe of four engines and one request a row for each of them; shards are of one size."""
    path = write_recipe(folder, rows, latency)
    recipe = yaml.safe_load(path.read_text())
    recipe["stages"] = {name: recipe["stages"][name] for name in STAGES}
    recipe["stages"]["speak_query"]["attempts"] = 1
    recipe["engines"] = {name: recipe["engines"][name] for name in ENGINES}
    for source in recipe["sources"].values():
        source["shard"] = {"least": SHARD, "target": SHARD, "most": SHARD}
    for name, engine in recipe["engines"].items():
        trace = folder / "trace" / name
        trace.mkdir(parents=True)
        engine |= {"trace": str(trace), "resources": {"num_cpus": 0.75 * NODE, "batch": 1}}
    path.write_text(yaml.safe_dump(recipe))
    return path


def run(folder: Path, rows: int, latency: float, nodes: int) -> tuple[float, dict[str, Busy]]:
    """(wall seconds, when each engine was busy) on that many virtual nodes."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else Ray takes another address than loopback
    from ray.cluster_utils import Cluster

    recipe = prepare(folder, rows, latency)
    node = {"num_cpus": NODE, "node_ip_address": "127.0.0.1"}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(**node)
        cluster.wait_for_nodes()
        command = [sys.executable, "-m", "voxsmith", "run", str(recipe), "--from", "rewrite"]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "RAY_ADDRESS": cluster.address}, check=True)
    finally:
        cluster.shutdown()
    busy = {name: sorted(replies(folder / "trace" / name)) for name in ENGINES}
    began = min(spans[0][0] for spans in busy.values())
    commits = [file.stat().st_mtime for file in (folder / "store/objects").glob("*_query*/*.json")]
    return max(commits) - (time.time() - time.monotonic()) - began, busy


def replies(folder: Path) -> Busy:
    lines = [line.split() for file in folder.iterdir() for line in file.read_text().splitlines()]
    return [(float(begin), float(end)) for begin, end in lines]


def seconds(spans: Busy) -> float:
    return sum(end - begin for begin, end in spans)


def gaps(spans: Busy, tasks: int) -> list[float]:
    """The engine's longest idle gaps, as many as there are borders between its tasks, shortest first; seconds."""
    return sorted(after - end for (_, end), (after, _) in pairwise(spans))[1 - tasks :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--latency", type=float, default=0.04, help="seconds a request")
    parser.add_argument("--nodes", type=int, nargs="+", default=[4, 1])
    parser.add_argument("--keep", help="leave stores and traces in this folder")
    options = parser.parse_args()
    for nodes in options.nodes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(options.keep or temporary) / str(nodes)
            wall, busy = run(folder, options.rows, options.latency, nodes)
            metas = [json.loads(file.read_text()) for file in (folder / "store/objects/rewrite").glob("*.json")]
        summary = ", ".join(f"{name} {seconds(spans):.1f} s" for name, spans in busy.items())
        idle = gaps(busy["llm"], len(metas))
        print(f"{nodes} nodes: wall {wall:.1f} s; busy: {summary}; {len(metas)} tasks each")
        print(
            f"  idle between tasks: median {1e3 * idle[len(idle) // 2]:.1f} ms, "
            f"95th percentile {1e3 * idle[int(0.95 * len(idle))]:.1f} ms, longest {1e3 * idle[-1]:.1f} ms"
        )
        all_busy = [seconds(spans) for spans in busy.values()]
        if nodes > 1:
            print(
                f"  ratio of wall to the longest engine's busy time {wall / max(all_busy):.3f} (aim: 1.08)", flush=True
            )
        else:
            print(f"  ratio of wall to the sum of busy times {wall / sum(all_busy):.3f} (aim: 1.05)", flush=True)


if __name__ == "__main__":
    main()
