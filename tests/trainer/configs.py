"""Configs of models of a few thousand weights; tests change what they are about."""

from typing import Any

from transformers import LlamaConfig, WhisperConfig


def llama(**changes: Any) -> LlamaConfig:
    keys: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
    }
    return LlamaConfig(**keys | changes)


def whisper(**changes: Any) -> WhisperConfig:
    """It hears 4 s: 200 frames."""
    keys: dict[str, Any] = {
        "num_mel_bins": 8,
        "d_model": 16,
        "encoder_layers": 1,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 16,
        "decoder_layers": 1,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 16,
        "vocab_size": 200,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 1,
        "max_source_positions": 200,
        "init_std": 0.2,
    }
    return WhisperConfig(**keys | changes)
