"""TTS without a model: a hum as long as the text would last, the text in its comment. See `voxsmith.stages.engines.null`.

With a voice bank it has that bank's voices, so that a recipe's shape can be tried: it hums all the same.
"""

import io
from dataclasses import replace

import numpy as np
import soundfile
from pydantic import Field

from voxsmith.stages.engines import null, voice_bank
from voxsmith.stages.engines.null import Null
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip, Speak

VOICES = {f"null_{n}": "" for n in range(16)}
LETTERS = 15  # a second
_PHASES = np.arange(64) * (2 * np.pi / 64)
_WAVE = sum(np.cos(harmonic * _PHASES) for harmonic in range(1, 6)) * 800
FADE = 0.05  # seconds


class Config(null.Config):
    bank: str = Field("", description="a voice bank's folder, for its voices' names and licences; in no key")


class Tts(Null):
    def reply(self, request: Request) -> Clip:
        if not isinstance(request, Speak):
            raise self.misled(request)
        letters = sum(4 if sign.isdigit() else sign.isalpha() for sign in request.text)
        count = round(request.sample_rate * max(0.3, letters / LETTERS))
        samples = np.resize(_WAVE, count) * np.linspace(1.0, 0.3, count)  # few samples at the peak: it isn't clipped
        fade = round(FADE * request.sample_rate)
        samples[-fade:] *= np.linspace(1, 0, fade) ** 2
        samples[-fade // 2 :] = 0
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", request.sample_rate, 1, "PCM_16", format="FLAC") as clip:
            clip.comment = request.text
            clip.write(samples.astype(np.int16))
        return Clip(file.getvalue())


BACKEND = replace(
    null.null_backend("tts_null", Config, Tts),
    voices=lambda config: voice_bank.digests(config.bank) if config.bank else VOICES,
    voice_licences=lambda config: voice_bank.licences(config.bank) if config.bank else {},
)
