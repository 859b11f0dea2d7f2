"""Edit one row in a hundred: which engine calls are made again, and how long does it take against a full run?

    python benchmarks/row_rerun.py [--rows 20000] [--share 0.01] [--latency 0]

Calls are read from the objects that each run committed. What they must be is told by a control: a run, in a store of its
own, over the edited rows alone. Prints the calls of each stage, and ends with exit code 1 where they are not those.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from corpora import ROOT, write_recipe

FIT = "fit_units"  # reads a pinned sample of the whole corpus: a control of its own has another


def timed(recipe: Path) -> float:
    """Seconds of `run`, from the command to its end."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "voxsmith", "run", str(recipe)], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


def commits(folder: Path) -> set[Path]:
    return {file for file in folder.glob("store/objects/*/*.json") if not file.parent.name.startswith("source.")}


def calls(files: set[Path]) -> dict[str, int]:
    """Requests that reached an engine, by stage."""
    asked: dict[str, int] = {}
    for file in files:
        asked[file.parent.name] = asked.get(file.parent.name, 0) + json.loads(file.read_text())["metrics"]["asked"]
    return {stage: count for stage, count in sorted(asked.items()) if stage != FIT and count}


def edit(folder: Path, control: Path, share: float) -> int:
    """Edit that share of the rows, and write those rows alone where the control reads; returns how many."""
    draw = random.Random(1)
    alpaca = json.loads((folder / "alpaca.json").read_text())
    chosen = draw.sample(range(len(alpaca)), round(share * len(alpaca)))
    for place in chosen:
        alpaca[place]["instruction"] += " Name two of them."
    (folder / "alpaca.json").write_text(json.dumps(alpaca))
    (control / "alpaca.json").write_text(json.dumps([alpaca[place] for place in sorted(chosen)]))
    lines = (folder / "ultrachat.jsonl").read_text().splitlines()
    places = sorted(draw.sample(range(len(lines)), round(share * len(lines))))
    for place in places:
        record = json.loads(lines[place])
        record["data"][0] += " Name two of them."
        lines[place] = json.dumps(record)
    (folder / "ultrachat.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (control / "ultrachat.jsonl").write_text("".join(f"{lines[place]}\n" for place in places))
    return len(chosen) + len(places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a request")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        corpus, alone = Path(temporary) / "corpus", Path(temporary) / "alone"
        recipe = write_recipe(corpus, options.rows, options.latency)
        control = write_recipe(alone, 4, options.latency)  # its rows are put there by the edit
        full = timed(recipe)
        before = commits(corpus)
        all_calls = sum(calls(before).values())
        edited = edit(corpus / "in", alone / "in", options.share)
        again = timed(recipe)
        made = calls(commits(corpus) - before)
        timed(control)
        wanted = calls(commits(alone))
    print(
        f"{options.rows} rows: {full:.0f} s, {all_calls} calls; {edited} edited: {again:.0f} s, {sum(made.values())} calls"
    )
    for stage in sorted({*made, *wanted}):
        print(f"  {stage:<20} {made.get(stage, 0):>6} calls, the edited rows alone {wanted.get(stage, 0):>6}")
    print(f"ratio of calls {sum(made.values()) / all_calls:.4f}, of wall time {again / full:.3f}")
    if made != wanted:
        sys.exit("the calls are not those of the edited rows")


if __name__ == "__main__":
    main()
