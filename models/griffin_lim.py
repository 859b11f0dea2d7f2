"""Mel spectrograms to speech without a network (Griffin & Lim 1984; IEEE Transactions on Acoustics 32, 236-243)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from voxsmith.models.hifigan_mel import filters, hann
from voxsmith.models.mel_form import HOP, WINDOW

ROUNDS = 32
# A round mixes what lies within a window; at its ends frames are missing that the whole would have.
REACH = (ROUNDS + 1) * (WINDOW // HOP)


def griffin_lim(mel: Tensor, first: int = 0) -> Tensor:
    """float32 [frames * 256] for log-mel [80, frames]. `first`: the number of the first frame in the whole: phases that a frame
    begins with depend on its number alone, so that a piece is made as the whole is.
    """
    frames = mel.shape[1]
    spectrum = (_inverse().to(mel.device) @ mel.double().exp()).clamp(min=0.0)
    phases = torch.from_numpy(np.stack([_phases(first + frame) for frame in range(frames)], 1)).to(mel.device)
    made = torch.polar(spectrum, phases)
    margin = (WINDOW - HOP) // 2
    window = hann(mel.device).double()
    whole = (frames - 1) * HOP + WINDOW
    weight = _joined(window.square()[:, None].expand(-1, frames), whole).clamp(min=1e-8)
    wave = spectrum.new_zeros(whole)
    for turn in range(ROUNDS + 1):
        pieces = torch.fft.irfft(made, WINDOW, dim=0) * window[:, None]
        wave = _joined(pieces, whole) / weight
        if turn < ROUNDS:
            heard = torch.stft(wave, WINDOW, HOP, window=window, center=False, return_complex=True)
            made = spectrum * heard / heard.abs().clamp(min=1e-12)
    return wave[margin : margin + frames * HOP].clamp(-1, 1).float()


def _joined(pieces: Tensor, whole: int) -> Tensor:
    """Overlapping pieces [1024, frames] added up, [whole]."""
    return F.fold(pieces[None], (1, whole), (1, WINDOW), stride=(1, HOP))[0, 0, 0]


def _phases(frame: int) -> np.ndarray:
    return np.random.default_rng(frame).uniform(-np.pi, np.pi, 1 + WINDOW // 2)


def _inverse() -> Tensor:
    return torch.linalg.pinv(filters().double())
