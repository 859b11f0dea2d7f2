"""How far HiFi-GAN looks."""

import math
from typing import Any


def reach(generator: Any) -> int:
    """Frames to either side that a sample of HiFi-GAN depends on: over all layers, how far each looks, in frames."""
    total: float = _looks(generator.conv_pre)
    rate = 1  # steps a frame, at this depth
    for level, up in enumerate(generator.upsampler):
        size, padding = up.kernel_size[0], up.padding[0]
        total += max(padding, size - 1 - padding) / up.stride[0] / rate
        rate *= up.stride[0]
        blocks = generator.resblocks[level * generator.num_kernels : (level + 1) * generator.num_kernels]
        total += max(sum(map(_looks, (*block.convs1, *block.convs2))) for block in blocks) / rate
    return math.ceil(total + _looks(generator.conv_post) / rate)


def _looks(layer: Any) -> int:
    """Steps to either side that a convolution depends on."""
    return int(layer.dilation[0] * (layer.kernel_size[0] // 2))
