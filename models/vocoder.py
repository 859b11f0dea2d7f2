"""What every unit vocoder offers, and which of them a folder holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from voxsmith.models.mel_form import SETTINGS

if TYPE_CHECKING:
    import torch


class UnitVocoder(Protocol):
    """Units to speech. `rate`: hertz of its speech; `hop`: samples a frame; `units`: how many there are.

    `reach`: frames to either side that a sample depends on; `neighbours`: units to either side that a predicted duration does.
    `kind`: what is known of the units that it learned from, by name (engine, layer, codebook, …); empty where nothing is.
    """

    rate: int
    hop: int
    units: int
    reach: int
    neighbours: int
    kind: dict[str, Any]

    def lasting(self, units: np.ndarray) -> np.ndarray:
        """int64 [n]: frames that each unit (int64 [n]) lasts, as predicted, one at least. Raises ValueError: a unit that it doesn't
        know.
        """

    def wave(self, units: np.ndarray, durations: np.ndarray | None = None, before: int = 0) -> np.ndarray:
        """float32 [frames * hop]: speech for units (int64 [n], n > 0) that last `durations` frames each (int64 [n]), or as long as
        predicted. `before`: frames of the whole before these, where they are a piece of it. Raises ValueError: a unit that it
        doesn't know, more than 60,000 frames, samples that are NaN.
        """


def open_any(path: Path, device: "torch.device") -> UnitVocoder:
    """A vocoder that `trainer fit` made (a run's folder, or a checkpoint of it), or else a unit HiFi-GAN in fairseq's files. Raises
    ModelMissing, naming the file.
    """
    checkpoints = sorted(path.glob(f"checkpoints/step-*/{SETTINGS}"))
    if checkpoints or (path / SETTINGS).is_file():
        from voxsmith.models.mel_vocoder import open_mel_vocoder

        return open_mel_vocoder(checkpoints[-1].parent if checkpoints else path, device)
    from voxsmith.models.unit_vocoder import open_vocoder

    return open_vocoder(path, device)
