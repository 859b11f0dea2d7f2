"""A corpus of two million recorded clips before any is read: what listing them and planning their work cost.

    python benchmarks/listing.py [--rows 2000000] [--keep FOLDER]

Makes a manifest of ranges of 1,000 recordings, and a recipe that reads, hears, cleans and continues them. Prints seconds
and peak memory of the first listing, of `plan` behind it, of `plan` where all stages are done (their commits are made
up), and of `plan` after a line was added to the manifest. The last line is a ratio: seconds of the first listing over
those of the plan behind it.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from corpora import ROOT

_RECORDINGS = 1000
_WORDS = (
    "the",
    "of",
    "and",
    "to",
    "a",
    "in",
    "that",
    "he",
    "was",
    "it",
    "his",
    "is",
    "with",
    "as",
    "had",
    "for",
    "you",
)
_LIST = (
    "from voxsmith.pipeline.api.opened import load, open_recipe; open_recipe(load({!r}), keep=True).state(keep=True)"
)


def write_recipe(folder: Path, rows: int) -> Path:
    """The manifest and the recipe over it; the recordings are names of files, and nobody opens them here."""
    draw = random.Random(rows)
    (folder / "speech").mkdir(parents=True)
    for number in range(_RECORDINGS):
        (folder / "speech" / f"{number:04}.flac").write_bytes(b"fLaC")
    with (folder / "speech" / "manifest.jsonl").open("w") as file:
        for number in range(rows):
            record = {
                "path": f"{number % _RECORDINGS:04}.flac",
                "offset": round(number // _RECORDINGS * 6.5, 2),
                "duration": round(draw.uniform(1, 6), 2),
                "id": f"clip-{number:07}",
                "speaker": f"s{number % 997}",
                "text": " ".join(draw.choices(_WORDS, k=12)),
            }
            file.write(json.dumps(record) + "\n")
    old = time.time() - 3600  # what changed a moment ago is looked at again
    for path in [*(folder / "speech").iterdir(), folder / "speech"]:
        os.utime(path, (old, old))
    recipe = {
        "name": "listing",
        "store": str(folder / "store"),
        "out": str(folder / "out"),
        "sources": {
            "speech": {"path": str(folder / "speech" / "manifest.jsonl"), "layout": "manifest", "licence": "CC0-1.0"}
        },
        "engines": {
            "clips": {"backend": "clip_reader"}, "asr": {"backend": "asr_null"}, "llm": {"backend": "llm_null"}
        },
        "stages": {
            "read_clip": {"engine": "clips"},
            "listen": {"of": "row", "engine": "asr"},
            "clean_transcript": {},
            "continue_text": {"engine": "llm", "prompt": str(ROOT / "configs/prompts/continue.jinja")},
        },
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def measured(what: str, *arguments: str) -> float:
    """Runs Python with these arguments; prints and returns its seconds."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{what}: exit code {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{what}: {seconds:.1f} s ({cpu:.1f} s of CPU), peak {usage.ru_maxrss / 1e3:.0f} MB", flush=True)
    return seconds


def make_done(recipe: Path) -> int:
    """Commits for all stages and shards, as a run leaves them; without what they commit. How many they are."""
    from voxsmith.pipeline.api.opened import load, open_recipe
    from voxsmith.pipeline.plan.state import WHOLE
    from voxsmith.pipeline.store.digests import digest

    state = open_recipe(load(recipe), keep=True).state(keep=True)
    count, ready = 0, list(state.ready.values())
    while ready:
        for task in ready:
            names = state.graph.nodes[task.node].writes
            columns = {name: digest([name, task.key]) for name in names}
            meta = {"rows": task.rows, "columns": columns, "rejects": {}, "parts": task.parts}
            state.store.write_json(f"objects/{task.node}/{task.key}.json", meta)
            state.settle(task, meta)
            count += 1
        assert all(task.shard != WHOLE for task in ready)
        ready = state.resolve_all()
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--keep", help="leave manifest and store in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary) / "listing"
        recipe = folder / "recipe.yaml" if (folder / "recipe.yaml").exists() else write_recipe(folder, options.rows)
        plan = ("-m", "voxsmith", "plan", str(recipe))
        listing = measured(f"{options.rows} rows, first listing", "-c", _LIST.format(str(recipe)))
        first = measured("plan behind it", *plan)
        print(f"{make_done(recipe)} tasks made up as done", flush=True)
        measured("plan with all of them done", *plan)
        manifest = folder / "speech" / "manifest.jsonl"
        with manifest.open("a") as file:
            file.write(json.dumps({"path": "0000.flac", "id": "new", "text": "one more"}) + "\n")
        measured("plan after a line was added", *plan)
        print(f"ratio of the first listing's seconds to the plan's: {listing / first:.1f}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
