"""The root mean square norm that adapter and decoder share."""

from torch import Tensor, nn


class RMSNorm(nn.RMSNorm):
    """PyTorch's, in the precision of its weight: under autocast what comes is bfloat16, for which PyTorch has no fused kernel beside
    a float32 weight, and warns.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> [..., width], of the weight's dtype."""
        return super().forward(x.to(self.weight.dtype))
