"""Steps whose loss or gradient is far beyond what was usual of late."""

from collections import deque
from statistics import median

from voxsmith.trainer.fit.loop import Losses
from voxsmith.trainer.recipe import TrainRecipe

_LATE = 64  # steps whose median is what is usual
_FEW = 16  # of which there must be so many


class Watch:
    """Of a run. It forgets what was when the run goes on."""

    def __init__(self, recipe: TrainRecipe) -> None:
        self._beyond = recipe.run.explode_beyond
        self._seen: dict[str, deque[float]] = {}

    def __call__(self, losses: Losses) -> str:
        """What of the step is beyond the bound; empty where nothing is."""
        beyond = []
        norms = {f"the norm of {group}'s gradient": norm for group, norm in losses.norms.items()}
        for name, value in {"the loss": losses.loss, **norms}.items():
            seen = self._seen.setdefault(name, deque(maxlen=_LATE))
            if len(seen) >= _FEW and value > self._beyond * (usual := median(seen)):
                beyond.append(f"{name} is {value:.4g}, and {usual:.4g} in the median of the last {len(seen)} steps")
            seen.append(value)
        return "; ".join(beyond)
