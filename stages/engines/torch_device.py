"""Where PyTorch runs an engine: on the card that the recipe gives it, or on so many threads of the CPU."""

from typing import TYPE_CHECKING

from stages.engines.base import Resources
from stages.engines.card import which_card
from stages.engines.models import ModelMissing

if TYPE_CHECKING:
    import torch


def torch_device(backend: str, resources: Resources) -> "torch.device":
    """Raises ModelMissing where the recipe gives it a GPU and PyTorch sees none."""
    import torch

    if resources.num_gpus:
        if not torch.cuda.is_available():
            told = f"resources.num_gpus is {resources.num_gpus:g}, and PyTorch sees no GPU ({which_card()})"
            raise ModelMissing(f"{backend}: {told}")
        torch.backends.cudnn.deterministic = True  # of its algorithms some add in an order of their own each time
        return torch.device("cuda")
    torch.set_num_threads(resources.threads)
    return torch.device("cpu")
