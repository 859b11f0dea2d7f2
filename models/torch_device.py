"""Where PyTorch runs an engine: on the GPU that the recipe gives it, or on so many threads of the CPU."""

from typing import TYPE_CHECKING

from voxsmith.models.lost_gpu import which_gpu
from voxsmith.models.references import ModelMissing
from voxsmith.schemas.resources import Resources

if TYPE_CHECKING:
    import torch


def torch_device(backend: str, resources: Resources) -> "torch.device":
    """Raises ModelMissing where the recipe gives it a GPU and PyTorch sees none."""
    import torch

    if resources.num_gpus:
        if not torch.cuda.is_available():
            problem = f"resources.num_gpus is {resources.num_gpus:g}, and PyTorch sees no GPU ({which_gpu()})"
            raise ModelMissing(f"{backend}: {problem}")
        torch.backends.cudnn.deterministic = True  # of its algorithms some add in an order of their own each time
        return torch.device("cuda")
    torch.set_num_threads(resources.threads)
    return torch.device("cpu")
