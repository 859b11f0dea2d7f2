"""Terms of a loss, and groups of parameters."""

from dataclasses import dataclass

from torch import Tensor, nn


class Unlearnable(ValueError):
    """Rows of a batch can't be learned; the message names them. `sum`: what there is of the loss."""

    def __init__(self, message: str, total: Tensor) -> None:
        super().__init__(message)
        self.sum = total


@dataclass(frozen=True)
class Term:
    """A sum over what counts, and the weight of its mean in the loss."""

    sum: Tensor
    weight: float = 1.0


@dataclass(frozen=True)
class Group:
    """Parameters that learn together: one learning rate, one norm of their gradient."""

    name: str
    lr: float
    parameters: tuple[nn.Parameter, ...]
