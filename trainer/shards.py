"""Weights in shards: each process holds a part of each large layer, and the whole of one layer at a time (PyTorch's FSDP2).

In shards are the layers of the LLM, its embedding and its output, where these are no single matrix, those of the encoder, if it
learns, and those of a decoder that learns. The rest is small, or stands still and must be there at any time: each process has
all of it, as without shards.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases.terms import Group
from voxsmith.trainer.recipe import TrainRecipe


def parts(network: SpeechLLM, recipe: TrainRecipe) -> Iterator[nn.Module]:
    """The modules that are in shards, if any are."""
    llm = network.llm
    yield from llm.model.layers
    if llm.lm_head.weight is not llm.get_input_embeddings().weight:
        yield llm.get_input_embeddings()
        yield llm.lm_head
    if recipe.encoder.learns != "nothing" and recipe.phase != "units":
        yield from network.encoder.layers
    if recipe.phase == "units":
        assert network.decoder is not None
        yield from network.decoder.layers


def shard(network: SpeechLLM, groups: list[Group], recipe: TrainRecipe, device: torch.device) -> list[Group]:
    """Put the network in shards over all processes, on the device, layer by layer; the groups with what their parameters are then.
    Gradients are added up over the processes, in float32.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    names = {id(parameter): name for name, parameter in network.named_parameters()}
    of_groups = [[names[id(parameter)] for parameter in group.parameters] for group in groups]
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    for part in list(parts(network, recipe)):
        # Each by itself: it is called by others than the network's `forward`, too.
        policy = _precision(part, network, recipe)
        module: Any = fully_shard(part, mesh=mesh, reshard_after_forward=True, mp_policy=policy)
        module.set_gradient_divide_factor(1.0)  # a loss is divided by what all processes count already
        module.set_force_sum_reduction_for_comms(True)  # else NCCL multiplies on the way, which Gloo cannot
    network.to(device)
    now = dict(network.named_parameters())
    return [
        Group(group.name, group.lr, tuple(now[name] for name in its))
        for group, its in zip(groups, of_groups, strict=True)
    ]


def _precision(part: nn.Module, network: SpeechLLM, recipe: TrainRecipe) -> Any:
    """The LLM's weights travel and compute in bf16 where it computes in bf16. What runs through its layers is float32 where its
    weights are, as without shards.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy

    own = {id(module) for module in network.llm.modules()}
    if recipe.run.precision != "bf16" or id(part) not in own:
        return MixedPrecisionPolicy(cast_forward_inputs=False)
    comes_out = torch.float32 if part is network.llm.get_input_embeddings() and recipe.llm.learns == "all" else None
    return MixedPrecisionPolicy(torch.bfloat16, torch.float32, comes_out, cast_forward_inputs=False)


def local(tensor: Tensor) -> Tensor:
    """What this process has of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def in_shards(tensor: Tensor) -> bool:
    return isinstance(tensor, DTensor)


def whole(tensors: dict[str, Tensor], keep: bool) -> dict[str, Tensor]:
    """The tensors, put together one by one on the CPU; empty for who doesn't `keep` them. All processes call it alike where any
    is in shards.
    """
    kept = {}
    for name, tensor in tensors.items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if keep:
            kept[name] = full.cpu().contiguous() if isinstance(tensor, DTensor) else full
    return kept


def as_sharded(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor on the device of `like`, and in shards if that is: each process takes its own, nothing travels."""
    if isinstance(like, DTensor) and value.shape == like.shape:
        return distribute_tensor(
            value.to(like.to_local().device), like.device_mesh, like.placements, src_data_rank=None
        )
    return value if value.dim() == 0 else value.to(like.device)
