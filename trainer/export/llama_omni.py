"""A folder that LLaMA-Omni's own inference code loads (ictnlp/LLaMA-Omni, transformers 4.43.4).

model.safetensors            the LLM as model.* and lm_head, the adapter as model.speech_projector.*, the speech decoder as
                             speech_generator.*; LoRA merged; in parts with an index, if it is large
config.json                  under the names of transformers 4, which reads later ones as defaults without a word
speech_encoder.pt            Whisper's encoder in OpenAI's layout
tokenizer files, generation_config.json, README.md
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from voxsmith.models.chat import Chat
from voxsmith.trainer import checkpoint as checkpoints
from voxsmith.trainer.build import Built, chat_of
from voxsmith.trainer.export import card, llama_omni_prompt, openai_whisper, tokenizer_files
from voxsmith.trainer.export.folder import NotExportable, write_json, written
from voxsmith.trainer.export.merge import merge_lora
from voxsmith.trainer.networks.adapter import HIDDEN, SpeechAdapter
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.recipe import TrainRecipe

SPEECH_TO_SPEECH = ("omni_speech2s_llama", "OmniSpeech2SLlamaForCausalLM")  # model type and class of its code
SPEECH_TO_TEXT = ("omni_speech_llama", "OmniSpeechLlamaForCausalLM")
ENCODER = "speech_encoder.pt"
ADAPTER, DECODER = "model.speech_projector.", "speech_generator."  # what begins the names of tensors
VERSION = "4.43.4"  # of transformers
_ROPES = ("default", "linear", "dynamic", "yarn", "longrope", "llama3")  # what that version knows
PART = "5GB"  # of the weights, at most in a file
_LARGEST = 65504.0  # of float16, in which its code loads
_PLAIN = (  # keys of the LLM's config that are the same in all versions
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "attention_bias", "attention_dropout",
    "mlp_bias", "tie_word_embeddings", "bos_token_id", "pad_token_id",
)  # fmt: skip


def export(checkpoint: Path, out: Path) -> list[str]:
    """Write `out`; remarks for whoever uses it, a line each. The speech decoder is exported if the checkpoint's phase trained
    it. Raises NotExportable where that code can't load such a checkpoint, BadCheckpoint, ModelMissing, OSError.
    """
    built, recipe = checkpoints.load(checkpoint)
    network = built.network
    refuse(network, recipe)
    merge_lora(network.llm)
    merge_lora(network.encoder)
    chat = chat_of(built, recipe)
    remarks = _remarks(built, recipe, chat)
    with written(out) as folder:
        openai_whisper.write(network.encoder, folder / ENCODER)
        tokenizer_files.write(built.tokenizer, folder)
        write_json(folder / "config.json", config(network, recipe, f"{out.name}/{ENCODER}", chat.end))
        write_json(folder / "generation_config.json", generation(network.llm, chat.end))
        _write_weights(tensors(network, with_decoder=recipe.phase == "units"), folder)
        (folder / "README.md").write_text(_card(checkpoint, recipe, network, out.name, remarks), encoding="utf-8")
    return remarks


def refuse(network: SpeechLLM, recipe: TrainRecipe) -> None:
    """Raises NotExportable where LLaMA-Omni's code has no such network."""
    llm, adapter, decoder = network.llm.config, network.adapter, network.decoder
    if not isinstance(adapter, SpeechAdapter):
        raise NotExportable(
            "adapter.kind is stack_projector: LLaMA-Omni's code knows speech_adapter alone; export it --to ultravox"
        )
    if adapter.linear1.out_features != HIDDEN:
        raise NotExportable(
            f"adapter.hidden is {adapter.linear1.out_features}: it is {HIDDEN} in LLaMA-Omni's code; train with that"
        )
    if llm.model_type != "llama":
        raise NotExportable(
            f"llm.model is of the type {llm.model_type}: LLaMA-Omni's code loads a Llama alone; train with one"
        )
    own, usual = getattr(llm, "head_dim", None), llm.hidden_size // llm.num_attention_heads
    if own not in (None, usual):
        raise NotExportable(
            f"llm.model has attention heads of {own}, not width / heads = {usual}: transformers {VERSION} has no such Llama"
        )
    if (rope := llm.rope_parameters.get("rope_type", "default")) not in _ROPES:
        raise NotExportable(
            f"llm.model has positions of the type {rope}: transformers {VERSION} knows {', '.join(_ROPES)}"
        )
    if recipe.phase == "units" and decoder is not None and decoder.phase is not None:
        raise NotExportable(
            "decoder.phase is true: LLaMA-Omni's code has no embedding of the place in a block; train with phase: false"
        )


def config(network: SpeechLLM, recipe: TrainRecipe, encoder: str, end: int) -> dict[str, Any]:
    """config.json. `encoder`: where its code looks for the encoder's file, from the folder where it is started; `end`: the token
    that ends an answer.
    """
    llm, decoder = network.llm.config, network.decoder
    rope = dict(llm.rope_parameters)
    theta = rope.pop("rope_theta")
    kind, name = SPEECH_TO_SPEECH if recipe.phase == "units" else SPEECH_TO_TEXT
    keys = {
        "architectures": [name],
        "model_type": kind,
        **{key: getattr(llm, key, None) for key in _PLAIN},
        "eos_token_id": end if llm.eos_token_id is None else llm.eos_token_id,
        "rope_theta": theta,
        "rope_scaling": None if rope.get("rope_type", "default") == "default" else rope,
        "torch_dtype": str(network.llm.get_input_embeddings().weight.dtype).removeprefix("torch."),
        "transformers_version": VERSION,
        "use_cache": True,
        "tokenizer_padding_side": "right",
        "tokenizer_model_max_length": llm.max_position_embeddings,
        "speech_encoder": encoder,
        "speech_encoder_type": "whisper",
        "speech_encoder_hidden_size": network.encoder.config.d_model,
        "speech_encoder_ds_rate": network.adapter.k,
        "speech_projector_type": "linear",
        "speech_normalize": False,
        "pad_to_30s": recipe.encoder.pad_to_30s,  # of ours: which lengths the encoder was trained on
    }
    if recipe.phase == "units" and decoder is not None and recipe.decoder is not None:
        of = recipe.decoder
        keys |= {
            "speech_generator_type": "ctc",
            "ctc_decoder_config": f"({of.layers},{of.width},{of.heads},{of.inner})",
            "ctc_upsample_factor": decoder.upsampling,
            "ctc_loss_weight": 1.0,
            "unit_vocab_size": decoder.blank,
        }
    return keys


def generation(llm: Any, end: int) -> dict[str, Any]:
    """generation_config.json: all ids that end an answer, those of the LLM and the one that was learned."""
    settings = llm.generation_config
    ends = settings.eos_token_id if settings.eos_token_id is not None else llm.config.eos_token_id
    ids = list(ends) if isinstance(ends, (list, tuple)) else [ends]
    named = {"bos_token_id": llm.config.bos_token_id, "pad_token_id": llm.config.pad_token_id}
    keys: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    keys["eos_token_id"] = list(dict.fromkeys(token for token in (*ids, end) if token is not None))
    return keys | {"transformers_version": VERSION}


def tensors(network: SpeechLLM, with_decoder: bool) -> dict[str, Tensor]:
    """The weights under the names of its checkpoints. Raises NotExportable where one is no number, or beyond float16."""
    weights = {name: value for name, value in network.llm.state_dict().items() if not name.endswith("inv_freq")}
    weights["lm_head.weight"] = (
        network.llm.lm_head.weight.detach().clone()
    )  # also of an LLM that shares it with its embedding
    weights |= {ADAPTER + name: value for name, value in network.adapter.state_dict().items()}
    if with_decoder and network.decoder is not None:
        weights |= {DECODER + name: value for name, value in network.decoder.state_dict().items()}
    for name, value in weights.items():
        if not bool(torch.isfinite(value).all()) or float(value.abs().max()) > _LARGEST:
            raise NotExportable(
                f"{name} has values beyond {_LARGEST:.0f}, or none: LLaMA-Omni's code loads in float16; take another checkpoint"
            )
    return {name: value.detach().contiguous() for name, value in weights.items()}


def _write_weights(weights: dict[str, Tensor], folder: Path) -> None:
    from huggingface_hub import save_torch_state_dict

    save_torch_state_dict(weights, folder, max_shard_size=PART, metadata={"format": "pt"})


def _remarks(built: Built, recipe: TrainRecipe, chat: Chat) -> list[str]:
    said = llama_omni_prompt.remarks(built.tokenizer, chat)
    if not recipe.encoder.pad_to_30s:
        said.append(
            "the speech encoder was trained on clips at their true length, and LLaMA-Omni's code pads them to 30 s: it will "
            "answer worse there; train with encoder.pad_to_30s: true"
        )
    if recipe.phase != "units":
        said.append(
            "it has no speech decoder: the phase that ended with this checkpoint trained none, so it answers in text"
        )
    return said


def _card(checkpoint: Path, recipe: TrainRecipe, network: SpeechLLM, name: str, remarks: list[str]) -> str:
    bins = network.encoder.config.num_mel_bins
    s2s = " --s2s" if recipe.phase == "units" else ""
    use = (
        f"Put this folder, under the name `{name}`, where LLaMA-Omni's code is, because `speech_encoder` in config.json is "
        "looked for from there, and run there\n\n"
        f"    python omni_speech/infer/infer.py --model-path {name} --question-file questions.json "
        f"--answer-file answers/answers.json --conv-mode llama_3 --input_type mel --mel_size {bins}{s2s}\n\n"
        "`questions.json` is as its `omni_speech/infer/examples/question.json`, with the same request in each conversation. "
    )
    if recipe.phase == "units" and network.decoder is not None:
        use += (
            f"Its units are numbers from 0 to {network.decoder.blank - 1} of the codebook of the training data; the vocoder "
            "must be one for that codebook. "
        )
    use += "It needs a GPU with flash-attn."
    what = (
        "A speech language model in the layout of LLaMA-Omni (Fang et al. 2024, arXiv:2409.06666): it hears speech and "
        f"answers in text{' and in speech units' if recipe.phase == 'units' else ''}."
    )
    return card.card(checkpoint, recipe, what, use, remarks)
