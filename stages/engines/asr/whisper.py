"""ASR: Whisper in CTranslate2 (faster-whisper). The embedded default.

Whisper was trained on windows of 30 s, and padding a clip of some seconds to that is most of the work. Its encoder takes
shorter input as well: given the clip and 3 s of silence it hears nearly as well, at a quarter of the cost; now and then
it says a short clip twice. The whole window is used where such a reply shows Whisper's own signs of failure, where a clip
is long, and for a request that is `careful`.
"""

from typing import Any, Literal

from pydantic import Field

from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import installed
from voxsmith.models.whisper_ctranslate2 import Recogniser
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused
from voxsmith.stages.engines.clips import hear
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.base import Request

NAME = "asr_whisper"


class Config(EngineConfig):
    """Settings of `asr_whisper`."""

    model: str = Field("whisper-base", description="a CTranslate2 folder, a name in the catalogue, or hub:org/name")
    compute_type: str = Field("int8", description="CTranslate2's: int8, float32, float16 on GPUs, …")
    beam_size: int = Field(1, ge=1, description="hypotheses that the search keeps")
    window: Literal["clip", "full"] = Field(
        "clip", description="what the encoder sees: the clip and 3 s of silence, or always 30 s"
    )


def identity(config: Config) -> dict[str, Any]:
    whisper, ctranslate2 = (installed(config.resources.python, name) for name in ("faster-whisper", "ctranslate2"))
    return {
        "backend": NAME,
        "version": f"faster-whisper {whisper}, ctranslate2 {ctranslate2}",
        "model": catalogue.identity(config.model),
        "compute_type": config.compute_type,
        "beam_size": config.beam_size,
        "window": config.window,
    }


def _in_batches(config: Config) -> bool:
    """On CPUs a batch saves nothing; GPUs need one, and whole windows fit together without padding."""
    return config.window == "full" and config.resources.num_gpus > 0


class Whisper(Batching):
    """`in_batches`: whole windows go together, and one alone is heard in the same way."""

    def __init__(self, config: Config) -> None:
        path = catalogue.resolve(config.model)
        self.recogniser = Recogniser(NAME, path, config.resources, config.compute_type, config.beam_size, config.window)
        self.model = self.recogniser.model
        self.in_batches = _in_batches(config)
        super().__init__(config.resources.batch if self.in_batches else 1)

    def answer(self, requests: list[Request]) -> list[Heard]:
        asked = [request for request in requests if isinstance(request, Transcribe)]
        if not self.in_batches:
            return [self.hear(request) for request in asked]
        plain = [place for place, request in enumerate(asked) if not request.careful]
        heard = dict(zip(plain, self.hear_together([asked[place] for place in plain]), strict=True))
        return [heard.get(place) or self.hear(request) for place, request in enumerate(asked)]

    def hear_together(self, requests: list[Transcribe]) -> list[Heard]:
        """One pass over whole windows. What is longer than one, or shows signs of failure, is heard alone."""
        self._check_languages(requests)
        clips = [hear(request.clip) for request in requests]
        return [*map(Heard, self.recogniser.hear_together(clips, [request.language for request in requests]))]

    def hear(self, request: Transcribe) -> Heard:
        """Raises Refused: `bad_audio`, `unknown_language`."""
        self._check_languages([request])
        return Heard(self.recogniser.hear(hear(request.clip), request.language, request.careful))

    def _check_languages(self, requests: list[Transcribe]) -> None:
        known = self.recogniser.languages
        for language in {request.language for request in requests} - set(known):
            raise Refused("unknown_language", f"Whisper doesn't know '{language}'; it knows {', '.join(known)}")


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Whisper,
    identity=identity,
    packages=("faster-whisper",),
    extra="quickstart",
    # Not where several clips go together: a sum over a matrix of another shape is another sum, in its last bits.
    batch_invariant=lambda config: not (_in_batches(config) and config.resources.batch > 1),
)
