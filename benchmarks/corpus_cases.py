"""What `corpus_gpu.py` measures: networks of engines at true shapes with random weights, and clips as long as a corpus'."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import transformers
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from voxsmith.models.parakeet import Parakeet
from voxsmith.models.ssl_encoder import SpeechEncoder
from voxsmith.models.unit_vocoder import UnitHifiGan, _build
from voxsmith.models.utmos import Utmos
from voxsmith.models.windows import buckets

RATE = 16000
UNIT_RATE = 50  # units a second
TOKENS, FRAMES_A_TOKEN = 30, 2.9  # of VITS: a second has 15 letters with a blank beside each, at 86 frames
# Hidden width, layers, heads, width within a layer.
PARAKEETS = {"1.1b": (1024, 42, 8, 4096), "0.6b": (1024, 24, 8, 4096), "tiny": (32, 2, 4, 64)}
ENCODERS = {"base": (768, 12, 12, 3072), "1b": (1280, 48, 16, 5120), "large-v3": (1280, 32, 20, 5120), "tiny": (32, 2, 4, 64)}  # fmt: skip
VOCODER: dict[str, Any] = {  # fairseq's unit HiFi-GAN for mHuBERT's 1,000 units
    "resblock": "1", "upsample_rates": [5, 4, 4, 2, 2], "upsample_kernel_sizes": [11, 8, 8, 4, 4],
    "upsample_initial_channel": 512, "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3, "num_embeddings": 1000, "embedding_dim": 128, "model_in_dim": 128,
    "sampling_rate": RATE, "code_hop_size": 320, "dur_prediction_weight": 1.0,
    "dur_predictor_params": {"encoder_embed_dim": 128, "var_pred_hidden_dim": 128, "var_pred_kernel_size": 3,
                             "var_pred_dropout": 0.5},
}  # fmt: skip
Run = Callable[[list[float]], float]  # works on clips that last so many seconds; seconds that it heard or made


@dataclass(frozen=True)
class Case:
    """`batches`: clips at a time, the smallest first; one is what the engine does. `bf16`: of its weights, else float32."""

    build: Callable[[torch.device, str], Run]
    batches: tuple[int, ...]
    bf16: bool = True
    limit: float = 60.0  # seconds for all of it, the start of its process included


def lengths(count: int, seed: int = 0) -> np.ndarray:
    """Seconds [count] of clips: exp(N(1.5, 0.6)), 5.4 on the mean, within 1 to 30, as those of Common Voice and LibriSpeech."""
    return np.clip(np.exp(np.random.default_rng(seed).normal(1.5, 0.6, count)), 1, 30)


def noise(seconds: list[float]) -> list[np.ndarray]:
    """Clips that last so long: made once, when a batch warms up, and not while time is taken."""
    return _noise(tuple(seconds))


@lru_cache(maxsize=1024)
def _noise(seconds: tuple[float, ...]) -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [draw.normal(0, 0.05, round(one * RATE)).astype(np.float32) for one in seconds]


def on(device: torch.device, make: Callable[[], Any], dtype: torch.dtype) -> Any:
    """A network with random weights, drawn where it will be."""
    torch.manual_seed(0)
    with device:
        return make().to(dtype).eval().requires_grad_(False)


def parakeet(kind: str, shape: str) -> Callable[[torch.device, str], Run]:
    """The engine's own `hear`: features on the CPU, the network, the text."""

    def build(device: torch.device, size: str) -> Run:
        width, layers, heads, inner = PARAKEETS[size or shape]
        encoder = {
            "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": inner,
            "num_mel_bins": 80 if kind == "CTC" else 128, "subsampling_conv_channels": 8 if size else 256,
        }  # fmt: skip
        vocabulary = 64 if size else 1025 if kind == "CTC" else 8193
        settings = {"vocab_size": vocabulary, "pad_token_id": 1, "encoder_config": encoder}
        settings |= {"blank_token_id": vocabulary - 1} if kind == "TDT" else {}
        config = getattr(transformers, f"Parakeet{kind}Config")(**settings)
        dtype = torch.float32 if size else torch.bfloat16
        model = on(device, lambda: getattr(transformers, f"ParakeetFor{kind}")(config), dtype)
        if kind == "TDT":  # about as often as speech has tokens: 4 frames to a token, and few that take no time
            model.joint.head.bias[vocabulary : vocabulary + 2] = -100.0
        processor = _processor(vocabulary, encoder["num_mel_bins"])
        network = Parakeet(model, processor, device, str(dtype).removeprefix("torch."), 60)

        def run(seconds: list[float]) -> float:
            network.hear(noise(seconds))
            return sum(seconds)

        return run

    return build


def _processor(vocabulary: int, bins: int) -> Any:
    from tokenizers import Tokenizer, models

    words = {"<unk>": 0, "<pad>": 1} | {f"w{number}": number for number in range(2, vocabulary)}
    words = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    fast = transformers.ParakeetTokenizer(tokenizer_object=words, unk_token="<unk>", pad_token="<pad>")
    return transformers.ParakeetProcessor(transformers.ParakeetFeatureExtractor(feature_size=bins), fast)


def whisper(device: torch.device, size: str) -> Run:
    """Whisper's encoder over whole windows of 30 s, whatever a clip lasts."""
    width, layers, heads, inner = ENCODERS[size or "large-v3"]
    bins = 128
    config = transformers.WhisperConfig(
        d_model=width, encoder_layers=layers, encoder_attention_heads=heads, encoder_ffn_dim=inner, num_mel_bins=bins
    )
    dtype = torch.float32 if size else torch.bfloat16
    network = on(device, lambda: WhisperEncoder(config), dtype)

    def run(seconds: list[float]) -> float:
        with torch.inference_mode():
            network(torch.randn(len(seconds), bins, 3000, device=device, dtype=dtype))
        return sum(seconds)

    return run


def ssl(kind: str, shape: str, layer: int) -> Callable[[torch.device, str], Run]:
    """The engine's own `encode`, up to the layer that units are of."""

    def build(device: torch.device, size: str) -> Run:
        dtype = "float32" if size else "bfloat16"
        encoder = _ssl(kind, size or shape, min(layer, ENCODERS[size or shape][1]), device, dtype)

        def run(seconds: list[float]) -> float:
            encoder.encode([encoder.prepare(samples) for samples in noise(seconds)])
            return sum(seconds)

        return run

    return build


def _ssl(kind: str, shape: str, layer: int, device: torch.device, dtype: str) -> SpeechEncoder:
    width, layers, heads, inner = ENCODERS[shape]
    large = shape == "1b"
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner,
        feat_extract_norm="layer" if large else "group", do_stable_layer_norm=large, conv_bias=large,
        **({"conv_dim": [16] * 7, "num_conv_pos_embedding_groups": 4} if shape == "tiny" else {}),
    )  # fmt: skip
    model = on(device, lambda: getattr(transformers, f"{kind}Model")(config), torch.float32)
    return SpeechEncoder(model, 1e-7, layer, device.type, dtype)


def utmos(device: torch.device, size: str) -> Run:
    """The engine's own `rate`, a clip at a time, in float32."""
    network = Utmos.__new__(Utmos)  # its own reads a checkpoint
    network.device = device
    network.encoder = _ssl("Wav2Vec2", size or "base", 2 if size else 12, device, "float32")
    width, beside, hidden = network.encoder.width, 256, 16 if size else 512
    linear = torch.nn.Linear
    head = {
        "blstm": torch.nn.LSTM(width + beside, hidden, batch_first=True, bidirectional=True),
        "projection": torch.nn.Sequential(linear(2 * hidden, 2048), torch.nn.ReLU(), linear(2048, 1)),
    }
    network.head = torch.nn.ModuleDict(head).to(device).eval().requires_grad_(False)
    network.embeddings = torch.randn(1, beside, device=device)

    def run(seconds: list[float]) -> float:
        for samples in noise(seconds):
            network.rate(samples)
        return sum(seconds)

    return run


def vits(device: torch.device, size: str) -> Run:
    """VITS of MMS' shape says texts that would last so long; what counts is what comes out."""
    small = {
        "hidden_size": 16, "num_hidden_layers": 1, "ffn_dim": 16, "flow_size": 16, "spectrogram_bins": 16,
        "upsample_initial_channel": 32, "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3, 5]],
        "prior_encoder_num_flows": 1, "depth_separable_num_layers": 1,
        "prior_encoder_num_wavenet_layers": 1, "posterior_encoder_num_wavenet_layers": 1,
        "duration_predictor_filter_channels": 16,
    }  # fmt: skip
    config = transformers.VitsConfig(**(small if size else {}))
    model = on(device, lambda: transformers.VitsModel(config), torch.float32)
    rate, hop = config.sampling_rate, int(np.prod(config.upsample_rates))

    def said(seconds: list[float]) -> float:
        counts = [max(2, round(one * TOKENS)) for one in seconds]
        mask = torch.arange(max(counts), device=device) < torch.tensor(counts, device=device)[:, None]
        tokens = torch.randint(config.vocab_size, mask.shape, device=device)
        with torch.inference_mode():
            made = model(input_ids=tokens, attention_mask=mask.long()).sequence_lengths
        return float(made.sum()) / rate

    # Random weights draw any length for a token: that of speech is set by the speed.
    text = [0.5] if size else [4.0] * 4
    frames = said(text) * rate / hop / (sum(text) * TOKENS)
    model.speaking_rate *= frames / FRAMES_A_TOKEN
    return said


def vocoder(device: torch.device, size: str) -> Run:
    """The engine's own `wave`, a clip at a time, in float32."""
    width = 16 if size else VOCODER["embedding_dim"]
    predictor = VOCODER["dur_predictor_params"] | {"encoder_embed_dim": width, "var_pred_hidden_dim": width}
    settings = VOCODER | {"embedding_dim": width, "model_in_dim": width, "dur_predictor_params": predictor}
    settings |= {"upsample_initial_channel": 64} if size else {}
    torch.manual_seed(0)
    network = UnitHifiGan(_build(settings), settings, device)
    draw = np.random.default_rng(2)

    def run(seconds: list[float]) -> float:
        for one in seconds:
            units = draw.integers(network.units, size=round(one * UNIT_RATE))
            network.wave(units, np.ones(len(units), np.int64))
        return sum(seconds)

    return run


CASES = {
    "Parakeet CTC 1.1B": Case(parakeet("CTC", "1.1b"), (1, 16, 64, 128)),
    "Parakeet TDT 0.6B": Case(parakeet("TDT", "0.6b"), (1, 16, 64, 128)),
    "Whisper large-v3's encoder": Case(whisper, (1, 8, 32, 64)),
    "HuBERT base to layer 11": Case(ssl("Hubert", "base", 11), (1, 16, 64, 128)),
    "XLS-R 1B to layer 35": Case(ssl("Wav2Vec2", "1b", 35), (1, 16, 64)),
    "UTMOS": Case(utmos, (1,), bf16=False, limit=40),
    "VITS": Case(vits, (1, 16, 64), bf16=False),
    "unit vocoder": Case(vocoder, (1,), bf16=False, limit=40),
}


def planned(batch: int) -> list[list[float]]:
    """Four times `batch` clips, as the engines put them together that wait for them: `batch` at a time at most."""
    seconds = lengths(4 * batch)
    return [seconds[places].tolist() for places in buckets([round(one * RATE) for one in seconds], batch)]


def padding(plan: list[list[float]]) -> float:
    """Share of what a pass works on that pads."""
    return 1 - sum(map(sum, plan)) / sum(len(one) * max(one) for one in plan)
