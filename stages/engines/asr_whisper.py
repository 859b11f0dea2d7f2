"""ASR: Whisper in CTranslate2 (faster-whisper). The embedded default.

Whisper was trained on windows of 30 s, and padding a clip of some seconds to that is most of the work. Its encoder takes
shorter input as well: given the clip and 3 s of silence it hears nearly as well, at a quarter of the cost; now and then
it says a short clip twice. The whole window is used where such a reply shows Whisper's own signs of failure, where a clip
is long, and for a request that is `careful`.
"""

import zlib
from importlib.metadata import version
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from stages.engines import models as catalogue
from stages.engines.base import Batching, EngineConfig, Refused
from stages.engines.clips import RATE, hear
from stages.requests import Heard, Request, Transcribe

KIND = "asr"
BATCH_INVARIANT = True
SHORTEST = RATE // 10  # samples; shorter clips get silence behind them
LONGEST = 26 * RATE  # samples of a clip that is heard without the whole window
SILENCE = 3 * RATE  # samples put behind such a clip: without them its last words get lost or repeated
FRAME = 320  # samples of an encoder position
TOKENS = 224  # of a reply at most: half of Whisper's text context, as in its own decoding
# Signs of a failed decoding, and their limits: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak
# Supervision", section 4.5.
MOST_COMPRESSED = 2.4
LEAST_LIKELY = -1.0


class Config(EngineConfig):
    """Settings of `asr_whisper`."""

    model: str = Field("whisper-base", description="a CTranslate2 folder, a name in the catalogue, or hub:org/name")
    compute_type: str = Field("int8", description="CTranslate2's: int8, float32, float16 on GPUs, …")
    beam_size: int = Field(1, ge=1, description="hypotheses that the search keeps")
    window: Literal["clip", "full"] = Field(
        "clip", description="what the encoder sees: the clip and 3 s of silence, or always 30 s"
    )


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": "asr_whisper",
        "version": f"faster-whisper {version('faster-whisper')}, ctranslate2 {version('ctranslate2')}",
        "model": catalogue.identity(config.model),
        "compute_type": config.compute_type,
        "beam_size": config.beam_size,
        "window": config.window,
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
        import ctranslate2
        from faster_whisper import WhisperModel

        self.beam_size, self.window = config.beam_size, config.window
        self.view = ctranslate2.StorageView
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
        if self.window == "clip" and len(samples) <= LONGEST and not request.careful:
            text = self._within_clip(samples, request.language)
            if text is not None:
                return Heard(text)
        return Heard(self._in_full(samples, request.language))

    def _within_clip(self, samples: np.ndarray, language: str) -> str | None:
        """What is said, or None where the decoding shows signs of failure."""
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(
            self.model.hf_tokenizer, self.model.model.is_multilingual, task="transcribe", language=language
        )
        length = -(-(len(samples) + SILENCE) // FRAME) * FRAME
        mel = self.model.feature_extractor(np.pad(samples, (0, length - len(samples))), padding=0)
        start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        result = self.model.model.generate(
            self.view.from_array(np.ascontiguousarray(mel[None], np.float32)),
            [start],
            beam_size=self.beam_size,
            max_length=TOKENS + len(start),
            return_scores=True,
        )[0]
        tokens = result.sequences_ids[0]
        text = str(tokenizer.decode(tokens)).strip()
        data = text.encode()
        failed = (
            not text
            or len(tokens) >= TOKENS
            or len(data) / len(zlib.compress(data)) > MOST_COMPRESSED
            or result.scores[0] < LEAST_LIKELY
        )
        return None if failed else text

    def _in_full(self, samples: np.ndarray, language: str) -> str:
        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        # Nothing may hang on what was heard before, or on chance: a clip's text depends on the clip.
        segments, _ = self.model.transcribe(
            samples,
            language=language,
            beam_size=self.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        return "".join(segment.text for segment in segments).strip()
