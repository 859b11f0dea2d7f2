"""MOS: UTMOS, the strong learner without phonemes (Saeki et al. 2022, arXiv:2204.02152), which guesses how natural people
would find a clip. Unlike DNSMOS it tells good voices from better ones.

models/utmos.py has the network.
"""

import numpy as np
from pydantic import Field

from voxsmith.models import references as catalogue
from voxsmith.models import utmos
from voxsmith.models.torch_device import torch_device
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.engines.clips import hear, rated
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.mos import Rate, Score

NAME = "mos_utmos"


class Config(EngineConfig):
    """Settings of `mos_utmos`."""

    model: str = Field(
        utmos.REFERENCE,
        description=f"{utmos.CHECKPOINT}, a folder with it, hub:org/name/file or https://…",
    )


class Utmos(Batching):
    def __init__(self, config: Config) -> None:
        device = torch_device(NAME, config.resources)
        self.model = utmos.Utmos(catalogue.resolve(config.model), device)
        self.head = self.model.head
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Score]:
        """Raises Refused: `bad_audio`, `bad_score`."""
        return [Score(self.rate(hear(request.clip))) for request in requests if isinstance(request, Rate)]

    def rate(self, samples: np.ndarray) -> float:
        """The score of a clip (16 kHz, float32 [n]), 1 to 5."""
        return rated(self.model.rate(samples)).mos


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Utmos,
    licence=lambda config: catalogue.licence(config.model, "MIT"),  # UTMOS's own
    batch_invariant=True,
    packages=("torch", "transformers"),
    extra="torch",
)
