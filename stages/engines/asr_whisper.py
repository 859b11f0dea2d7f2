"""ASR: Whisper in CTranslate2 (faster-whisper). The embedded default."""

from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from stages.engines import models as catalogue
from stages.engines.base import Batching, EngineConfig, Refused
from stages.engines.clips import RATE, hear
from stages.requests import Heard, Request, Transcribe

KIND = "asr"
BATCH_INVARIANT = True
SHORTEST = RATE // 10  # samples; shorter clips get silence behind them


class Config(EngineConfig):
    """Settings of `asr_whisper`."""

    model: str = Field("whisper-base", description="a CTranslate2 folder, a name in the catalogue, or hub:org/name")
    compute_type: str = Field("int8", description="CTranslate2's: int8, float32, float16 on GPUs, …")
    beam_size: int = Field(1, ge=1, description="hypotheses that the search keeps")


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": "asr_whisper",
        "version": f"faster-whisper {version('faster-whisper')}, ctranslate2 {version('ctranslate2')}",
        "model": catalogue.identity(config.model),
        "compute_type": config.compute_type,
        "beam_size": config.beam_size,
    }


def models(config: Config) -> tuple[str, ...]:
    return (config.model,)


def licence(config: Config) -> str:
    return catalogue.licence(config.model)


def load(config: Config) -> "Whisper":
    """Raises ModelMissing."""
    return Whisper(config)


class Whisper(Batching):
    batch_invariant: ClassVar[bool] = True

    def __init__(self, config: Config) -> None:
        from faster_whisper import WhisperModel

        self.beam_size = config.beam_size
        self.model = WhisperModel(
            str(catalogue.resolve(config.model)),
            device="cuda" if config.resources.num_gpus else "cpu",
            compute_type=config.compute_type,
            cpu_threads=config.resources.threads,
            num_workers=1,
        )
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Heard]:
        return [self.hear(request) for request in requests if isinstance(request, Transcribe)]

    def hear(self, request: Transcribe) -> Heard:
        """Raises Refused: `bad_audio`, `unknown_language`."""
        known = self.model.supported_languages
        if request.language not in known:
            raise Refused("unknown_language", f"Whisper doesn't know '{request.language}'; it knows {', '.join(known)}")
        samples = hear(request.clip)
        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        # Nothing may hang on what was heard before, or on chance: a clip's text depends on the clip.
        segments, _ = self.model.transcribe(
            samples,
            language=request.language,
            beam_size=self.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        return Heard("".join(segment.text for segment in segments).strip())
