"""Vocoder: units to speech, by a unit HiFi-GAN in fairseq's files (`g_00500000` and `config.json`), to hear what units kept.

The network is Polyak et al. 2021 (arXiv:2104.00355) with the duration predictor of Lee et al. 2022 (arXiv:2107.05604), as
it stands in transformers' SeamlessM4T, without speakers and languages. `report --vocoder` asks it.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from models import audio
from models import references as catalogue
from models.loading import reading
from models.references import ModelMissing
from models.torch_device import torch_device
from models.torch_weights import check_finite
from models.windows import windows
from stages.engines.backend import Backend
from stages.engines.base import Batching, EngineConfig, Refused
from stages.requests.base import Request
from stages.requests.tts import Clip
from stages.requests.units import Vocode

if TYPE_CHECKING:
    import torch

NAME = "unit_vocoder"
WINDOW, MARGIN = 1500, 50  # frames; a sample hangs on some 20 frames to either side
LONGEST = 60_000  # frames: 20 minutes
# From a name in fairseq to one here; `weight_g` and `weight_v` are joined before.
_NAMES = (
    (re.compile(r"dict\.weight"), "embedding.weight"),
    (re.compile(r"dur_predictor\.(conv\d)\.0\.(weight|bias)"), r"durations.\1.\2"),
    (re.compile(r"dur_predictor\.(ln\d|proj)\.(weight|bias)"), r"durations.\1.\2"),
    (re.compile(r"ups\.(\d+)\.(weight|bias)"), r"generator.upsampler.\1.\2"),
    (re.compile(r"(conv_pre|conv_post|resblocks\.\d+\.convs[12]\.\d+)\.(weight|bias)"), r"generator.\1.\2"),
)


class Config(EngineConfig):
    """Settings of `unit_vocoder`."""

    model: str = Field(description="a folder with g_00500000 and config.json, that file, or hub:org/name[/file]")


class UnitVocoder(Batching):
    """`rate`: hertz of its speech; `hop`: samples a frame; `units`: how many there are."""

    def __init__(self, config: Config) -> None:
        self.device = torch_device(NAME, config.resources)
        self.parts, settings = _load(*_files(catalogue.resolve(config.model)))
        self.parts.eval().requires_grad_(False).to(self.device)
        self.rate, self.hop = int(settings["sampling_rate"]), int(np.prod(settings["upsample_rates"]))
        self.units = int(settings["num_embeddings"])
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Clip]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Clip:
        """Raises Refused `bad_units`."""
        if not isinstance(request, Vocode):
            raise TypeError(f"{NAME} is asked a {type(request).__name__}")
        units = np.frombuffer(request.units, "<u2").astype(np.int64)
        durations = np.frombuffer(request.durations, "<u2").astype(np.int64) if request.durations else None
        if not len(units) or (durations is not None and (len(durations) != len(units) or not durations.sum())):
            raise Refused("bad_units", "there must be units, and with durations one for each of them")
        if units.max() >= self.units:
            raise Refused(
                "bad_units", f"unit {units.max()}: the vocoder knows 0 to {self.units - 1}: another codebook's"
            )
        return Clip(audio.encode(self.wave(units, durations), self.rate))

    def wave(self, units: np.ndarray, durations: np.ndarray | None = None) -> np.ndarray:
        """float32 [frames * hop]: speech for units (int64 [n]) that last `durations` frames each, or as long as predicted."""
        import torch

        with torch.inference_mode():
            embedded = self.parts["embedding"](torch.from_numpy(units).to(self.device))
            if durations is None:
                lasting = torch.round(torch.exp(self.parts["durations"](embedded[None])[0]) - 1).long().clamp(min=1)
            else:
                lasting = torch.from_numpy(durations).to(self.device)
            if (frames := int(lasting.sum())) > LONGEST:
                raise Refused("bad_units", f"{frames} frames; a clip has {LONGEST} at most")
            spread = torch.repeat_interleave(embedded, lasting, dim=0)
            pieces = []
            for window in windows(frames, WINDOW, MARGIN):
                wave = self.parts["generator"](spread[window.begin : window.end].T[None])[0]
                first, last = window.first - window.begin, window.last - window.begin
                pieces.append(wave[first * self.hop : last * self.hop])
            found: np.ndarray = torch.cat(pieces).cpu().numpy()
        if not np.isfinite(found).all():
            raise Refused("bad_units", "the vocoder made samples that aren't finite numbers")
        return found


def _files(path: Path) -> tuple[Path, Path]:
    """The generator's file and the settings beside it. Raises ModelMissing."""
    if path.is_file():
        checkpoint, folder = path, path.parent
    else:
        found = sorted(path.glob("g_*")) or sorted(path.glob("*.pt"))
        if not found:
            raise ModelMissing(f"{path}: no unit vocoder: there is no g_00500000 in it")
        checkpoint, folder = found[-1], path
    if not (folder / "config.json").is_file():
        raise ModelMissing(f"{folder}: no unit vocoder: config.json isn't there")
    return checkpoint, folder / "config.json"


def _load(checkpoint: Path, config: Path) -> tuple["torch.nn.ModuleDict", dict[str, Any]]:
    """Embedding, duration predictor and generator, every weight in its place. Raises ModelMissing."""
    import torch

    with reading(config, "no unit vocoder's"):
        settings = json.loads(config.read_text(encoding="utf-8"))
        parts = _build(settings)
    with reading(checkpoint, "broken, or no unit vocoder"):
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)["generator"]
        named = _renamed(weights)
    try:
        parts.load_state_dict(named)
    except RuntimeError as error:
        told = " ".join(line.strip() for line in str(error).splitlines()[1:2])
        raise ModelMissing(f"{checkpoint}: doesn't fit {config.name}: {told}") from None
    check_finite(checkpoint, parts)
    return parts, settings


def _build(settings: dict[str, Any]) -> "torch.nn.ModuleDict":
    import torch
    from transformers import SeamlessM4TConfig
    from transformers.models.seamless_m4t.modeling_seamless_m4t import SeamlessM4THifiGan, SeamlessM4TVariancePredictor

    for key in ("multispkr", "f0", "embedder_params"):
        if settings.get(key):
            raise ValueError(f"it has {key}, and only vocoders of one speaker are known here")
    predictor = settings["dur_predictor_params"]
    width = settings["embedding_dim"]
    if not predictor["encoder_embed_dim"] == predictor["var_pred_hidden_dim"] == settings["model_in_dim"] == width:
        raise ValueError("its duration predictor is not as wide as its embedding")
    config = SeamlessM4TConfig(
        unit_embed_dim=width,
        lang_embed_dim=0,
        spkr_embed_dim=0,
        variance_predictor_kernel_size=predictor["var_pred_kernel_size"],
        leaky_relu_slope=0.1,
        **{key: settings[key] for key in ("upsample_rates", "upsample_kernel_sizes", "upsample_initial_channel")},
        **{key: settings[key] for key in ("resblock_kernel_sizes", "resblock_dilation_sizes")},
    )
    return torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(settings["num_embeddings"], width),
            "durations": SeamlessM4TVariancePredictor(config),
            "generator": SeamlessM4THifiGan(config),
        }
    )


def _renamed(weights: dict[str, Any]) -> dict[str, Any]:
    """Names as here, with each norm's length and direction joined. Raises ValueError on a name that isn't known."""
    import torch

    joined = {}
    for name, value in weights.items():
        if name.endswith(".weight_v"):
            base = name.removesuffix("_v")
            joined[base] = torch._weight_norm(value.float(), weights[f"{base}_g"].float(), 0)
        elif not name.endswith(".weight_g"):
            joined[name] = value.float()
    found = {}
    for name, value in joined.items():
        wanted = next((match.expand(to) for pattern, to in _NAMES if (match := pattern.fullmatch(name))), None)
        if wanted is None:
            raise ValueError(f"'{name}' is no weight of a unit vocoder")
        found[wanted] = value
    return found


BACKEND = Backend(
    name=NAME,
    kind="vocoder",
    config=Config,
    load=UnitVocoder,
    batch_invariant=True,
    packages=("torch", "transformers"),
    extra="units",
)
