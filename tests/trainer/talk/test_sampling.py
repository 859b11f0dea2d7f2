"""Draws: the nucleus is transformers', the seed decides, and rows don't change one another."""

import torch
from transformers import TopPLogitsWarper

from voxsmith.trainer.talk.sampling import Sampler, Sampling, nucleus


def test_the_nucleus_is_transformers() -> None:
    logits = torch.randn(50, 30, generator=torch.Generator().manual_seed(1)) * 3
    for top_p in (0.05, 0.5, 0.9, 0.99):
        wanted = TopPLogitsWarper(top_p)(None, logits).softmax(-1)  # type: ignore[arg-type]
        got = nucleus(logits.softmax(-1), top_p)
        torch.testing.assert_close(got / got.sum(-1, keepdim=True), wanted)
    assert (nucleus(logits.softmax(-1), 0.0) > 0).sum(-1).tolist() == [1] * 50


def test_draws_depend_on_seed_and_row_alone() -> None:
    logits = torch.randn(3, 30, generator=torch.Generator().manual_seed(1))
    names = ("a", "b", "c")

    def drawn(rows: list[int], seed: int = 0, top_p: float = 1.0) -> list[list[int]]:
        sample = Sampler(Sampling(1.0, top_p, seed), tuple(names[row] for row in rows))
        return [list(column) for column in zip(*(sample(logits[rows]) for _ in range(20)))]

    together = drawn([0, 1, 2])
    assert together == drawn([0, 1, 2]) == [drawn([row])[0] for row in range(3)]
    assert together != drawn([0, 1, 2], seed=1)
    assert drawn([0, 1, 2], top_p=0.0) == [[int(row.argmax())] * 20 for row in logits]


def test_draws_come_as_often_as_they_are_likely() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2]])
    sample = Sampler(Sampling(1.0, 0.75), ("a",))
    draws = [sample(probabilities.log())[0] for _ in range(2000)]
    # 0.2 is cut off; 5/8 to 3/8, within four deviations.
    assert draws.count(2) == 0 and abs(draws.count(0) / 2000 - 0.625) < 4 * (0.625 * 0.375 / 2000) ** 0.5
