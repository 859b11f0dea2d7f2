"""From a training recipe to its networks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from voxsmith.models import references
from voxsmith.models.chat import Chat
from voxsmith.models.llm_folder import llm_folder
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.whisper_torch import encoder_config, whisper_encoder
from voxsmith.trainer.networks.adapter import SpeechAdapter, StackProjector
from voxsmith.trainer.networks.causal import Shape
from voxsmith.trainer.networks.decoder import SpeechDecoder
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases.what_learns import add_lora
from voxsmith.trainer.recipe import Adapter, Decoder, TrainRecipe


@dataclass(frozen=True)
class Built:
    """`network` with weights of the models that the recipe names, and drawn ones for adapter and decoder; `tokenizer`:
    transformers'.
    """

    network: SpeechLLM
    tokenizer: Any


def build(recipe: TrainRecipe) -> Built:
    """Load and build, on the CPU; the LLM in bf16 where it learns nothing, because autocast would cast frozen float32 weights
    anew at each call. What is drawn depends on the recipe's seed alone. Raises ModelMissing.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = llm_folder(recipe.llm.model)
    _check_llm(folder, recipe)
    with reading(folder, "it can't be read as a language model"):
        llm = AutoModelForCausalLM.from_pretrained(folder, dtype=_precision(recipe))
        tokenizer = AutoTokenizer.from_pretrained(folder)
    encoder = whisper_encoder(Path(references.resolve(recipe.encoder.model)))
    torch.manual_seed(recipe.seed)
    made_adapter = adapter(recipe.adapter, encoder.config.d_model, llm.config.hidden_size)
    made_decoder = decoder(recipe.decoder, llm.config) if recipe.decoder else None
    network = SpeechLLM(encoder, made_adapter, llm, made_decoder)
    _add_updates(network, recipe)
    return Built(network, tokenizer)


def outline(recipe: TrainRecipe) -> Built:
    """The same networks without their weights: shapes alone, on PyTorch's `meta` device, in no memory. Of a Hugging Face model
    config.json and the tokenizer are enough. Raises ModelMissing.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    folder = llm_folder(recipe.llm.model)
    llm_config = _check_llm(folder, recipe)
    with reading(folder, "it can't be read as a language model"):
        tokenizer = AutoTokenizer.from_pretrained(folder)
    whisper_config = encoder_config(Path(references.resolve(recipe.encoder.model)))
    with torch.device("meta"):
        llm = AutoModelForCausalLM.from_config(llm_config, dtype=_precision(recipe))
        encoder = WhisperEncoder(whisper_config)
        made_adapter = adapter(recipe.adapter, whisper_config.d_model, llm_config.hidden_size)
        made_decoder = decoder(recipe.decoder, llm_config) if recipe.decoder else None
        network = SpeechLLM(encoder, made_adapter, llm, made_decoder)
        _add_updates(network, recipe)
    return Built(network, tokenizer)


def _check_llm(folder: Path, recipe: TrainRecipe) -> Any:
    """The LLM's config. Raises ModelMissing where it is none that reads embeddings, or has no positions for a decoder."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with reading(folder, "it can't be read as a language model"):
        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            llm = AutoModelForCausalLM.from_config(config)
    rotary = hasattr(config, "rms_norm_eps") and getattr(config, "rope_parameters", None)
    if not (hasattr(llm, "model") and hasattr(llm, "lm_head")) or (recipe.decoder and not rotary):
        raise ModelMissing(
            f"{folder}: a language model of the type {config.model_type} can't be trained here: take a Llama, or one built "
            "like it (SmolLM2, Qwen, Mistral)"
        )
    return config


def chat_of(built: Built, recipe: TrainRecipe) -> Chat:
    """What makes prompts and answers, as the recipe says. Raises NoTemplate."""
    return Chat(built.tokenizer, recipe.llm.system, recipe.llm.prompt)


def _add_updates(network: SpeechLLM, recipe: TrainRecipe) -> None:
    """Low-rank updates are a part of the network in each phase, also where they stand still."""
    for part, settings in ((network.llm, recipe.llm), (network.encoder, recipe.encoder)):
        if settings.learns == "lora":
            add_lora(part, settings)


def _precision(recipe: TrainRecipe) -> torch.dtype:
    """Of the LLM's weights."""
    half = recipe.llm.learns != "all" and recipe.run.precision == "bf16"
    return torch.bfloat16 if half else torch.float32


def adapter(settings: Adapter, encoder_width: int, llm_width: int) -> SpeechAdapter | StackProjector:
    if settings.kind == "speech_adapter":
        return SpeechAdapter(encoder_width, llm_width, settings.group, settings.hidden)
    return StackProjector(encoder_width, llm_width, settings.group, settings.hidden, settings.norm)


def decoder(settings: Decoder, llm: Any) -> SpeechDecoder:
    """`llm`: the LLM's config, whose positions, epsilon and biases the decoder takes over, as LLaMA-Omni's does."""
    shape = Shape(
        settings.width,
        settings.heads,
        settings.inner,
        llm.rms_norm_eps,
        bool(getattr(llm, "attention_bias", False)),
        bool(getattr(llm, "mlp_bias", False)),
    )
    return SpeechDecoder(shape, settings.layers, settings.units, llm, settings.upsampling, settings.phase)


def learning(network: nn.Module) -> list[str]:
    """Names of the parameters that learn."""
    return [name for name, value in network.named_parameters() if value.requires_grad]
