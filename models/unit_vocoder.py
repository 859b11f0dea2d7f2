"""A unit vocoder: the network that turns units into speech, and its weights from fairseq's files (`g_00500000`, `config.json`).

The network is the unit HiFi-GAN of Polyak et al. 2021 (arXiv:2104.00355) with the duration predictor of Lee et al. 2022
(arXiv:2107.05604), as it stands in transformers' SeamlessM4T, without speakers and languages.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voxsmith.models.hifigan_reach import reach
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite, refuse_packed
from voxsmith.models.weight_norm import without_weight_norm
from voxsmith.models.windows import windows

if TYPE_CHECKING:
    import torch

WINDOW, MARGIN = 1500, 50  # frames; a sample depends on some 20 frames to either side
LONGEST = 60_000  # frames: 20 minutes
# From a name in fairseq to one here; `weight_g` and `weight_v` are joined before.
_NAMES = (
    (re.compile(r"dict\.weight"), "embedding.weight"),
    (re.compile(r"dur_predictor\.(conv\d)\.0\.(weight|bias)"), r"durations.\1.\2"),
    (re.compile(r"dur_predictor\.(ln\d|proj)\.(weight|bias)"), r"durations.\1.\2"),
    (re.compile(r"ups\.(\d+)\.(weight|bias)"), r"generator.upsampler.\1.\2"),
    (re.compile(r"(conv_pre|conv_post|resblocks\.\d+\.convs[12]\.\d+)\.(weight|bias)"), r"generator.\1.\2"),
)


class UnitHifiGan:
    """A loaded vocoder, as voxsmith.models.vocoder.UnitVocoder says."""

    def __init__(self, parts: "torch.nn.ModuleDict", settings: dict[str, Any], device: "torch.device") -> None:
        """`parts`: embedding, durations and generator; `settings`: what config.json says."""
        self.parts, self.device = parts.eval().requires_grad_(False).to(device), device
        self.rate, self.hop = int(settings["sampling_rate"]), int(np.prod(settings["upsample_rates"]))
        self.units = int(settings["num_embeddings"])
        self.reach = reach(parts["generator"])
        self.neighbours = sum(parts["durations"].get_submodule(name).kernel_size[0] // 2 for name in ("conv1", "conv2"))
        self.kind: dict[str, Any] = {}  # fairseq's files don't say which units they learned from

    def lasting(self, units: np.ndarray) -> np.ndarray:
        """int64 [n]: frames that each unit (int64 [n]) lasts, as predicted, one at least. Raises ValueError: a unit that it doesn't
        know.
        """
        import torch

        self._check(units)
        with torch.inference_mode():
            embedded = self.parts["embedding"](torch.from_numpy(units).to(self.device))
            made: np.ndarray = self._predicted(embedded).cpu().numpy()
        return made

    def wave(self, units: np.ndarray, durations: np.ndarray | None = None, before: int = 0) -> np.ndarray:
        """float32 [frames * hop]: speech for units (int64 [n], n > 0) that last `durations` frames each (int64 [n]), or as
        long as predicted; `before` makes no difference. Raises ValueError: a unit that it doesn't know, more than 60,000
        frames, samples that are NaN.
        """
        import torch

        self._check(units)
        with torch.inference_mode():
            embedded = self.parts["embedding"](torch.from_numpy(units).to(self.device))
            lasting = self._predicted(embedded) if durations is None else torch.from_numpy(durations).to(self.device)
            if (frames := int(lasting.sum())) > LONGEST:
                raise ValueError(f"{frames} frames; a clip has {LONGEST} at most")
            spread = torch.repeat_interleave(embedded, lasting, dim=0)
            kept = []
            for window in windows(frames, WINDOW, MARGIN):
                wave = self.parts["generator"](spread[window.begin : window.end].T[None])[0]
                first, last = window.first - window.begin, window.last - window.begin
                kept.append(wave[first * self.hop : last * self.hop])
            samples: np.ndarray = torch.cat(kept).cpu().numpy()
        if not np.isfinite(samples).all():
            raise ValueError("the vocoder made samples that aren't finite numbers")
        return samples

    def _predicted(self, embedded: "torch.Tensor") -> "torch.Tensor":
        import torch

        return torch.round(torch.exp(self.parts["durations"](embedded[None])[0]) - 1).long().clamp(min=1)

    def _check(self, units: np.ndarray) -> None:
        if units.max() >= self.units:
            raise ValueError(f"unit {units.max()}: the vocoder knows 0 to {self.units - 1}: another codebook's")


def open_vocoder(path: Path, device: "torch.device") -> UnitHifiGan:
    """The vocoder of a folder, or of a checkpoint with config.json beside it. Raises ModelMissing, naming the file: it
    isn't there, is broken, or is of another architecture.
    """
    checkpoint, config = _files(path)
    return UnitHifiGan(*_load(checkpoint, config), device)


def _files(path: Path) -> tuple[Path, Path]:
    """The generator's file and the settings beside it. Raises ModelMissing."""
    if path.is_file():
        checkpoint, folder = path, path.parent
    else:
        checkpoints = sorted(path.glob("g_*")) or sorted(path.glob("*.pt"))
        if not checkpoints:
            raise ModelMissing(f"{path}: no unit vocoder: there is no g_00500000 in it")
        checkpoint, folder = checkpoints[-1], path
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
        refuse_packed(checkpoint)
        weights = _renamed(torch.load(checkpoint, map_location="cpu", weights_only=True)["generator"])
    try:
        parts.load_state_dict(weights)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:2])
        raise ModelMissing(f"{checkpoint}: doesn't fit {config.name}: {first}") from None
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
    renamed = {}
    for name, value in without_weight_norm(weights).items():
        new = next((match.expand(to) for pattern, to in _NAMES if (match := pattern.fullmatch(name))), None)
        if new is None:
            raise ValueError(f"'{name}' is no weight of a unit vocoder")
        renamed[new] = value
    return renamed
