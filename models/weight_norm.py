"""Weights of layers that were trained under weight normalisation."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def without_weight_norm(weights: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """float32, each layer's `weight` from its length `weight_g` and direction `weight_v` (Salimans & Kingma 2016,
    arXiv:1602.07868, equation 2, over the first dimension). Raises KeyError where there is a direction without length.
    """
    import torch

    joined = {}
    for name, value in weights.items():
        if name.endswith(".weight_v"):
            base = name.removesuffix("_v")
            joined[base] = torch._weight_norm(value.float(), weights[f"{base}_g"].float(), 0)
        elif not name.endswith(".weight_g"):
            joined[name] = value.float()
    return joined
