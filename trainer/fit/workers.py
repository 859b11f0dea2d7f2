"""The processes that train together: how they find each other, and what they add up.

Each has all weights and takes its share of a step's batches; gradients are added up once a step, after all its batches,
because the loss of each batch is divided by the counts of all. A worker without rows adds zeros: all do the same sums in the
same order, or they would wait for each other for ever.
"""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from voxsmith.trainer.phases.terms import Group
from voxsmith.trainer.shards import in_shards, local

_BUCKET = 2**24  # numbers that are added up at once: 64 MiB


class WorkersFailed(Exception):
    """A process of the run is gone; the message says what is known of it."""


@dataclass(frozen=True)
class Workers:
    """`total` adds a tensor up over all of them, in place, and gives it back; `gathered`: the texts of all, by rank. One process
    has nothing to add. All must call them alike.
    """

    count: int = 1
    rank: int = 0
    total: Callable[[Tensor], Tensor] = lambda tensor: tensor
    gathered: Callable[[str], list[str]] = lambda text: [text]

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0


ALONE = Workers()


@contextmanager
def joined(device: torch.device) -> Iterator[Workers]:
    """The workers of the process group that is there, or of the one that torchrun's environment describes; else this process
    alone. Sums run over NCCL between GPUs, over Gloo between CPUs.
    """
    if distributed.is_initialized():
        yield _of_group(device)
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        try:
            yield _of_group(device)
        finally:
            gc.collect()  # layers in shards hold the group, which must end before the process does
            distributed.destroy_process_group()
    else:
        yield ALONE


def _of_group(device: torch.device) -> Workers:
    def total(tensor: Tensor) -> Tensor:
        there = tensor.to(device)  # NCCL adds up what is on GPUs
        distributed.all_reduce(there)
        return tensor if there is tensor else tensor.copy_(there)

    def gathered(text: str) -> list[str]:
        texts = [""] * distributed.get_world_size()
        distributed.all_gather_object(texts, text)
        return texts

    return Workers(distributed.get_world_size(), distributed.get_rank(), total, gathered)


def add_up(groups: Sequence[Group], workers: Workers) -> None:
    """Make each gradient that of all workers together. A worker without rows has none of its own. Of what is in shards they are
    added up already.
    """
    if workers.count == 1:
        return
    parameters = [parameter for group in groups for parameter in group.parameters]
    for bucket in _buckets([parameter for parameter in parameters if not in_shards(parameter)]):
        for parameter in bucket:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = workers.total(torch.cat([parameter.grad.flatten().float() for parameter in bucket]))
        parts = flat.split([parameter.numel() for parameter in bucket])
        for parameter, part in zip(bucket, parts, strict=True):
            parameter.grad.copy_(part.view_as(parameter))


def clipped(group: Group, largest: float, workers: Workers) -> float:
    """The norm of the group's gradient, which is made no larger than `largest`."""
    gradients = [parameter.grad for parameter in group.parameters if parameter.grad is not None]
    if not any(map(in_shards, gradients)):
        return float(nn.utils.clip_grad_norm_(group.parameters, largest))
    mine = nn.utils.get_total_norm([local(gradient) for gradient in gradients if in_shards(gradient)]).double() ** 2
    rest = nn.utils.get_total_norm([gradient for gradient in gradients if not in_shards(gradient)]).double() ** 2
    norm = float((workers.total(mine.reshape(1)) + rest).sqrt())
    factor = largest / (norm + 1e-6)  # as PyTorch's clip_grad_norm_ has it
    if factor < 1 or norm != norm:
        for gradient in gradients:
            local(gradient).mul_(factor)
    return norm


def make_alike(groups: Sequence[Group], workers: Workers) -> None:
    """Give all workers the first one's weights of what learns: they drew the same, but machines may differ in the last bit."""
    if workers.count == 1:
        return
    with torch.no_grad():
        for group in groups:
            for parameter in group.parameters:
                workers.total(parameter.mul_(float(workers.first)))


def _buckets(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        if bucket and sum(there.numel() for there in bucket) + parameter.numel() > _BUCKET:
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket
