"""Units and features out of a self-supervised speech encoder: what `units_hubert` and `units_seamless` share."""

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from voxsmith.models import references as catalogue
from voxsmith.models.kmeans import read_centroids
from voxsmith.models.optional import versions
from voxsmith.models.references import ModelMissing
from voxsmith.models.ssl_encoder import RATE, open_encoder
from voxsmith.models.torch_device import torch_device
from voxsmith.models.windows import Window, buckets, windows
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.engines.clips import hear, refuse_unless_finite
from voxsmith.stages.engines.units.encoder import read_codebook
from voxsmith.stages.engines.usage import seconds_of
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.units import Encode, Features, Quantise, Units

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "transformers")
_ROWS = 4096  # frames whose distances to all centroids are in memory at a time


class SslConfig(EngineConfig):
    """Settings that both backends have."""

    model: str = Field(description="a Hugging Face folder, a .pt file, or hub:org/name[/file]")
    layer: int = Field(ge=1, description="whose output the units are of, counted from 1")
    codebook: str = Field("", description="a file of centroids (.npy, or scikit-learn's .bin), or hub:org/name/file")
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="of the model; a GPU's is bfloat16")
    window: float = Field(30.0, gt=0, description="seconds of a clip in one pass; longer ones go in windows")
    margin: float = Field(2.0, gt=0, description="seconds that neighbouring windows share beyond their border, each")

    @model_validator(mode="after")
    def _wide_enough(self) -> "SslConfig":
        if self.window < 3 * self.margin:
            raise ValueError(f"window ({self.window:g} s) must be 3 times margin ({self.margin:g} s) at least")
        return self


def identity(backend: str, config: SslConfig) -> dict[str, Any]:
    """What replies depend on. Raises ModelMissing."""
    return {
        "backend": backend,
        "version": versions(config.resources.python, *PACKAGES),
        "model": catalogue.identity(config.model),
        "layer": config.layer,
        "codebook": catalogue.identity(config.codebook) if config.codebook else None,
        "dtype": config.dtype,
        "window": config.window,
        "margin": config.margin,
    }


def models(config: SslConfig) -> tuple[str, ...]:
    return (config.model, config.codebook) if config.codebook else (config.model,)


class SslUnits(Batching):
    """Frames of clips, or the nearest centroid to each, in batches of like length."""

    def __init__(self, backend: str, config: SslConfig, heads: int | None = None) -> None:
        """Raises ModelMissing."""
        import torch

        device = torch_device(backend, config.resources).type
        self.backend = backend
        self.encoder = open_encoder(catalogue.resolve(config.model), config.layer, device, config.dtype, heads)
        rate = RATE / self.encoder.hop  # frames a second
        self.window, self.margin = round(config.window * rate), round(config.margin * rate)
        self.codebooks: dict[bytes, tuple[torch.Tensor, torch.Tensor]] = {}
        if config.codebook:
            path = catalogue.resolve(config.codebook)
            centroids = read_centroids(path)
            if centroids.shape[1] != self.encoder.width:
                widths = f"its centroids have width {centroids.shape[1]}, frames of {config.model} {self.encoder.width}"
                raise ModelMissing(f"{path}: {widths}")
            self.codebooks[b""] = self._on_device(centroids)
        # On a CPU a batch gains nothing (docs/engines_units.md), and a clip alone has no neighbours to depend on.
        super().__init__(config.resources.batch if device == "cuda" else 1)

    def cost(self, request: Request) -> float:
        return seconds_of(getattr(request, "clip", b""))

    def answer(self, requests: list[Request]) -> list[Features | Units]:
        """Raises Refused: `bad_audio`, `bad_codebook`, `bad_features`; Unavailable where memory is too small for one clip."""
        codebooks = [self._codebook(request) for request in requests]
        features = self.encode([hear(request.clip) for request in requests])  # type: ignore[attr-defined]
        for frames in features:
            refuse_unless_finite(bool(frames.isfinite().all()))
        return [
            Features(frames.cpu().numpy()) if codebook is None else Units(self.nearest(frames, *codebook))
            for frames, codebook in zip(features, codebooks, strict=True)
        ]

    def encode(self, clips: list[np.ndarray]) -> "list[torch.Tensor]":
        """Frames of each clip (samples at 16 kHz), float32 [frames, width] on the device."""
        import torch

        prepared = [self.encoder.prepare(clip) for clip in clips]
        parts = [
            (clip, window)
            for clip, samples in enumerate(prepared)
            for window in windows(self.encoder.frames(len(samples)), self.window, self.margin)
        ]
        kept: list[Any] = [None] * len(parts)
        for places in buckets([window.end - window.begin for _, window in parts], self.batch):
            cuts = [self._cut(prepared[parts[place][0]], parts[place][1]) for place in places]
            for place, frames in zip(places, self.in_halves(self.encoder.encode, cuts, _alone), strict=True):
                window = parts[place][1]
                kept[place] = frames[window.first - window.begin : window.last - window.begin]
        frames_of_clip: list[list[torch.Tensor]] = [[] for _ in clips]
        for (clip, _), frames in zip(parts, kept, strict=True):
            frames_of_clip[clip].append(frames)
        return [one[0] if len(one) == 1 else torch.cat(one) for one in frames_of_clip]

    def nearest(self, frames: "torch.Tensor", centroids: "torch.Tensor", squares: "torch.Tensor") -> np.ndarray:
        """uint16 [frames]: argmin over centroids c of |x - c|², which is that of |c|² - 2 x·c, as |x|² is one for all."""
        import torch

        with torch.inference_mode():
            chosen = [
                torch.addmm(squares, part, centroids.T, alpha=-2).argmin(dim=1) for part in torch.split(frames, _ROWS)
            ]
            return np.asarray(torch.cat(chosen).cpu().numpy(), np.uint16)

    def _cut(self, samples: np.ndarray, window: Window) -> np.ndarray:
        """The samples that the window's frames see; the last window of a clip has what is left, too: the first norm sees it."""
        hop, field = self.encoder.hop, self.encoder.field
        last = window.end == self.encoder.frames(len(samples))
        return samples[window.begin * hop : None if last else (window.end - 1) * hop + field]

    def _codebook(self, request: Request) -> "tuple[torch.Tensor, torch.Tensor] | None":
        match request:
            case Encode():
                return None
            case Quantise(codebook=b""):
                if b"" not in self.codebooks:
                    raise Unavailable(f"{self.backend} has no codebook of its own: give the engine `codebook: FILE`")
                return self.codebooks[b""]
            case Quantise(codebook=data):
                digest = hashlib.sha256(data).digest()
                if digest not in self.codebooks:
                    centroids, _ = read_codebook(data)
                    if centroids.shape[1] != self.encoder.width:
                        widths = f"centroids have width {centroids.shape[1]}, the encoder {self.encoder.width}"
                        raise Refused("bad_codebook", widths)
                    self.codebooks[digest] = self._on_device(centroids)
                return self.codebooks[digest]
        raise TypeError(f"{self.backend} is asked a {type(request).__name__}")

    def _on_device(self, centroids: np.ndarray) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        tensor = torch.tensor(centroids).to(self.encoder.device)
        return tensor, tensor.square().sum(dim=1)


def _alone(samples: np.ndarray) -> str:
    return f"{len(samples) / RATE:.0f} s of audio alone; a smaller `window`, or dtype bfloat16"
