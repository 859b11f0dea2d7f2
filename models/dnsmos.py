"""DNSMOS P.835, which guesses how people would rate a clip (Reddy et al. 2021, arXiv:2110.01763)."""

from pathlib import Path

import numpy as np

from voxsmith.models import onnx_session
from voxsmith.models.references import ModelMissing
from voxsmith.schemas.resources import Resources

WINDOW = 144160  # samples at 16 kHz that the model takes: 9.01 s
# From the model's raw overall score to the scale of listeners: the polynomial published with the P.835 model.
OVERALL = (-0.06766283, 1.11546468, 0.04602535)


class Dnsmos:
    """A loaded model. `path`: sig_bak_ovr.onnx, or a folder with it; `backend`: who asks for it, for messages. Raises
    ModelMissing.
    """

    def __init__(self, backend: str, path: Path, resources: Resources) -> None:
        path = path / "sig_bak_ovr.onnx" if path.is_dir() else path
        self.session = onnx_session.open_session(backend, path, resources, gpu=False)
        takes = {one.name: one.shape for one in self.session.get_inputs()}
        if takes.keys() != {"input_1"} or takes["input_1"][1:] != [WINDOW]:
            raise ModelMissing(f"{path}: no DNSMOS P.835 model: it takes {takes}, not input_1 of {WINDOW} samples")

    def rate(self, samples: np.ndarray) -> float:
        """The overall score of a clip (16 kHz, float32 [n], n > 0), about 1 to 5, averaged over its windows."""
        outputs = [self.session.run(None, {"input_1": window[None]})[0] for window in windows(samples)]
        raw = [float(output[0, 2]) for output in outputs]  # [1, 3]: signal, background, overall
        return float(np.polyval(OVERALL, raw).mean())


def windows(samples: np.ndarray) -> list[np.ndarray]:
    """float32 [144160] each: one after another, the last one ends where the clip ends; a short clip is repeated."""
    if len(samples) <= WINDOW:
        return [np.resize(samples, WINDOW)]
    starts = [*range(0, len(samples) - WINDOW, WINDOW), len(samples) - WINDOW]
    return [samples[start : start + WINDOW] for start in starts]
