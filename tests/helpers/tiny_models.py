"""Models of random weights and a few hundred thousand numbers, in the files that the genuine ones have."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

RATE = 16000  # of the VITS voice
SSL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embedding_groups": 4,
    "num_conv_pos_embeddings": 16,
}
WIDTH, HEADS, LAYERS, CODES, BLOCK, POOL = 32, 4, 2, 30, 40, 4  # of GLM-4-Voice's tokenizer
GLM: dict[str, Any] = {
    "architectures": ["WhisperVQEncoder"],
    "model_type": "whisper",
    "d_model": WIDTH,
    "encoder_attention_heads": HEADS,
    "encoder_ffn_dim": 64,
    "encoder_layers": 4,
    "max_source_positions": 1500,
    "num_mel_bins": 128,
    "encoder_causal_attention": False,
    "encoder_causal_convolution": True,
    "pooling_kernel_size": POOL,
    "pooling_position": LAYERS,
    "pooling_type": "avg",
    "quantize_causal_block_size": BLOCK,
    "quantize_causal_encoder": False,
    "quantize_encoder_only": True,
    "quantize_position": LAYERS,
    "quantize_vocab_size": CODES,
}


def ssl(folder: Path, name: str, **changes: Any) -> Path:
    """An encoder of transformers: Hubert, WavLM or Wav2Vec2."""
    torch.manual_seed(7)
    model = getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**SSL | changes))
    model.save_pretrained(folder)
    return folder


def vits(folder: Path) -> Path:
    """A two-speaker VITS of 0.3 M parameters whose noise is loud enough to be speech to the trimmer."""
    torch.manual_seed(0)
    config = transformers.VitsConfig(
        vocab_size=38, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=16, num_speakers=2, speaker_embedding_size=8, upsample_initial_channel=32,
        upsample_rates=[8, 8, 2, 2], upsample_kernel_sizes=[16, 16, 4, 4], resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3, 5]], prior_encoder_num_flows=1, posterior_encoder_num_wavenet_layers=1,
        prior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1, depth_separable_num_layers=1,
        duration_predictor_filter_channels=16, sampling_rate=RATE,
    )  # fmt: skip
    transformers.VitsModel(config).save_pretrained(folder)
    letters = ["<pad>", "<unk>", *"abcdefghijklmnopqrstuvwxyz' ,.?!-"]
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    settings = {"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False, "language": "eng"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "VitsTokenizer", **settings}))
    return folder


def parakeet(folder: Path, kind: str = "CTC") -> Path:
    """Parakeet with a CTC or TDT head, loud enough in its last layer that it says something else of each clip."""
    from tokenizers import Tokenizer, decoders, models

    torch.manual_seed(5)
    encoder = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "subsampling_conv_channels": 8,
    }  # fmt: skip
    words = ["<unk>", "<pad>", *(f"\N{LOWER ONE EIGHTH BLOCK}{word}" for word in ("one", "two", "three")), *"abcdefgh"]
    blank = len(words)
    names = [*words, "<blank>"] if kind == "TDT" else words
    heads = {"vocab_size": len(names), "pad_token_id": 1, "encoder_config": encoder}
    if kind == "TDT":
        heads |= {"blank_token_id": blank, "decoder_hidden_size": 16}
    model = getattr(transformers, f"ParakeetFor{kind}")(getattr(transformers, f"Parakeet{kind}Config")(**heads))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.mul_(6 if "head" in name or "projector" in name else 3)
        if kind == "TDT":  # no token takes no time: random weights would say it for ever
            model.joint.head.bias[len(names)] = -100.0
            model.generation_config.decoder_start_token_id = blank
            model.generation_config.suppress_tokens = list(range(len(names), len(names) + 5))  # durations
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE({word: number for number, word in enumerate(names)}, [], unk_token="<unk>"))
    tokenizer.decoder = decoders.Metaspace()
    special = {"unk_token": "<unk>", "pad_token": "<pad>"} | ({"blank_token": "<blank>"} if kind == "TDT" else {})
    fast = transformers.ParakeetTokenizer(tokenizer_object=tokenizer, **special)
    transformers.ParakeetProcessor(transformers.ParakeetFeatureExtractor(), fast).save_pretrained(folder)
    return folder


def glm(folder: Path, **changes: Any) -> Path:
    """GLM-4-Voice's tokenizer."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(GLM | changes))
    torch.manual_seed(7)

    def draw(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(*shape)

    weights = {"embed_positions.weight": draw(1500, WIDTH), "embed_positions2.weight": draw(375, WIDTH)}
    weights |= {"conv1.weight": 0.2 * draw(WIDTH, 128, 3), "conv1.bias": draw(WIDTH)}
    weights |= {"conv2.weight": draw(WIDTH, WIDTH, 3), "conv2.bias": draw(WIDTH)}
    weights |= {
        "codebook.weight": draw(CODES, WIDTH),
        "ema_count": torch.ones(CODES),
        "ema_weight": draw(CODES, WIDTH),
    }
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        for part in ("q_proj", "v_proj", "k_proj", "out_proj"):
            weights[f"{name}.self_attn.{part}.weight"] = draw(WIDTH, WIDTH)
            if part != "k_proj":
                weights[f"{name}.self_attn.{part}.bias"] = draw(WIDTH)
        for part, out, into in (("fc1", 64, WIDTH), ("fc2", WIDTH, 64)):
            weights |= {f"{name}.{part}.weight": draw(out, into), f"{name}.{part}.bias": draw(out)}
        for part in ("self_attn_layer_norm", "final_layer_norm"):
            weights |= {f"{name}.{part}.weight": 1 + draw(WIDTH), f"{name}.{part}.bias": draw(WIDTH)}
    save_file(weights, folder / "model.safetensors")
    return folder
