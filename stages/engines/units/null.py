"""Encoder without a model: 50 frames a second, drawn by the clip's bytes. See `voxsmith.stages.engines.null`."""

import io

import numpy as np
import soundfile

from voxsmith.schemas.hashing import hashed_number
from voxsmith.stages.engines.null import Config, Null, null_backend
from voxsmith.stages.engines.units.encoder import nearest, read_codebook
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.units import Encode, Features, Quantise, Units

WIDTH = 8
FRAMES = 50  # a second


class Encoder(Null):
    def reply(self, request: Request) -> Features | Units:
        if not isinstance(request, Encode | Quantise):
            raise self.misled(request)
        with soundfile.SoundFile(io.BytesIO(request.clip)) as clip:
            count = max(1, round(FRAMES * clip.frames / clip.samplerate))
        seed = hashed_number(request.clip)
        frames = np.random.default_rng(seed).standard_normal((count, WIDTH), np.float32)
        if isinstance(request, Encode):
            return Features(frames)
        return Units(nearest(frames, *read_codebook(request.codebook)))


BACKEND = null_backend("units_null", Config, Encoder)
