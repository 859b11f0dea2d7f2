"""The log-mel spectrogram that HiFi-GAN V1's published generators learned from: 22,050 Hz, 80 bins up to 8 kHz, a frame each
256 samples (Kong et al. 2020, arXiv:2010.05646; `mel_spectrogram` of its code).
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from voxsmith.models.mel_form import BINS, HOP, RATE, WINDOW

_HIGHEST = 8000.0  # hertz
_LEAST, _SQUARE = 1e-5, 1e-9  # of a bin's magnitude; added to a square, whose root has a gradient then


def hifigan_mel(wave: Tensor) -> Tensor:
    """float32 [80, frames]: the natural logarithm of mel magnitudes, 1e-5 at least. `wave`: float32 [n] at 22,050 Hz, within -1
    to 1. Frame m is centred at sample 256 m + 128; there is one for each 256 samples that are whole, and one at least.
    """
    margin = (WINDOW - HOP) // 2
    wave = F.pad(wave, (0, max(0, margin + 1 - len(wave))))  # a reflection needs as much to reflect
    wave = F.pad(wave[None], (margin, margin), mode="reflect")[0]
    return compressed(magnitudes(wave))


def magnitudes(wave: Tensor) -> Tensor:
    """float32 [513, frames]: of the short-time spectrum, Hann's window, nothing added at the ends."""
    spectrum = torch.stft(wave, WINDOW, HOP, window=hann(wave.device), center=False, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + _SQUARE).sqrt()


def compressed(spectrum: Tensor) -> Tensor:
    """float32 [80, frames], log-mel of magnitudes [513, frames]."""
    return (filters().to(spectrum.device) @ spectrum).clamp(min=_LEAST).log()


def hann(device: torch.device) -> Tensor:
    return torch.hann_window(WINDOW, device=device)


@lru_cache(maxsize=1)
def filters() -> Tensor:
    """float32 [80, 513]: triangles on Slaney's mel scale, each of area 1."""
    from transformers.audio_utils import mel_filter_bank

    made = mel_filter_bank(1 + WINDOW // 2, BINS, 0.0, _HIGHEST, RATE, norm="slaney", mel_scale="slaney")
    return torch.from_numpy(made.T).float()
