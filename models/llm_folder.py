"""A language model as a Hugging Face folder: what PyTorch trains. A GGUF file is turned into one once, into the cache folder."""

import json
import shutil
from pathlib import Path

from filelock import FileLock

from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing, cache_folder, identity, resolve
from voxsmith.schemas.hashing import hashed_hex


def llm_folder(reference: str) -> Path:
    """The folder, with config.json, weights in safetensors and tokenizer. Raises ModelMissing."""
    path = resolve(reference)
    if path.is_dir() and (path / "config.json").is_file() and not any(path.glob("*.gguf")):
        return path
    file = path if path.suffix == ".gguf" else next(iter(sorted(path.glob("*.gguf"))), None)
    if file is None:
        raise ModelMissing(
            f"{path}: no language model that can be trained: neither config.json nor a GGUF file is there"
        )
    folder = cache_folder() / "hugging_face" / hashed_hex(identity(reference), 8)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete.json").is_file():
            fresh = folder.with_name(f".{folder.name}.writing")
            shutil.rmtree(fresh, ignore_errors=True)
            with reading(
                file, "it can't be turned into a Hugging Face folder (pip install 'voxsmith[train]' brings gguf)"
            ):
                _convert(file, fresh)
            (fresh / "complete.json").write_text(json.dumps({"of": identity(reference)}), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
    return folder


def _convert(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    plain = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, quantization_config=plain)
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
