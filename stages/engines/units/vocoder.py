"""Vocoder: units to speech, to hear what they kept; fairseq's unit HiFi-GAN, or one that the trainer made.

The first is two files, `g_00500000` and `config.json`; the second a run of configs/train/vocoder.yaml. `report --vocoder` asks it.
"""

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.models import references as catalogue
from voxsmith.models.torch_device import torch_device
from voxsmith.models.vocoder import open_any
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip
from voxsmith.stages.requests.units import Vocode

NAME = "unit_vocoder"


class Config(EngineConfig):
    """Settings of `unit_vocoder`."""

    model: str = Field(
        description="a folder with g_00500000 and config.json, that file, hub:org/name[/file], or a run of the trainer"
    )


class UnitVocoder(Batching):
    def __init__(self, config: Config) -> None:
        device = torch_device(NAME, config.resources)
        self.network = open_any(catalogue.resolve(config.model), device)
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Clip]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Clip:
        """Raises Refused `bad_units`."""
        if not isinstance(request, Vocode):
            raise TypeError(f"{NAME} is asked a {type(request).__name__}")
        units = np.frombuffer(request.units, "<u2").astype(np.int64)
        durations = np.frombuffer(request.durations, "<u2").astype(np.int64) if request.durations else None
        if not len(units) or (durations is not None and (len(durations) != len(units) or not durations.sum())):
            raise Refused("bad_units", "there must be units, and with durations one for each of them")
        try:
            samples = self.network.wave(units, durations)
        except ValueError as error:
            raise Refused("bad_units", str(error)) from None
        return Clip(audio.encode(samples, self.network.rate))


BACKEND = Backend(
    name=NAME,
    kind="vocoder",
    config=Config,
    load=UnitVocoder,
    batch_invariant=True,
    packages=("torch", "transformers"),
    extra="torch",
)
