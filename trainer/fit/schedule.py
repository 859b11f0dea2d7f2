"""The learning rate over a run, as a share of its peak."""

import math


def share(progress: float, warmup: float, least: float) -> float:
    """Linear up to 1 over the first `warmup` of the run, then a cosine down to `least` (Loshchilov & Hutter 2017,
    arXiv:1608.03983, equation 5, without restarts). `progress`: how much of the run is done, 0 to 1.
    """
    if progress < warmup:
        return progress / warmup
    done = (progress - warmup) / (1 - warmup)
    return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
