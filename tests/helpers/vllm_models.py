"""Models in the Hugging Face form for the tests of vLLM: SmolLM2 out of its GGUF file, and small broken or tuned ones."""

import json
import os
import shutil
from pathlib import Path

from filelock import FileLock

from voxsmith.models import references

NAME = "smollm2-135m-instruct"


def smollm2() -> Path:
    """The embedded language model as a Hugging Face folder, bfloat16; made once, in the cache."""
    source = references.fetch(NAME)
    folder = source.with_name(f"{NAME}-hf")
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
            _convert(source, fresh)
            (fresh / "README.md").write_text("---\nlicense: apache-2.0\n---\nMade from the GGUF file.\n")
            fresh.rename(folder)
    return folder


def _convert(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    plain = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file="model.gguf", quantization_config=plain)
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file="model.gguf").save_pretrained(folder)


def adapter(model: Path, folder: Path, rank: int = 4) -> Path:
    """A LoRA adapter of the model's query projections in PEFT's file format, large enough to change what it says."""
    import torch
    from safetensors.torch import save_file

    config = json.loads((model / "config.json").read_text())
    width = config["hidden_size"]
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for layer in range(config["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(rank, width, generator=generator) * 0.1
        weights[f"{name}.lora_B.weight"] = torch.randn(width, rank, generator=generator) * 0.1
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(settings | {"task_type": "CAUSAL_LM"}))
    return folder


def copy_of(model: Path, folder: Path, **changes: object) -> Path:
    """The model's folder again, with other values in its config.json."""
    shutil.copytree(model, folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    return folder


def cut(model: Path) -> Path:
    """The folder's weights end in the middle, as after a copy that broke off."""
    weights = model / "model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)
    return model
