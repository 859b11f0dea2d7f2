"""Clips as engines that listen want them: mono, 16 kHz."""

import numpy as np

from voxsmith.models import audio
from voxsmith.models.audio_size import check_size
from voxsmith.models.bad_audio import described
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.requests.mos import Score

RATE = 16000


def refuse_unless_finite(finite: bool) -> None:
    """Raises Refused `bad_features`: the nearest centroid to a NaN is none, whatever argmin says, and no voice is like it."""
    if not finite:
        raise Refused("bad_features", "the model's features of this clip aren't finite numbers; try dtype float32")


def rated(mos: float) -> Score:
    """The score, between 1 and 5. Raises Refused `bad_score`: a NaN is below no limit, and so would pass any."""
    if not np.isfinite(mos):
        raise Refused("bad_score", f"the model's score of this clip is {mos}, which isn't a finite number")
    return Score(float(np.clip(mos, 1.0, 5.0)))


def hear(clip: bytes) -> np.ndarray:
    """The clip's samples at 16 kHz, float32 [n], n > 0. Raises Refused `bad_audio` where it can't be heard."""
    try:
        check_size(clip)
        samples = audio.resample(*audio.decode(clip), RATE)
    except audio.BadAudio as error:
        raise Refused("bad_audio", described(error)) from error
    return samples if len(samples) else np.zeros(1, np.float32)
