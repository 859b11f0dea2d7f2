"""Helpers of the pipeline's tests: a recipe of toy stages, and a run of it without Ray."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.helpers.paths import ROOT
from tests.helpers.waiting import rest_of

if TYPE_CHECKING:
    from voxsmith.pipeline.plan.state import State

TOY_PATH = os.pathsep.join([str(ROOT), str(ROOT / "tests")])  # where the package `toys` is, for processes of tests
TEXTS = [f"thing number {n}" for n in range(24)]  # what the fixture `undisturbed` is made of
# Parts from outside, as a recipe names them.
SHOUT, COUNT, WORDS = ({"stage": f"toys.{name}"} for name in ("shout", "count", "words"))


def write_recipe(folder: Path, texts: list[str], name: str = "toy", **changes: Any) -> str:
    """Write rows and a recipe over them into the folder; returns the recipe's path."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / f"{name}.jsonl"
    rows.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in texts))
    recipe: dict[str, Any] = {
        "name": name,
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": {
            "rows": {
                "path": str(rows),
                "layout": "columns",
                "columns": {"instruction": "instruction"},
                "licence": "CC0-1.0",
                "shard": {"least": 1, "target": 4, "most": 8},
            }
        },
        "engines": {"llm": {"backend": "toys.llm", "log": str(folder / "asked.log")}},
        "stages": {"toy_shout": SHOUT | {"engine": "llm"}, "toy_count": COUNT | {"engine": "llm"}, "toy_words": WORDS},
    }
    for key, value in changes.items():
        place = recipe
        *parents, last = key.split("__")
        for part in parents:
            place[part] = dict(place.get(part) or {})
            place = place[part]
        place[last] = value
    import yaml

    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


def open_state(path: str, keep: bool = True, overrides: list[str] | None = None, limit: int | None = None) -> "State":
    from voxsmith.pipeline.api.opened import load, open_recipe

    return open_recipe(load(path, overrides or ()), keep).state(keep, limit)


def run_inline(state: "State") -> dict[str, str]:
    """Run all that is ready in this process; returns why rows are pending."""
    from voxsmith.pipeline.run.worker import Worker

    workers: dict[str | None, Worker] = {}
    pending: dict[str, str] = {}
    queue = list(state.ready.values())
    while queue:
        task = queue.pop(0)
        engine = state.graph.nodes[task.node].engine
        if engine not in workers:
            workers[engine] = Worker(state.store.url, state.graph, engine)
            workers[engine].load()
        meta = workers[engine].run(task)
        if meta.get("pending"):
            pending |= meta["pending"]
            continue
        state.settle(task, meta)
        queue += state.resolve_all() if task.shard < 0 else state.resolve(task.shard)
    return pending


def finish(path: str, limit: int | None = None) -> "State":
    """What `run` does, without Ray; returns the state at its end."""
    from voxsmith.pipeline.plan import manifests
    from voxsmith.pipeline.report.outputs import export_state

    state = open_state(path, limit=limit)
    assert run_inline(state) == {}
    manifests.write_run(state, manifests.new_run(state), manifests.now(), "done", limit)
    export_state(state)
    return state


def dataset_of(state: "State", folder: Path) -> dict[str, Any]:
    """Write the dataset and the rejects of what is finished into the folder, without card and report; returns their summary."""
    from voxsmith.pipeline.export.export import write_dataset

    for part in ("dataset", "rejects"):
        shutil.rmtree(folder / part, ignore_errors=True)
    return write_dataset(state, folder, folder / ".pieces")


def asked(path: str) -> list[str]:
    """What the toy engine was asked since the last call."""
    log = Path(path).parent / "asked.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def texts_of(state: "State", column: str) -> list[Any]:
    """The column's values over all shards."""
    from voxsmith.pipeline.store.objects import read_columns

    return [
        value
        for shard in range(len(state.shards))
        for value in read_columns(state.store, state.places((column,), shard))[column].to_pylist()
    ]


def start_python(*arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> "subprocess.Popen[str]":
    """A Python of its own, in which (and in whose workers) the toys can be imported."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": TOY_PATH, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def start_cli(*arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> "subprocess.Popen[str]":
    """A command line in a process of its own."""
    return start_python("-m", "voxsmith", *arguments, env=env, cwd=cwd)


def run_cli(*arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> tuple[int, str]:
    """Exit code and all that was printed."""
    process = start_cli(*arguments, env=env, cwd=cwd)
    output = rest_of(process)
    return process.returncode, output


def digests_of(folder: Path, pattern: str = "**/*.arrow") -> dict[str, str]:
    """sha256 of each file under the folder by its path."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def free_port() -> int:
    """A port that nobody listens on, on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
