"""MOS: DNSMOS P.835, which guesses how people would rate a clip (Reddy et al. 2021, arXiv:2110.01763).

It tells broken and noisy clips from clean ones; it doesn't tell good voices from each other.
"""

from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import onnx_session
from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import ONNXRUNTIME, installed
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.engines.clips import hear, rated
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.mos import Rate, Score

NAME = "mos_dnsmos"
WINDOW = 144160  # samples at 16 kHz that the model takes: 9.01 s
# From the model's raw overall score to the scale of listeners: the polynomial published with the P.835 model.
OVERALL = (-0.06766283, 1.11546468, 0.04602535)


class Config(EngineConfig):
    """Settings of `mos_dnsmos`."""

    model: str = Field("dnsmos", description="a folder with sig_bak_ovr.onnx, that file, or a name in the catalogue")


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": NAME,
        "version": installed(config.resources.python, *ONNXRUNTIME),
        "model": catalogue.identity(config.model),
    }


class Dnsmos(Batching):
    def __init__(self, config: Config) -> None:
        path = catalogue.resolve(config.model)
        path = path / "sig_bak_ovr.onnx" if path.is_dir() else path
        self.session = onnx_session.open_session(NAME, path, config.resources, gpu=False)
        takes = {one.name: one.shape for one in self.session.get_inputs()}
        if takes.keys() != {"input_1"} or takes["input_1"][1:] != [WINDOW]:
            raise ModelMissing(f"{path}: no DNSMOS P.835 model: it takes {takes}, not input_1 of {WINDOW} samples")
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Score]:
        return [self.rate(request) for request in requests if isinstance(request, Rate)]

    def rate(self, request: Rate) -> Score:
        """The overall score, 1 to 5, averaged over the clip's windows. Raises Refused: `bad_audio`, `bad_score`."""
        outputs = [self.session.run(None, {"input_1": window[None]})[0] for window in windows(hear(request.clip))]
        raw = [float(output[0, 2]) for output in outputs]  # [1, 3]: signal, background, overall
        return rated(float(np.polyval(OVERALL, raw).mean()))


def windows(samples: np.ndarray) -> list[np.ndarray]:
    """float32 [144160] each: one after another, the last one ends where the clip ends; a short clip is repeated."""
    if len(samples) <= WINDOW:
        return [np.resize(samples, WINDOW)]
    starts = [*range(0, len(samples) - WINDOW, WINDOW), len(samples) - WINDOW]
    return [samples[start : start + WINDOW] for start in starts]


BACKEND = Backend(name=NAME, config=Config, load=Dnsmos, identity=identity, batch_invariant=True, extra="quickstart")
