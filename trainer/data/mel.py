"""Whisper's log-mel spectrogram of a clip, as long as the clip is."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

RATE, HOP, WINDOW = 16000, 160, 400  # hertz, samples, samples
FRAME = 0.01  # seconds
_RANGE, _FLOOR = 8.0, 1e-10  # decades below the loudest that are kept; of power


def log_mel(samples: np.ndarray, bins: int, seconds: float | None = None) -> Tensor:
    """float32 [bins, frames]: (log10 power, cut to 8 decades, + 4) / 4, as in OpenAI's whisper/audio.py.

    `samples`: float32 [n] at 16 kHz; `seconds`: pad with silence, or cut, to this length first (30 for LLaMA-Omni's code).
    There is a frame for each 10 ms; a clip of less than one gets one.
    """
    if seconds is not None:
        wanted = round(seconds * RATE)
        samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    samples = np.pad(samples, (0, max(HOP - len(samples), -len(samples) % HOP)))
    wave = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    mode = "reflect" if len(samples) > WINDOW // 2 else "constant"
    spectrum = torch.stft(wave, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True, pad_mode=mode)
    # Contiguous, as in transformers: sums of a strided matrix are other ones in the last bit, and slower.
    power = _filters(bins) @ (spectrum[:, :-1].abs() ** 2).contiguous()
    decades = power.clamp(min=_FLOOR).log10()
    return (decades.maximum(decades.max() - _RANGE) + 4.0) / 4.0


def mel_frames(samples: int, seconds: float | None = None) -> int:
    """How many frames `log_mel` gives of so many samples."""
    return max(1, -(-(samples if seconds is None else round(seconds * RATE)) // HOP))


@lru_cache(maxsize=4)
def _filters(bins: int) -> Tensor:
    """float32 [bins, 201]: triangles on Slaney's mel scale."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(1 + WINDOW // 2, bins, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney")
    return torch.from_numpy(filters.T.astype(np.float32))
