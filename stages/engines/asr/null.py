"""ASR without a model: the text that `tts_null` left in the clip's comment. See `stages.engines.null`."""

import io

import soundfile

from stages.engines.null import BATCH_INVARIANT, Config, Null, identity, licence, models
from stages.requests.asr import Heard, Transcribe
from stages.requests.base import Request

__all__ = ["BATCH_INVARIANT", "KIND", "Config", "identity", "licence", "load", "models"]
KIND = "asr"


class Asr(Null):
    def reply(self, request: Request) -> Heard:
        if not isinstance(request, Transcribe):
            raise self.misled(request)
        with soundfile.SoundFile(io.BytesIO(request.clip)) as clip:
            return Heard(clip.comment)


def load(config: Config) -> Asr:
    return Asr(config)
