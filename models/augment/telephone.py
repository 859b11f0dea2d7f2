"""The band of a telephone, and speed."""

import numpy as np

from voxsmith.models.audio import resample

RATE = 8000  # hertz
BAND = (300.0, 3400.0)  # hertz
_ORDER = 5  # of the Butterworth filter, which goes over the samples there and back: -6 dB at the band's edges


def at_rate(samples: np.ndarray, rate: int, wanted: int, count: int | None = None) -> np.ndarray:
    """The samples at another rate, float64; cut to `count`, or padded with silence, where that is given."""
    changed = resample(samples, rate, wanted).astype(np.float64)
    return changed if count is None else as_long(changed, count)


def as_long(samples: np.ndarray, count: int) -> np.ndarray:
    return np.pad(samples[:count], (0, max(0, count - len(samples))))


def telephone(samples: np.ndarray, rate: int) -> np.ndarray:
    """What is left of the clip on a telephone line: 300 to 3,400 Hz, sampled at 8 kHz. Rate and length are as before."""
    from scipy.signal import butter, sosfiltfilt

    narrow = at_rate(samples, rate, RATE)
    if not len(narrow):
        return np.zeros(len(samples))
    sections = butter(_ORDER, BAND, "bandpass", fs=RATE, output="sos")
    margin = min(len(narrow) - 1, 3 * (2 * len(sections) + 1))
    return at_rate(sosfiltfilt(sections, narrow, padlen=margin), RATE, rate, len(samples))


def faster(samples: np.ndarray, rate: int, factor: float) -> np.ndarray:
    """The clip played `factor` times as fast: shorter, and higher, as Kaldi's speed perturbation makes it."""
    import soxr

    changed = soxr.resample(samples.astype(np.float32), rate * factor, rate, quality="VHQ").astype(np.float64)
    return as_long(changed, max(1, round(len(samples) / factor)))
