"""MOS: DNSMOS P.835, which guesses how people would rate a clip (Reddy et al. 2021, arXiv:2110.01763).

It tells broken and noisy clips from clean ones; it doesn't tell good voices from each other.
"""

from typing import Any

from pydantic import Field

from voxsmith.models import dnsmos
from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import ONNXRUNTIME, installed
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.engines.clips import hear, rated
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.mos import Rate, Score

NAME = "mos_dnsmos"


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
        self.model = dnsmos.Dnsmos(NAME, catalogue.resolve(config.model), config.resources)
        self.session = self.model.session
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Score]:
        return [self.rate(request) for request in requests if isinstance(request, Rate)]

    def rate(self, request: Rate) -> Score:
        """The overall score, 1 to 5, averaged over the clip's windows. Raises Refused: `bad_audio`, `bad_score`."""
        return rated(self.model.rate(hear(request.clip)))


BACKEND = Backend(name=NAME, config=Config, load=Dnsmos, identity=identity, batch_invariant=True, extra="quickstart")
