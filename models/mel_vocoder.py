"""A unit vocoder that `trainer fit` made: units to a mel spectrogram by a network of its own, and on by HiFi-GAN or Griffin-Lim."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from voxsmith.models import griffin_lim, references
from voxsmith.models.hifigan import open_hifigan
from voxsmith.models.hifigan_reach import reach
from voxsmith.models.loading import reading
from voxsmith.models.mel_form import BINS, GRIFFIN_LIM, HOP, RATE, SETTINGS, samples_a_frame
from voxsmith.models.mel_network import MelNetwork, spread
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite
from voxsmith.models.windows import windows

LONGEST = 60_000  # frames
_WINDOW = 4096  # mel frames that are made at once


class MelVocoder:
    """A loaded vocoder, as voxsmith.models.vocoder.UnitVocoder says."""

    def __init__(self, network: MelNetwork, generator: Any, settings: dict[str, Any], device: torch.device) -> None:
        """`generator`: HiFi-GAN, None for Griffin-Lim; `settings`: what vocoder.json says."""
        self.network = network.eval().requires_grad_(False).to(device)
        self.generator = generator.to(device) if generator is not None else None
        self.device, self.rate, self.units = device, RATE, int(settings["units"])
        self.hop = samples_a_frame(settings["frame_rate"])
        self.kind: dict[str, Any] = settings.get("kind") or {}
        self._margin = network.reach + (griffin_lim.REACH if generator is None else reach(generator))
        # In unit frames, and one more: mel frames don't begin where unit frames do.
        self.reach = math.ceil((self._margin + 1) * HOP / self.hop) + 1
        self.neighbours = network.durations.reach

    def lasting(self, units: np.ndarray) -> np.ndarray:
        """int64 [n]: frames that each unit (int64 [n]) lasts, as predicted. Raises ValueError: a unit that it doesn't know."""
        self._check(units)
        with torch.inference_mode():
            ids = torch.from_numpy(units).to(self.device)[None]
            predicted = self.network.log_durations(ids, torch.ones_like(ids, dtype=torch.bool))[0]
            made: np.ndarray = predicted.expm1().round().long().clamp(min=1).cpu().numpy()
        return made

    def mel(self, units: np.ndarray, durations: np.ndarray, before: int = 0) -> tuple[Tensor, int]:
        """float32 [frames, 80], and the number of its first frame in the whole."""
        ids, lasting = torch.from_numpy(units).to(self.device), torch.from_numpy(durations).to(self.device)
        start, stop = before * self.hop, (before + int(durations.sum())) * self.hop
        first, last = start // HOP, -(-stop // HOP)
        number, since, until = spread(lasting, HOP / self.hop, (first * HOP - start) / self.hop, last - first)
        with torch.inference_mode():
            made = [
                self.network(
                    *(part[None, window.begin : window.end] for part in (ids[number], since, until)),
                    torch.ones(1, window.end - window.begin, dtype=torch.bool, device=self.device),
                )[0, window.first - window.begin : window.last - window.begin]
                for window in windows(last - first, _WINDOW, self.network.reach)
            ]
        return torch.cat(made), first

    def wave(self, units: np.ndarray, durations: np.ndarray | None = None, before: int = 0) -> np.ndarray:
        """float32 [frames * hop]: speech for units (int64 [n], n > 0) that last `durations` frames each (int64 [n]), or as long as
        predicted. `before`: frames of the whole before these, where they are a piece of it. Raises ValueError: a unit that it
        doesn't know, more than 60,000 frames, samples that are NaN.
        """
        self._check(units)
        durations = self.lasting(units) if durations is None else durations
        if (frames := int(durations.sum())) > LONGEST:
            raise ValueError(f"{frames} frames; a clip has {LONGEST} at most")
        mel, first = self.mel(units, durations, before)
        skipped = before * self.hop - first * HOP
        samples: np.ndarray = self.spoken(mel, first)[skipped : skipped + frames * self.hop].cpu().numpy()
        if not np.isfinite(samples).all():
            raise ValueError("the vocoder made samples that aren't finite numbers")
        return samples

    def spoken(self, mel: Tensor, first: int = 0) -> Tensor:
        """float32 [frames * 256] for a mel spectrogram [frames, 80]. `first`: the number of its first frame in the whole."""
        kept = []
        with torch.inference_mode():
            for window in windows(len(mel), _WINDOW, self._margin):
                some = mel[window.begin : window.end]
                if self.generator is None:
                    wave = griffin_lim.griffin_lim(some.T, first + window.begin)
                else:
                    wave = self.generator(some[None])[0]
                kept.append(wave[(window.first - window.begin) * HOP : (window.last - window.begin) * HOP])
        return torch.cat(kept)

    def _check(self, units: np.ndarray) -> None:
        if units.max() >= self.units:
            raise ValueError(f"unit {units.max()}: the vocoder knows 0 to {self.units - 1}: another codebook's")


def build(settings: dict[str, Any]) -> MelNetwork:
    """With drawn weights."""
    return MelNetwork(
        settings["units"], BINS, settings["width"], settings["blocks"], settings["kernel"], settings["dropout"]
    )


def open_generator(reference: str) -> Any:
    """HiFi-GAN; None for `griffin_lim`. Raises ModelMissing."""
    if reference == GRIFFIN_LIM:
        return None
    generator = open_hifigan(references.resolve(reference))
    samples = math.prod(generator.config.upsample_rates)
    if (generator.config.sampling_rate, generator.config.model_in_dim, samples) != (RATE, BINS, HOP):
        raise ModelMissing(f"{reference}: it isn't of {RATE} hertz, {BINS} bins and {HOP} samples a frame")
    return generator


def open_mel_vocoder(path: Path, device: torch.device) -> MelVocoder:
    """The vocoder of a checkpoint. Raises ModelMissing, naming the file."""
    from safetensors.torch import load_file

    with reading(path / SETTINGS, "no vocoder that was trained here"):
        settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
        network = build(settings)
        samples_a_frame(settings["frame_rate"])
    file = path / "model.safetensors"
    with reading(file, f"it isn't of {SETTINGS} beside it"):
        network.load_state_dict(load_file(file))
    check_finite(file, network)
    return MelVocoder(network, open_generator(settings["generator"]), settings, device)
