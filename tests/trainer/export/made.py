"""A checkpoint of random weights that LLaMA-Omni's code could load: a Llama 3 in small, and a Whisper with 30 s of positions."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast, WhisperModel

from tests.helpers.made_corpus import ANSWER, TASKS
from tests.trainer import configs
from voxsmith.models.llama_omni_prompt import SYSTEM
from voxsmith.trainer import checkpoint
from voxsmith.trainer.build import build
from voxsmith.trainer.fit.loop import PHASES
from voxsmith.trainer.recipe import TrainRecipe

SPECIAL = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
]
TEMPLATE = (
    "<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
SCALED = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def tokenizer(adds_bos: bool = True) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=SPECIAL,
        show_progress=False,
    )
    made.train_from_iterator([ANSWER, SYSTEM, *(text for pair in TASKS for text in pair)], trainer)
    if adds_bos:
        made.post_processor = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)]
        )
    ready = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
    ready.chat_template = TEMPLATE
    return ready


def llm(folder: Path, tied: bool = False) -> Path:
    torch.manual_seed(1)
    config = configs.llama(
        vocab_size=320,
        num_key_value_heads=2,
        rms_norm_eps=1e-5,
        bos_token_id=0,
        eos_token_id=[1, 4],
        rope_parameters=SCALED,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=[1, 4])
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: llama3.1\n---\n")
    return folder


def whisper(folder: Path, positions: int = 1500, inner: int = 64) -> Path:
    torch.manual_seed(2)
    config = configs.whisper(encoder_layers=2, encoder_ffn_dim=inner, max_source_positions=positions)
    WhisperModel(config).save_pretrained(folder)
    return folder


def recipe(folder: Path, **changes: Any) -> TrainRecipe:
    """Of models below `folder`, which are made if they aren't there."""
    if not (folder / "llm").is_dir():
        llm(folder / "llm")
    if not (folder / "whisper").is_dir():
        whisper(folder / "whisper")
    keys: dict[str, Any] = {
        "name": "made",
        "phase": "units",
        "data": [{"path": str(folder / "corpus")}],
        "llm": {"model": str(folder / "llm"), "system": SYSTEM},
        "encoder": {"model": str(folder / "whisper"), "pad_to_30s": True},
        "decoder": {"layers": 2, "width": 24, "heads": 2, "inner": 40, "units": 50, "upsampling": 6},
        "schedule": {"steps": 1},
        "run": {"precision": "float32"},
    }
    return TrainRecipe.model_validate(keys | changes)


def trained(folder: Path, of: TrainRecipe) -> Path:
    """A checkpoint of the recipe, in which all that learns was moved at random."""
    built = build(of)
    groups = PHASES[of.phase].learns(built.network, of)
    torch.manual_seed(3)
    for group in groups:
        for value in group.parameters:
            nn.init.normal_(value, std=0.1)
    optimiser = torch.optim.AdamW([{"params": group.parameters, "lr": 1e-3} for group in groups])
    return checkpoint.save(folder, built.network, optimiser, checkpoint.State(step=7), of)
