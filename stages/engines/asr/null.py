"""ASR without a model: the text that `tts_null` left in the clip's comment. See `voxsmith.stages.engines.null`."""

import io

import soundfile

from voxsmith.stages.engines.null import Config, Null, null_backend
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.base import Request


class Asr(Null):
    def reply(self, request: Request) -> Heard:
        if not isinstance(request, Transcribe):
            raise self.misled(request)
        with soundfile.SoundFile(io.BytesIO(request.clip)) as clip:
            return Heard(clip.comment)


BACKEND = null_backend("asr_null", Config, Asr)
