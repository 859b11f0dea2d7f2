"""An ASR that hears what a clip's comment says, but a third of it where the clip has noise at an SNR below 10 dB."""

import json
from typing import Any

from voxsmith.models.clip_note import comment_of, note_of
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.requests.asr import Heard, Transcribe


class Engine(Batching):
    def answer(self, requests: list[Any]) -> list[Heard]:
        said = [comment_of(request.clip).split() for request in requests]
        pairs = zip(requests, said, strict=True)
        return [Heard(" ".join(words[: len(words) // 3] if is_noisy(one) else words)) for one, words in pairs]


def is_noisy(request: Transcribe) -> bool:
    effects = json.loads(note_of(request.clip) or "[]")
    return any(effect.get("snr", 99) < 10 for effect in effects)


BACKEND = Backend(name="toys.ears", kind="asr", config=EngineConfig, load=lambda config: Engine(config.resources.batch))
