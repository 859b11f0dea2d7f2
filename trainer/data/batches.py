"""Which rows stand together in a batch, and in which order batches come: a pure function of seed, epoch and workers.

Rows of like length share a batch, because what pads is computed and thrown away. A row has two lengths, which know little of
each other: seconds that the encoder hears, and tokens that the LLM reads. A batch is as large as its budget allows: rows times
the seconds of the longest. Any epoch can be made alone, and gone on with behind any step.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

# Batches that are sorted together: enough for like lengths, few enough for another mix each epoch.
_WINDOW = 400


def plan(
    costs: Sequence[float],
    budget: float,
    seed: int,
    epoch: int,
    workers: int = 1,
    tokens: Sequence[float] | None = None,
) -> list[list[list[int]]]:
    """The steps of an epoch: for each, the rows of each worker's batch.

    `costs`: of each row, its length as the encoder sees it; `budget`: a batch holds rows while their count times the largest
    cost stays within it; `tokens`: of each row, its length as the LLM sees it: rows of a batch are alike in both. A row that
    alone is beyond the budget is a batch of its own. Where the batches don't come out even for the workers, the largest are
    halved; where there are fewer rows than workers left, some have an empty batch.
    """
    draw = np.random.default_rng([seed, epoch])
    order = draw.permutation(len(costs))
    mean = max(1, int(budget / max(1e-9, float(np.mean(costs))))) if len(costs) else 1
    batches: list[list[int]] = []
    for start in range(0, len(order), span := mean * _WINDOW):
        window = order[start : start + span].tolist()
        for slab in _slabs(window, mean, tokens) if tokens is not None else [window]:
            batches += _packed(sorted(slab, key=lambda row: costs[row]), costs, budget)
    batches = [batches[place] for place in draw.permutation(len(batches))]
    while len(batches) % workers and any(len(batch) > 1 for batch in batches):
        largest = max(range(len(batches)), key=lambda place: len(batches[place]))
        batch = batches.pop(largest)
        batches += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
    batches += [[] for _ in range(-len(batches) % workers)]
    return [batches[start : start + workers] for start in range(0, len(batches), workers)]


def _slabs(rows: list[int], mean: int, tokens: Sequence[float]) -> list[list[int]]:
    """The rows by their tokens, cut into as many parts as each part will have batches: then neither length is cut finer than the
    other.
    """
    ordered = sorted(rows, key=lambda row: tokens[row])
    parts = max(1, round(math.sqrt(len(rows) / mean)))
    edges = [round(part * len(rows) / parts) for part in range(parts + 1)]
    return [ordered[start:end] for start, end in itertools.pairwise(edges)]


def _packed(rows: list[int], costs: Sequence[float], budget: float) -> list[list[int]]:
    """Runs of the rows, which are in order of their costs, each within the budget."""
    batches: list[list[int]] = []
    for row in rows:
        if batches and (len(batches[-1]) + 1) * costs[row] <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def filled(costs: Sequence[float], steps: list[list[list[int]]]) -> float:
    """The share of what is computed that is no padding: 1 where each batch's rows are of one length."""
    real = sum(costs[row] for step in steps for batch in step for row in batch)
    padded = sum(len(batch) * max(costs[row] for row in batch) for step in steps for batch in step if batch)
    return real / padded if padded else 1.0
