"""Which token comes next."""

from dataclasses import dataclass

import torch
from torch import Tensor

from voxsmith.schemas.hashing import hashed_number


@dataclass(frozen=True)
class Sampling:
    """`temperature` 0 takes the likeliest token. Else one is drawn from the likeliest tokens that together have the
    probability `top_p` (Holtzman et al. 2019, arXiv:1904.09751).
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


GREEDY = Sampling()


class Sampler:
    """Draws for rows that are called `ids`: what one gets doesn't depend on the rows beside it."""

    def __init__(self, sampling: Sampling, ids: tuple[str, ...]) -> None:
        self._sampling = sampling
        seeds = [hashed_number(f"{sampling.seed} {name}", 7) for name in ids]
        self._draws = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, logits: Tensor) -> list[int]:
        """A token for each row of the logits, float [B, V]."""
        if not self._sampling.temperature:
            return [int(token) for token in logits.argmax(-1)]
        probabilities = (logits.float() / self._sampling.temperature).softmax(-1).cpu()
        kept = nucleus(probabilities, self._sampling.top_p)
        return [int(torch.multinomial(row, 1, generator=draw)) for row, draw in zip(kept, self._draws, strict=True)]


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """The probabilities, [B, V], zero but for the fewest likeliest tokens that reach `top_p` together; the first always stays."""
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = ordered.masked_fill(before >= top_p, 0.0)
    kept[..., 0] = ordered[..., 0]
    return torch.zeros_like(probabilities).scatter(-1, order, kept)
