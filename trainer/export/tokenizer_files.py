"""Tokenizer files as transformers 4.43 with tokenizers 0.19 reads them: what later versions write it refuses."""

import json
from pathlib import Path
from typing import Any

from voxsmith.trainer.export.folder import NotExportable, write_json

_NAMES = ("bos_token", "eos_token", "unk_token", "pad_token")


def write(tokenizer: Any, folder: Path) -> None:
    """`tokenizer`: transformers' fast one. Raises NotExportable where a merge can't be written in the older form."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise NotExportable("its tokenizer is no fast one: LLaMA-Omni's export needs a tokenizer.json")
    content = json.loads(backend.to_str())
    model = content["model"]
    if "merges" in model:
        model["merges"] = [_joined(pair) for pair in model["merges"]]
    write_json(folder / "tokenizer.json", content | {"truncation": None, "padding": None})
    named = {name: str(token) for name in _NAMES if (token := getattr(tokenizer, name, None)) is not None}
    write_json(folder / "special_tokens_map.json", named)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": tokenizer.model_max_length,
        "clean_up_tokenization_spaces": bool(getattr(tokenizer, "clean_up_tokenization_spaces", False)),
    }
    template = {"chat_template": tokenizer.chat_template} if tokenizer.chat_template else {}
    write_json(folder / "tokenizer_config.json", named | settings | template)


def _joined(pair: str | list[str]) -> str:
    """A merge as "a b": tokenizers up to 0.19 knows no other form."""
    if isinstance(pair, str):
        return pair
    if any(" " in part for part in pair):
        raise NotExportable(f"a merge of its tokenizer has a space inside ({pair}): the older form can't hold it")
    return " ".join(pair)
