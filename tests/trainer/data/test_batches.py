"""Properties of the plan of an epoch, for any lengths, budgets and numbers of workers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsmith.trainer.data.batches import filled, plan

COSTS = st.lists(st.floats(0.1, 30.0), max_size=300)
PAIRS = st.lists(st.tuples(st.floats(0.1, 30.0), st.integers(1, 500)), max_size=300)  # seconds and tokens
BUDGET, WORKERS, NUMBER = st.floats(5.0, 200.0), st.integers(1, 5), st.integers(0, 1000)


@settings(max_examples=60, deadline=None)
@given(COSTS, BUDGET, NUMBER, NUMBER, WORKERS)
def test_each_row_comes_once_and_each_worker_has_a_batch_in_each_step(
    costs: list[float], budget: float, seed: int, epoch: int, workers: int
) -> None:
    steps = plan(costs, budget, seed, epoch, workers)
    assert sorted(row for step in steps for batch in step for row in batch) == list(range(len(costs)))
    assert all(len(step) == workers for step in steps)
    empty = sum(not batch for step in steps for batch in step)
    assert empty < workers and (not empty or all(len(batch) <= 1 for step in steps for batch in step))


@settings(max_examples=60, deadline=None)
@given(PAIRS, BUDGET, NUMBER, NUMBER, WORKERS)
def test_a_batch_keeps_to_the_budget_or_is_one_row(
    rows: list[tuple[float, int]], budget: float, seed: int, epoch: int, workers: int
) -> None:
    costs, tokens = [row[0] for row in rows], [row[1] for row in rows]
    steps = plan(costs, budget, seed, epoch, workers, tokens)
    assert sorted(row for step in steps for batch in step for row in batch) == list(range(len(costs)))
    for step in steps:
        for batch in step:
            assert len(batch) <= 1 or len(batch) * max(costs[row] for row in batch) <= budget


@settings(max_examples=40, deadline=None)
@given(COSTS, BUDGET, NUMBER, NUMBER, WORKERS)
def test_a_plan_follows_from_seed_and_epoch_alone(
    costs: list[float], budget: float, seed: int, epoch: int, workers: int
) -> None:
    assert plan(costs, budget, seed, epoch, workers) == plan(list(costs), budget, seed, epoch, workers)


def test_another_epoch_and_another_seed_have_another_order() -> None:
    costs = [1.0 + row % 7 for row in range(200)]
    plans = [plan(costs, 20, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert plans[0] != plans[1] != plans[2] != plans[0]


def test_rows_of_like_length_share_a_batch() -> None:
    """Less than a twentieth is padding, where rows in the order of the data have more than 30 %."""
    costs = [2.0 + (row * 37 % 100) / 8 for row in range(1000)]
    steps = plan(costs, 60, 0, 0)
    assert filled(costs, steps) > 0.95
    order = [[list(range(start, min(1000, start + 7)))] for start in range(0, 1000, 7)]
    assert filled(costs, order) < 0.7


def test_rows_of_a_batch_are_alike_in_seconds_and_in_tokens() -> None:
    """Where the two know nothing of each other, batches of like seconds alone are half padding for the LLM."""
    draw = np.random.default_rng(0)
    seconds, tokens = draw.lognormal(1.9, 0.5, 4000).clip(1, 30).tolist(), draw.lognormal(4.7, 0.5, 4000).tolist()
    assert filled(tokens, plan(seconds, 60, 0, 0)) < 0.6
    both = plan(seconds, 60, 0, 0, tokens=tokens)
    assert filled(tokens, both) > 0.9 and filled(seconds, both) > 0.9


def test_nothing_is_planned_of_nothing() -> None:
    assert plan([], 10, 0, 0, 3) == []
    assert filled([], []) == 1.0
