"""GLM-4-Voice's speech tokens, as VITA-Audio reads and speaks them: 12.5 a second, of 16,384.

The tokenizer is the lower half of Whisper's large encoder with convolutions that look back alone, a mean over four frames
and a codebook (Zeng et al. 2024, arXiv:2412.02612): a Hugging Face folder whose code isn't part of transformers. Its
weights are put together here with transformers' Whisper layers. A clip is cut every 30 s without overlap, as the
reference cuts it: elsewhere the tokens would be others.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from voxsmith.models import references as catalogue
from voxsmith.models.loading import reading
from voxsmith.models.optional import versions
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_device import torch_device
from voxsmith.models.torch_weights import check_finite
from voxsmith.models.windows import buckets
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Unavailable
from voxsmith.stages.engines.clips import RATE, hear, refuse_unless_finite
from voxsmith.stages.engines.usage import seconds_of
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.units import Quantise, Units

if TYPE_CHECKING:
    import torch

NAME = "units_glm4voice"
_PACKAGES = ("torch", "transformers")
SEGMENT = 30 * RATE  # samples
MEL_HOP = 160  # samples a mel frame; the second convolution takes every other frame
# What the tokenizer's config.json says beside Whisper's own settings; others than these are not known here.
_WANTED: dict[str, tuple[Any, ...]] = {
    "encoder_causal_attention": (False, None),
    "quantize_causal_encoder": (False, None),
    "pooling_type": ("avg",),
}
_LEFT = re.compile(r"(embed_positions2\.weight|ema_count|ema_weight|layer_norm\..*|decoder\..*|proj_out\..*)")


class Config(EngineConfig):
    """Settings of `units_glm4voice`."""

    model: str = Field(description="the folder of glm-4-voice-tokenizer, or hub:org/name")
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="of the model; a GPU's is bfloat16")


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": NAME,
        "version": versions(config.resources.python, *_PACKAGES),
        "model": catalogue.identity(config.model),
        "dtype": config.dtype,
    }


class Glm4Voice(Batching):
    def __init__(self, config: Config) -> None:
        import torch
        import transformers

        self.device = torch_device(NAME, config.resources)
        self.dtype = getattr(torch, config.dtype)
        path = catalogue.resolve(config.model)
        self.settings = _settings(path)
        self.parts = _load(path, self.settings).eval().requires_grad_(False).to(self.device, self.dtype)
        self.mel = transformers.WhisperFeatureExtractor(feature_size=self.settings.num_mel_bins)
        self.hop = 2 * MEL_HOP * self.settings.pooling_kernel_size  # samples a unit
        # On a CPU a batch gains nothing, and a clip alone has no neighbours to depend on.
        super().__init__(config.resources.batch if self.device.type == "cuda" else 1)

    def cost(self, request: Request) -> float:
        return seconds_of(getattr(request, "clip", b""))

    def answer(self, requests: list[Request]) -> list[Units]:
        """Raises Refused: `bad_audio`, `bad_features`; Unavailable for a codebook that isn't its own, or where memory runs out."""
        clips = []
        for request in requests:
            if not isinstance(request, Quantise) or request.codebook:
                advice = "has its own codebook and no features: no fit_units, and units: codebook: engine"
                raise Unavailable(f"{NAME} {advice}")
            clips.append(hear(request.clip))
        segments = [
            (number, samples[at : at + SEGMENT])
            for number, samples in enumerate(clips)
            for at in range(0, len(samples), SEGMENT)
        ]
        of_segment: list[Any] = [None] * len(segments)
        for places in buckets([len(samples) for _, samples in segments], self.batch):
            clips_of_batch = [segments[place][1] for place in places]
            for place, units in zip(places, self.in_halves(self.encode, clips_of_batch, _alone), strict=True):
                of_segment[place] = units
        of_clip: list[list[np.ndarray]] = [[] for _ in clips]
        for (number, _), units in zip(segments, of_segment, strict=True):
            of_clip[number].append(units)
        return [Units(np.concatenate(parts)) for parts in of_clip]

    def encode(self, segments: list[np.ndarray]) -> list[np.ndarray]:
        """uint16 [ceil(n / hop)] for each segment of n samples, 30 s at most."""
        import torch

        asked = self.mel(segments, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True, padding="longest",
                         pad_to_multiple_of=self.hop)  # fmt: skip
        settings, parts = self.settings, self.parts
        seen = asked.attention_mask[:, ::2].bool().to(self.device)  # frames that have a sample of the segment
        with torch.inference_mode():
            hidden = asked.input_features.to(self.device, self.dtype)
            for name, stride in (("conv1", 1), ("conv2", 2)):
                around = (2, 0) if settings.encoder_causal_convolution else (1, 1)
                padded = torch.nn.functional.pad(hidden, around)
                weights = parts[name]
                hidden = torch.nn.functional.gelu(
                    torch.nn.functional.conv1d(padded, weights.weight, weights.bias, stride)
                )
            hidden = hidden.transpose(1, 2)
            hidden = hidden + parts["embed_positions"].weight[: hidden.shape[1]]
            block = settings.quantize_causal_block_size
            mask = _mask(seen, block, self.dtype)
            for number, layer in enumerate(parts["layers"], start=1):
                hidden = layer(hidden, mask)
                hidden = hidden[0] if isinstance(hidden, tuple) else hidden
                if number == settings.pooling_position:
                    size = settings.pooling_kernel_size
                    hidden = torch.nn.functional.avg_pool1d(hidden.transpose(1, 2), size).transpose(1, 2)
                    seen = seen[:, ::size]
                    mask = _mask(seen, block and block // size, self.dtype)
            refuse_unless_finite(bool(hidden[seen].isfinite().all()))
            centroids = parts["codebook"].weight.float()
            squares = centroids.square().sum(dim=1)
            units = torch.addmm(squares, hidden.flatten(0, 1).float(), centroids.T, alpha=-2).argmin(dim=1)
            units = units.reshape(hidden.shape[:2])
        return [np.asarray(row[own].cpu().numpy(), np.uint16) for row, own in zip(units, seen, strict=True)]


def _alone(samples: np.ndarray) -> str:
    return f"{len(samples) / RATE:.0f} s of audio alone; try dtype bfloat16"


def _mask(seen: "torch.Tensor", block: int | None, dtype: "torch.dtype") -> "torch.Tensor":
    """[clips, 1, frames, frames]: 0 where a frame may look (back, and within its block), the least number elsewhere."""
    import torch

    frames = torch.arange(seen.shape[1], device=seen.device)
    allowed = seen[:, None, :].expand(-1, seen.shape[1], -1)
    if block:
        before, same_block = frames[None, :] <= frames[:, None], frames[None, :] // block == frames[:, None] // block
        allowed = allowed & (before | same_block)
    mask = torch.zeros(allowed.shape, dtype=dtype, device=seen.device)
    return mask.masked_fill(~allowed, torch.finfo(dtype).min)[:, None]


def _settings(path: Path) -> Any:
    """transformers' Whisper settings with the tokenizer's own. Raises ModelMissing."""
    import transformers

    with reading(path, "no folder of a GLM-4-Voice tokenizer"):
        content = json.loads((path / "config.json").read_text(encoding="utf-8"))
        settings = transformers.WhisperConfig(**content, attn_implementation="sdpa")
    needed = ("quantize_position", "quantize_vocab_size", "pooling_position", "pooling_kernel_size",
              "encoder_causal_convolution", "quantize_causal_block_size")  # fmt: skip
    if lacking := [name for name in needed if name not in content]:
        raise ModelMissing(f"{path}: no GLM-4-Voice tokenizer: config.json has no {lacking[0]}")
    for name, values in _WANTED.items():
        if content.get(name, values[0]) not in values:
            raise ModelMissing(f"{path}: config.json says {name}={content[name]}, which isn't known here")
    return settings


def _load(path: Path, settings: Any) -> "torch.nn.ModuleDict":
    """The layers up to the codebook, no weight missing. Raises ModelMissing."""
    import torch
    from safetensors.torch import load_file
    from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

    width, last = settings.d_model, settings.quantize_position
    parts = torch.nn.ModuleDict(
        {
            "conv1": torch.nn.Conv1d(settings.num_mel_bins, width, 3),
            "conv2": torch.nn.Conv1d(width, width, 3, stride=2),
            "embed_positions": torch.nn.Embedding(settings.max_source_positions, width),
            "layers": torch.nn.ModuleList(WhisperEncoderLayer(settings) for _ in range(last)),
            "codebook": torch.nn.Embedding(settings.quantize_vocab_size, width),
        }
    )
    files = sorted(path.glob("model*.safetensors"))
    if not files:
        raise ModelMissing(f"{path}: no GLM-4-Voice tokenizer: there is no model.safetensors in it")
    weights = {}
    with reading(path, "the weights can't be loaded"):
        for file in files:
            for name, value in load_file(file).items():
                name = re.sub(r"^(model\.)?(encoder\.)?", "", name)
                beyond = re.match(r"layers\.(\d+)\.", name)
                if not _LEFT.fullmatch(name) and not (beyond and int(beyond[1]) >= last):
                    weights[name] = value.float()
        parts.load_state_dict(weights)
    check_finite(path, parts)
    return parts


# Not batch-invariant: a sum over a matrix of another shape is another sum, in its last bits.
BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Glm4Voice,
    identity=identity,
    packages=_PACKAGES,
    extra="torch",
    own_codebook=True,
    only_own_codebook=True,
)
