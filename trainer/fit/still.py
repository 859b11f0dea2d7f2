"""What shall not learn stands still: it is looked at after each step, and weighed bit by bit at each checkpoint."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from voxsmith.trainer.phases.terms import Group
from voxsmith.trainer.shards import local


class Moved(Exception):
    """A parameter that shall stand still has moved; the message names it."""


class Still:
    """Of all parameters that are in no group."""

    def __init__(self, network: nn.Module, groups: Iterable[Group]) -> None:
        learn = {id(parameter) for group in groups for parameter in group.parameters}
        self._frozen = {name: value for name, value in network.named_parameters() if id(value) not in learn}
        self._versions = {name: value._version for name, value in self._frozen.items()}
        self._digests = self._weighed()
        self.look()

    @property
    def numbers(self) -> int:
        return sum(value.numel() for value in self._frozen.values())

    def look(self) -> None:
        """Cheap: PyTorch counts writes to a tensor. Raises Moved for the first one that was written, or that would be."""
        for name, value in self._frozen.items():
            if value.requires_grad or value.grad is not None:
                raise Moved(f"{name} gets gradients, and is in no group that learns: this is a fault of the phase")
            if value._version != self._versions[name]:
                raise Moved(f"{name} was written, and shall stand still: this is a fault of the phase")

    def compare(self) -> None:
        """Reads all of them. Raises Moved for the first one that has other bits than at the start."""
        self.look()
        for name, now, before in zip(self._frozen, self._weighed(), self._digests, strict=True):
            if now != before:
                raise Moved(f"{name} has other values than at the start, and shall stand still: a fault of the phase")

    def _weighed(self) -> list[int]:
        sums = [_bits(local(value)).sum(dtype=torch.int64) for value in self._frozen.values()]
        return torch.stack(sums).tolist() if sums else []


def _bits(value: Tensor) -> Tensor:
    whole = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[value.element_size()]
    return value.detach().contiguous().view(whole)
