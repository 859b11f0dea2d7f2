"""Model folders of a few thousand random weights, as Hugging Face has them."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast, WhisperModel

from tests.helpers.made_corpus import ANSWER, TASKS
from tests.trainer import configs

TEMPLATE = (
    "{% for message in messages %}<|start|> {{ message['role'] }} {{ message['content'] }} <|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|> assistant {% endif %}"
)


def tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    texts = " ".join([ANSWER, *(text for pair in TASKS for text in pair)])
    split = pre_tokenizers.Whitespace()
    words = sorted({word for word, _ in split.pre_tokenize_str(f"{texts} system user assistant")})
    vocabulary = {word: number for number, word in enumerate(["<unk>", "<|start|>", "<|end|>", *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = split
    made.add_special_tokens(["<|start|>", "<|end|>"])
    ready = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>", pad_token="<|end|>", unk_token="<unk>")
    ready.chat_template = template
    return ready


def llm(folder: Path, template: str | None = TEMPLATE) -> Path:
    torch.manual_seed(1)
    words = tokenizer(template)
    config = configs.llama(vocab_size=len(words), num_hidden_layers=2, eos_token_id=words.eos_token_id)
    LlamaForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def whisper(folder: Path, positions: int = 200) -> Path:
    """`positions`: frames that it can hear, 50 a second."""
    torch.manual_seed(2)
    config = configs.whisper(num_mel_bins=16, d_model=32, encoder_ffn_dim=32, max_source_positions=positions)
    WhisperModel(config).save_pretrained(folder)
    return folder
