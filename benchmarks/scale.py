"""InstructS2S-200K's shape without models: what the pipeline itself costs, and how that grows with rows.

    python benchmarks/scale.py [--rows 2000 20000 200000] [--replicas 1] [--keep FOLDER]

For each size: a run from scratch (rows and tasks a second, peak memory of the driver, which never sees a row), the same
command again (nothing to do), `plan`, `status`, and `plan` after one edited row. The last line is a ratio: driver memory at
the largest size over that at the smallest.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from corpora import ROOT, write_recipe

PYTHON = [sys.executable, "-m", "voxsmith"]


def timed(*arguments: str) -> tuple[float, float]:
    """(seconds, peak MB of that process alone) of a command line."""
    start, peak = time.perf_counter(), 0
    with subprocess.Popen([*PYTHON, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.05)
        process.wait()
    if process.returncode:
        sys.exit(f"{' '.join(arguments)}: exit code {process.returncode}")
    return time.perf_counter() - start, peak / 1e6


def measure(folder: Path, rows: int, replicas: int) -> float:
    """Prints a line for this size; returns the driver's peak memory in MB."""
    recipe = str(write_recipe(folder, rows, replicas=replicas))
    seconds, memory = timed("run", recipe)
    again, _ = timed("run", recipe)
    plan, _ = timed("plan", recipe)
    status, _ = timed("status", recipe)
    ran = json.loads(subprocess.check_output([*PYTHON, "plan", recipe, "--json"], cwd=ROOT))
    tasks = sum(stage["shards"] for stage in ran["stages"])
    counts = json.loads((folder / "out" / f"null_{rows}" / "manifest.json").read_text())["counts"]
    source = folder / "in" / "ultrachat.jsonl"
    text = source.read_text()
    source.write_text(text.replace("Explain why", "Tell me why", 1))
    edited, _ = timed("plan", recipe)
    print(
        f"{rows:>7} rows in, {counts['rows_out']} out, {tasks} tasks: {seconds:.0f} s, {rows / seconds:.0f} rows/s, "
        f"{tasks / seconds:.1f} tasks/s, driver {memory:.0f} MB; again {again:.1f} s, plan {plan:.1f} s, "
        f"status {status:.1f} s, plan after an edit {edited:.1f} s",
        flush=True,
    )
    return memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[2000, 20000, 200000])
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--keep", help="leave stores and datasets in this folder")
    options = parser.parse_args()
    memory = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            memory.append(measure(Path(options.keep or folder) / str(rows), rows, options.replicas))
    print(f"ratio of driver memory, {options.rows[-1]} over {options.rows[0]} rows: {memory[-1] / memory[0]:.2f}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
