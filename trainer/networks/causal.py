"""Layers of a causal transformer as Llama has them, with a cache of the past. Parameter names are those of Llama."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voxsmith.trainer.networks.norm import RMSNorm


@dataclass(frozen=True)
class Shape:
    """Of a layer: width, attention heads (each width / heads wide), width of the feed-forward network, the norms' epsilon, and
    whether the attention's and the feed-forward network's linear layers have biases.
    """

    width: int
    heads: int
    inner: int
    epsilon: float
    attention_bias: bool = False
    mlp_bias: bool = False


class Cache:
    """Keys and values of the frames so far, of one layer: buffers that double, so that a frame copies no other."""

    def __init__(self) -> None:
        self.length = 0
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append [B, heads, t, size] each; all that there is now."""
        wanted = self.length + keys.shape[2]
        self._keys, self._values = self._room(self._keys, keys, wanted), self._room(self._values, values, wanted)
        self._keys[:, :, self.length : wanted] = keys
        self._values[:, :, self.length : wanted] = values
        self.length = wanted
        return self._keys[:, :, :wanted], self._values[:, :, :wanted]

    def _room(self, buffer: Tensor | None, like: Tensor, wanted: int) -> Tensor:
        if buffer is not None and buffer.shape[2] >= wanted:
            return buffer
        batch, heads, _, size = like.shape
        larger = like.new_empty(batch, heads, max(256, 2 * wanted), size)
        if buffer is not None:
            larger[:, :, : self.length] = buffer[:, :, : self.length]
        return larger


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(shape.width, shape.width, bias=shape.attention_bias))

    def forward(self, hidden: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None) -> Tensor:
        batch, count, width = hidden.shape
        query, key, value = (
            layer(hidden).view(batch, count, self.heads, -1).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = _rotated(query, cos, sin), _rotated(key, cos, sin)
        if cache is None:
            seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            key, value = cache.extend(key, value)
            past = key.shape[2] - count
            mask = torch.ones(count, key.shape[2], dtype=torch.bool, device=key.device).tril(past)
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.o_proj(seen.transpose(1, 2).reshape(batch, count, width))


class FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.inner, bias=shape.mlp_bias)
        self.up_proj = nn.Linear(shape.width, shape.inner, bias=shape.mlp_bias)
        self.down_proj = nn.Linear(shape.inner, shape.width, bias=shape.mlp_bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(hidden)) * self.up_proj(hidden))


class Layer(nn.Module):
    """Attention to itself and to what was before, then the feed-forward network, each behind a norm and beside a residual."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn, self.mlp = Attention(shape), FeedForward(shape)
        self.input_layernorm = RMSNorm(shape.width, eps=shape.epsilon)
        self.post_attention_layernorm = RMSNorm(shape.width, eps=shape.epsilon)

    def forward(self, hidden: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None = None) -> Tensor:
        """[B, T, width] -> the same shape. `cos`, `sin`: of the frames' positions, [T, size of a head]."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), cos, sin, cache)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


def rotation(shape: Shape, llm: Any) -> nn.Module:
    """Rotary positions as the LLM has them (transformers' LlamaConfig `llm`: theta and scaling), for heads of width / heads: a
    config that states the size of the LLM's own heads doesn't say what these are.
    """
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    config = LlamaConfig(
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        head_dim=shape.width // shape.heads,
        rope_parameters=dict(llm.rope_parameters),
        max_position_embeddings=llm.max_position_embeddings,
    )
    return LlamaRotaryEmbedding(config)


def _rotated(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = vectors.chunk(2, dim=-1)
    return vectors * cos + torch.cat((-second, first), dim=-1) * sin
