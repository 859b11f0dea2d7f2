"""Means with intervals, where these are known by hand."""

import math

import numpy as np
import pytest

from voxsmith.trainer.eval.interval import mean_of


def test_intervals_that_are_known() -> None:
    assert mean_of([]) is None
    alike = mean_of([4, 4, 4])
    assert alike is not None and (alike.mean, alike.low, alike.high, alike.count) == (4, 4, 4, 3)
    # Of 1 and 5 the draws are 1, 3, 5 with chances 1/4, 1/2, 1/4.
    two = mean_of([1, 5])
    assert two is not None and (two.mean, two.low, two.high, two.count) == (3, 1, 5, 2)
    assert str(two) == "3.00 (1.00 to 5.00, 2 rows)" and mean_of([1, 5]) == two


def test_of_many_rows_it_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(3, 1, 400)
    mean = mean_of(list(values))
    wide = 1.96 * values.std() / math.sqrt(400)
    assert mean is not None
    assert (mean.low, mean.high) == pytest.approx((values.mean() - wide, values.mean() + wide), abs=0.1 * wide)
