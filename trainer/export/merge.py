"""Low-rank updates put into the layers that they change."""

from typing import Any

import torch
from torch import nn


def merge_lora(model: nn.Module) -> None:
    """Replace each layer that has a low-rank update by a plain one whose weight is the sum, in float32: in bfloat16 most of
    an update would be rounded away. Other layers stay as they are.
    """
    from peft.tuners.lora import LoraLayer

    layers: list[tuple[str, Any]] = [one for one in model.named_modules() if isinstance(one[1], LoraLayer)]
    for name, layer in layers:
        plain = layer.get_base_layer()
        layer.lora_A.float(), layer.lora_B.float()
        with torch.no_grad():
            weight = plain.weight.float()
            for adapter in layer.active_adapters:
                weight = weight + layer.get_delta_weight(adapter).float()
            plain.weight = nn.Parameter(weight, requires_grad=False)
        above, _, own = name.rpartition(".")
        setattr(model.get_submodule(above), own, plain)
