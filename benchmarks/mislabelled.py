"""Planted mistakes through the whole recipe: files that are read, heard by Whisper base, and verified. What is caught?

    python -m benchmarks.mislabelled FOLDER [--good 60] [--each 5] [--every 1] [--shortest] [--keep FOLDER]

FOLDER holds manifest.jsonl (`id`, `path`, `text` in each line) and its clips. The first `--good` clips keep their
transcripts. So many of each kind of mistake are planted in the same clips as `--each` says: another clip's transcript,
either half of the words, all but the middle third, a word doubled, a sentence in another language. Ten broken files are
beside them. `--every 2` takes every second clip of the manifest, `--shortest` begins with the shortest. With `--keep`
the store stays: what was heard is not heard again.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.helpers.mislabelled import GOOD, KINDS, MORE_KINDS, Planted, counted, mistakes, records_of, verdicts, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--good", type=int, default=60)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--shortest", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for the corpus, the store and what was heard")
    options = parser.parse_args()
    records = records_of(options.folder)[:: options.every]
    if options.shortest:
        records.sort(key=lambda record: float(record["duration"]))
    records = records[: options.good]
    planted = [Planted(GOOD, record, record["text"]) for record in records]
    for kind in (*KINDS, *MORE_KINDS):
        planted += mistakes(records, kind, options.each)
    with tempfile.TemporaryDirectory() as temporary:
        started = time.perf_counter()
        recipe = write(options.keep or Path(temporary), options.folder.resolve(), planted)
        rejected = verdicts(recipe)
    table = counted(planted, rejected)
    for kind, (caught, of_all) in table.items():
        print(f"{kind:<20} refused: {caught} of {of_all}")
    bad = [numbers for kind, numbers in table.items() if kind != GOOD]
    share = sum(caught for caught, _ in bad) / sum(of_all for _, of_all in bad)
    refused = [f"  {one.id}: {rejected[one.id]}" for one in planted if one.kind == GOOD and one.id in rejected]
    missed = [f"  {one.id}: {one.text}" for one in planted if one.kind != GOOD and one.id not in rejected]
    print("good, refused:", *refused, "bad, not caught:", *missed, sep="\n")
    print(f"{time.perf_counter() - started:.0f} s; share of the bad that is caught: {share:.3f}")


if __name__ == "__main__":
    main()
