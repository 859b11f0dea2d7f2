"""HiFi-GAN V1: mel spectrograms to speech, with the weights of its published generators (Kong et al. 2020, arXiv:2010.05646).

The network is transformers' SpeechT5HifiGan, which has this architecture. Nothing of a checkpoint runs: weights are all that is
read.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch

from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite, refuse_packed
from voxsmith.models.weight_norm import without_weight_norm

_FILES = ("generator.pth.tar", "generator_*", "g_*")
_NAME = re.compile(r"(ups\.\d+|conv_pre|conv_post|resblocks\.\d+\.convs[12]\.\d+)\.(weight|bias)")
_KEYS = ("upsample_rates", "upsample_kernel_sizes", "upsample_initial_channel")
_BLOCKS = ("resblock_kernel_sizes", "resblock_dilation_sizes")


def open_hifigan(path: Path) -> Any:
    """The generator of a folder with config.json, float32, on the CPU: [B, frames, bins] log-mel to [B, frames * hop] samples.
    Raises ModelMissing, naming the file: it isn't there, is broken, or is of another architecture.
    """
    config = path / "config.json"
    files = [file for pattern in _FILES for file in sorted(path.glob(pattern))]
    if not files or not config.is_file():
        raise ModelMissing(f"{path}: no HiFi-GAN: there is no {'config.json' if files else _FILES[0]} in it")
    with reading(config, "no HiFi-GAN's"):
        generator = _build(json.loads(config.read_text(encoding="utf-8")))
    with reading(files[0], "broken, or no HiFi-GAN"):
        refuse_packed(files[0])
        weights = torch.load(files[0], map_location="cpu", weights_only=True)["generator"]
        named = {_renamed(name): value for name, value in without_weight_norm(weights).items()}
    bins = named["conv_pre.weight"].shape[1] if "conv_pre.weight" in named else 0
    # What SpeechT5 takes from bins, and divides them by: HiFi-GAN does neither.
    named |= {"mean": torch.zeros(bins), "scale": torch.ones(bins)}
    try:
        generator.load_state_dict(named, assign=True)
    except RuntimeError as error:
        first = " ".join(line.strip() for line in str(error).splitlines()[1:2])
        raise ModelMissing(f"{files[0]}: doesn't fit config.json: {first}") from None
    check_finite(files[0], generator)
    return generator.eval().requires_grad_(False)


def _build(settings: dict[str, Any]) -> Any:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    if str(settings["resblock"]) != "1":
        raise ValueError(f"resblock is {settings['resblock']}, and only V1's, which is 1, is known here")
    config = SpeechT5HifiGanConfig(
        model_in_dim=settings["num_mels"],
        sampling_rate=settings["sampling_rate"],
        leaky_relu_slope=0.1,
        normalize_before=False,
        **{key: settings[key] for key in (*_KEYS, *_BLOCKS)},
    )
    with torch.device("meta"):  # no weight is drawn, for all are loaded
        return SpeechT5HifiGan(config)


def _renamed(name: str) -> str:
    if not (match := _NAME.fullmatch(name)):
        raise ValueError(f"'{name}' is no weight of a HiFi-GAN")
    return f"{match[1].replace('ups.', 'upsampler.')}.{match[2]}"
