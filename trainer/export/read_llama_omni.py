"""An export for LLaMA-Omni's code, read again: what stands in the folder is all that is needed."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from voxsmith.trainer.build import Built
from voxsmith.trainer.export import openai_whisper
from voxsmith.trainer.export.folder import NotExportable
from voxsmith.trainer.export.llama_omni import ADAPTER, DECODER, ENCODER
from voxsmith.trainer.networks.adapter import SpeechAdapter
from voxsmith.trainer.networks.causal import Shape
from voxsmith.trainer.networks.decoder import SpeechDecoder
from voxsmith.trainer.networks.speech_llm import SpeechLLM


def read(folder: Path) -> Built:
    """The network, float32 on the CPU, and the tokenizer. Raises NotExportable where the folder is no such export."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    file = folder / "config.json"
    if not file.is_file():
        raise NotExportable(f"{folder}: no export: it lacks config.json")
    config = json.loads(file.read_text(encoding="utf-8"))
    if not str(config.get("model_type")).startswith("omni_speech"):
        raise NotExportable(f"{file}: model_type is {config.get('model_type')}: no export for LLaMA-Omni")
    weights = _weights(folder)
    rope = {"rope_theta": config["rope_theta"], **(config["rope_scaling"] or {"rope_type": "default"})}
    renamed = ("rope_theta", "rope_scaling", "model_type", "torch_dtype", "transformers_version")
    known = {key: value for key, value in config.items() if key not in renamed}
    llm = LlamaForCausalLM(LlamaConfig(**known, rope_parameters=rope))
    llm.load_state_dict({name: value for name, value in weights.items() if not name.startswith((ADAPTER, DECODER))})
    encoder = openai_whisper.read(folder / ENCODER)
    adapter = SpeechAdapter(encoder.config.d_model, llm.config.hidden_size, config["speech_encoder_ds_rate"])
    adapter.load_state_dict(_below(weights, ADAPTER))
    decoder = _decoder(config, llm.config, _below(weights, DECODER)) if config.get("speech_generator_type") else None
    network = SpeechLLM(encoder, adapter, llm, decoder).requires_grad_(False).eval()
    return Built(network, PreTrainedTokenizerFast.from_pretrained(folder))


def _decoder(config: dict[str, Any], llm: Any, weights: dict[str, Tensor]) -> SpeechDecoder:
    layers, width, heads, inner = map(int, config["ctc_decoder_config"].strip("()").split(","))
    shape = Shape(width, heads, inner, llm.rms_norm_eps, llm.attention_bias, llm.mlp_bias)
    decoder = SpeechDecoder(shape, layers, config["unit_vocab_size"], llm, config["ctc_upsample_factor"])
    decoder.load_state_dict(weights)
    return decoder


def _weights(folder: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for file in sorted(folder.glob("model*.safetensors")):
        weights |= load_file(file)
    return {name: value.to(torch.float32) for name, value in weights.items()}


def _below(weights: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in weights.items() if name.startswith(start)}
