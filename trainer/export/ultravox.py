"""A checkpoint as an Ultravox folder, which vLLM serves and transformers 5 loads with the two files that lie in it.

Names of weights and keys of config.json are those of Ultravox 0.5 and later (norm in the middle) and before (at the end).
Everything is in one file and both model ids are null: with an id set, servers take the weights from there, in silence.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from voxsmith.schemas.tasks import MARKER, task
from voxsmith.trainer import checkpoint as checkpoints
from voxsmith.trainer.build import Built, chat_of
from voxsmith.trainer.data.mel import HOP, RATE
from voxsmith.trainer.export.card import card
from voxsmith.trainer.export.folder import NotExportable, write_json, written
from voxsmith.trainer.export.merge import merge_lora
from voxsmith.trainer.networks.adapter import SCALE, StackProjector
from voxsmith.trainer.recipe import TrainRecipe

AUDIO = "<|audio|>"  # stands in prompts where a clip goes
FILES = Path(__file__).parent / "ultravox_files"
_ENCODER_KEYS = (
    "num_mel_bins",
    "d_model",
    "encoder_layers",
    "encoder_attention_heads",
    "encoder_ffn_dim",
    "max_source_positions",
    "activation_function",
    "scale_embedding",
)
_WHAT = "A speech language model in the layout of Ultravox: it hears clips and answers in text."


def export(checkpoint: Path, out: Path) -> list[str]:
    """Write the folder; what its user should know, a sentence each. Weights are in bfloat16 if the recipe trained in it.

    Raises NotExportable where the checkpoint is none of an Ultravox, or `out` holds something; BadCheckpoint, ModelMissing,
    NoTemplate and OSError.
    """
    recipe = checkpoints.read_recipe(checkpoint)
    _check(recipe, checkpoint)
    built, _ = checkpoints.load(checkpoint)
    network, chat = built.network, chat_of(built, recipe)
    if recipe.llm.learns == "lora":
        merge_lora(network.llm)
    if recipe.encoder.learns == "lora":
        merge_lora(network.encoder)
    dtype = torch.bfloat16 if recipe.run.precision == "bf16" else torch.float32
    remarks = _remarks(recipe)
    with written(out) as folder:
        save_file(_weights(built, dtype), folder / "model.safetensors", {"format": "pt"})
        token = _tokenizer(built.tokenizer, folder)
        _configs(built, recipe, token, chat.end, dtype, folder)
        _processor(network, folder)
        for file in FILES.glob("*_ultravox.py"):
            shutil.copy(file, folder)
        (folder / "README.md").write_text(card(checkpoint, recipe, _WHAT, _use(recipe), remarks), encoding="utf-8")
    return remarks


def _check(recipe: TrainRecipe, checkpoint: Path) -> None:
    if recipe.adapter.kind != "stack_projector":
        raise NotExportable(
            f"{checkpoint}: adapter.kind is {recipe.adapter.kind}: Ultravox has a stack_projector; export --to llama_omni"
        )
    if recipe.llm.prompt != "chat_template":
        raise NotExportable(
            f"{checkpoint}: llm.prompt is {recipe.llm.prompt}: whoever serves an Ultravox writes the chat template; "
            "train it with prompt: chat_template"
        )
    if recipe.encoder.pad_to_30s:
        raise NotExportable(
            f"{checkpoint}: encoder.pad_to_30s is true: whoever serves an Ultravox hears clips at their own length, "
            "which this checkpoint was not trained for; train it with pad_to_30s: false"
        )


def _remarks(recipe: TrainRecipe) -> list[str]:
    multiple = 2 * recipe.adapter.group * HOP
    remarks = [
        f"Clips are filled up with silence to a multiple of {multiple:,} samples ({multiple / RATE:g} s), so that what a "
        "clip is batched with changes nothing."
    ]
    if recipe.decoder is not None:
        remarks.append("The speech decoder is left out: Ultravox answers in text.")
    if recipe.llm.system:
        remarks.append(f"It was trained with the system message {json.dumps(recipe.llm.system)}: send it, too.")
    return remarks


def _weights(built: Built, dtype: torch.dtype) -> dict[str, Tensor]:
    network = built.network
    parts: dict[str, nn.Module] = {
        "audio_tower": network.encoder,
        "multi_modal_projector": network.adapter,
        "language_model": network.llm,
    }
    weights, seen = {}, set()
    for part, module in parts.items():
        for name, value in module.state_dict().items():
            if value.data_ptr() in seen:  # tied to one before, as its config says
                continue
            seen.add(value.data_ptr())
            weights[f"{part}.{name}"] = (value.to(dtype) if value.is_floating_point() else value).contiguous()
    return weights


def _tokenizer(tokenizer: Any, folder: Path) -> int:
    """Write the tokenizer with <|audio|> in it; its id. The LLM's embedding gets no row for it: no model reads it."""
    from tokenizers import AddedToken

    tokenizer.add_tokens([AddedToken(AUDIO, special=True, normalized=False)], special_tokens=True)
    tokenizer.save_pretrained(folder)
    return int(tokenizer.convert_tokens_to_ids(AUDIO))


def _configs(built: Built, recipe: TrainRecipe, token: int, end: int, dtype: torch.dtype, folder: Path) -> None:
    """config.json and generation_config.json."""
    llm, encoder, adapter = built.network.llm, built.network.encoder, built.network.adapter
    assert isinstance(adapter, StackProjector)
    name = str(dtype).removeprefix("torch.")
    text = _plain(llm.config.to_dict()) | {"architectures": [type(llm).__name__], "dtype": name}
    audio = {key: getattr(encoder.config, key) for key in _ENCODER_KEYS}
    padding = built.tokenizer.pad_token_id
    write_json(
        folder / "config.json",
        {
            "architectures": ["UltravoxModel"],
            "model_type": "ultravox",
            "auto_map": {
                "AutoConfig": "modelling_ultravox.UltravoxConfig",
                "AutoModel": "modelling_ultravox.UltravoxModel",
            },
            "audio_model_id": None,
            "text_model_id": None,
            "audio_config": {"model_type": "whisper", **audio, "dtype": name},
            "text_config": text,
            "audio_token_index": token,
            "hidden_size": recipe.adapter.hidden,
            "stack_factor": recipe.adapter.group,
            "norm_init": SCALE,
            "projector_act": "swiglu",
            "projector_ln_mid": recipe.adapter.norm == "mid",
            "audio_latency_block_size": None,
            "ignore_index": -100,
            "initializer_range": llm.config.initializer_range,
            "pad_token_id": padding if padding is not None else end,
            "vocab_size": llm.config.vocab_size,
            "torch_dtype": name,
        },
    )
    generation = llm.generation_config.to_diff_dict()
    ends = generation.get("eos_token_id") or []
    generation["eos_token_id"] = list(dict.fromkeys([end, *(ends if isinstance(ends, list) else [ends])]))
    generation["pad_token_id"] = padding if padding is not None else end
    write_json(folder / "generation_config.json", _plain(generation))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Without what says who wrote it, or where it lay."""
    return {
        key: value
        for key, value in values.items()
        if key not in ("transformers_version", "_name_or_path", "_from_model_config", "quantization_config")
    }


def _processor(network: Any, folder: Path) -> None:
    """preprocessor_config.json and processor_config.json."""
    from transformers import WhisperFeatureExtractor

    encoder = network.encoder.config
    seconds = encoder.max_source_positions * 2 * HOP // RATE
    WhisperFeatureExtractor(feature_size=encoder.num_mel_bins, chunk_length=seconds).save_pretrained(folder)
    write_json(
        folder / "processor_config.json",
        {
            "auto_map": {"AutoProcessor": "processing_ultravox.UltravoxProcessor"},
            "processor_class": "UltravoxProcessor",
            "stack_factor": network.adapter.stack,
        },
    )


def _use(recipe: TrainRecipe) -> str:
    requests = dict.fromkeys(task(data.task, "row", data.to).request.replace(MARKER, AUDIO) for data in recipe.data)
    asked = "\n".join(f"    {json.dumps(request)}" for request in requests)
    return f"""\
`vllm serve FOLDER --trust-remote-code` answers clips through the OpenAI API. With transformers 5:

    import soundfile
    from transformers import AutoModel, AutoProcessor

    model = AutoModel.from_pretrained("FOLDER", trust_remote_code=True)
    processor = AutoProcessor.from_pretrained("FOLDER", trust_remote_code=True)
    clip, rate = soundfile.read("question.wav", dtype="float32")  # 16,000 Hz, one channel
    turn = {{"role": "user", "content": REQUEST}}
    text = processor.tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
    answer = model.generate(**processor(text, clip, sampling_rate=rate), max_new_tokens=100)
    print(processor.tokenizer.decode(answer[0], skip_special_tokens=True))

REQUEST as in training:

{asked}"""
