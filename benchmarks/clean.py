"""Made rows, two million of them, through the search for duplicates and for items of evaluation sets: minutes and memory.

    python benchmarks/clean.py [--rows 2000000] [--items 20000] [--compared 20000]

One in fifty rows repeats an earlier one, one in a thousand holds an item. Shards of 256 rows, one process. Requests are made
in memory, as `pipeline.sources.requests` makes them of rows, so that what is timed is the comparing and no file; times are
of the processor. The last lines are ratios: of what was planted what was caught, and of the pass to what is made once a
shard.
"""

import argparse
import random
import resource
import time
from collections.abc import Iterator
from itertools import product

import numpy as np
import pyarrow as pa

from voxsmith.models.overlap.evaluation import build_index
from voxsmith.models.overlap.repeated import candidates, identical, near
from voxsmith.pipeline.sources.requests import requests_of

_SHARD = 256
_REJECT = pa.struct([("reason", pa.string()), ("message", pa.string()), ("sample", pa.string())])
_LETTERS = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo", "ka"]
_VOCABULARY = ["".join(parts) for parts in product(_LETTERS, repeat=4)]  # 50,625 words


def words(draw: random.Random, count: int) -> list[str]:
    """Made words, the frequency of each about one over its rank (Zipf)."""
    return [_VOCABULARY[int(len(_VOCABULARY) ** draw.random()) - 1] for _ in range(count)]


def rows(count: int, items: list[str]) -> Iterator[tuple[str, bool, bool]]:
    """(request, whether it repeats an earlier one, whether it holds an item)."""
    draw = random.Random(16)
    earlier: list[str] = []
    for number in range(count):
        if earlier and draw.random() < 0.02:
            yield draw.choice(earlier).capitalize().replace(" the ", " ", 1) + "?", True, False
        elif draw.random() < 0.001:
            yield f"please tell me {draw.choice(items)}", False, True
        else:
            text = " ".join(["explain", "the", *words(draw, draw.randint(5, 30)), str(number), "in", "short"])
            if draw.random() < 0.01:
                earlier.append(text)
            yield text, False, False


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--compared", type=int, default=20_000, help="rows that are compared with the items")
    options = parser.parse_args()
    draw = random.Random(1)
    items = [" ".join(words(draw, draw.randint(10, 25))) for _ in range(options.items)]
    start = time.process_time()
    index = build_index(items)
    size = sum(array.nbytes for array in index.arrays.values()) / 1e6
    print(f"index of {options.items} items: {time.process_time() - start:.1f} s, {size:.0f} MB", flush=True)
    before = megabytes()
    shard: list[str] = []
    names, bands, texts = [], [], []
    planted: list[int] = []
    held = hits = compared = 0
    made = looked = 0.0

    def flush() -> None:
        nonlocal made
        began = time.process_time()
        ids = [str(number) for number in range(len(shard))]
        nothing = pa.nulls(len(shard), _REJECT)
        of_shard = requests_of(pa.table({"id": ids, "conversation_id": ids, "instruction": shard, "_reject": nothing}))
        made += time.process_time() - began
        names.append(of_shard["name"].to_numpy())
        bands.append(of_shard["bands"].combine_chunks().flatten().to_numpy())
        texts.append(of_shard["text"].combine_chunks())  # in a run these stay in the store
        shard.clear()

    every = max(1, options.rows // max(1, options.compared))
    for number, (text, repeats, holds) in enumerate(rows(options.rows, items)):
        shard.append(text)
        if repeats:
            planted.append(number)
        if number % every == 0 or holds:
            began = time.process_time()
            caught = index.overlap(text) is not None
            looked += time.process_time() - began
            compared, held, hits = compared + 1, held + holds, hits + (caught and holds)
        if len(shard) == _SHARD:
            flush()
    flush()
    text_bytes = sum(one.nbytes for one in texts) / 1e6
    began = time.process_time()
    every_name = np.concatenate(names)
    again, _ = identical(every_name)
    alive = np.ones(len(every_name), bool)
    alive[again] = False
    pairs = candidates(np.concatenate(bands).reshape(len(every_name), -1), alive)
    also = near(pairs, lambda some: {one: texts[one // _SHARD][one % _SHARD].as_py() for one in some.tolist()})
    passed = time.process_time() - began
    caught_rows = {*again.tolist(), *also}
    right = len(caught_rows & set(planted))
    print(
        f"{options.rows} rows: what requests are compared by {made / 60:.1f} min ({made / options.rows * 1e6:.0f} us a row), one "
        f"pass {passed:.1f} s over {len(pairs)} pairs, peak {megabytes() - before:.0f} MB, {text_bytes:.0f} MB of it texts "
        "that a run leaves in the store"
    )
    print(
        f"evaluation sets: {looked / compared * 1e6:.0f} us a text, {looked / compared * 3 * options.rows / 60:.1f} min for three "
        "texts a row"
    )
    print(
        f"share of planted repeats caught: {right / max(1, len(planted)):.4f}; others caught: {len(caught_rows) - right}"
    )
    print(f"share of planted items caught: {hits / max(1, held):.4f}")
    print(f"ratio of the pass to what is made once a shard: {passed / made:.3f}")


if __name__ == "__main__":
    main()
