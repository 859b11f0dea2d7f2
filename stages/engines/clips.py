"""Clips as engines that listen want them: mono, 16 kHz."""

import numpy as np

from stages import audio
from stages.engines.base import Refused

RATE = 16000


def refuse_unless_finite(finite: bool) -> None:
    """Raises Refused `bad_features`: the nearest centroid to a NaN is none, whatever argmin says."""
    if not finite:
        raise Refused("bad_features", "the model's features of this clip aren't finite numbers; try dtype float32")


def hear(clip: bytes) -> np.ndarray:
    """The clip's samples at 16 kHz, float32 [n], n > 0. Raises Refused `bad_audio` where it can't be heard."""
    try:
        samples = audio.resample(*audio.decode(clip), RATE)
    except audio.BadAudio as error:
        raise Refused("bad_audio", str(error)) from error
    return samples if len(samples) else np.zeros(1, np.float32)
