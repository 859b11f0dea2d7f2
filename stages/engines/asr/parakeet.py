"""ASR: NVIDIA's Parakeet, CTC or TDT, through transformers: English, many clips at once, for listening to much speech.

A Hugging Face folder, or hub:org/name (nvidia/parakeet-ctc-1.1b, nvidia/parakeet-tdt-0.6b-v3). parakeet-tdt-0.6b-v2 is
there as a .nemo file alone, and can't be read. It has no slower way: a request that is `careful` gets the reply that a
quick one got.
"""

from typing import Any, Literal

from pydantic import Field

from voxsmith.models import references as catalogue
from voxsmith.models.optional import versions
from voxsmith.models.parakeet import RATE, check_folder, open_parakeet
from voxsmith.models.torch_device import torch_device
from voxsmith.models.windows import buckets
from voxsmith.schemas.hashing import hashed
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused
from voxsmith.stages.engines.clips import hear
from voxsmith.stages.engines.usage import seconds_of
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.base import Request

NAME = "asr_parakeet"
_PACKAGES = ("torch", "transformers")
_REMEMBERED = 4096  # clips: a stage asks carefully soon after it has asked quickly


class Config(EngineConfig):
    """Settings of `asr_parakeet`."""

    model: str = Field(description="a Hugging Face folder of Parakeet CTC or TDT, or hub:org/name[@revision]")
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="of the model; a GPU's is bfloat16")
    longest: float = Field(60.0, ge=5, description="seconds in one pass; a longer clip is cut where it is softest")


def identity(config: Config) -> dict[str, Any]:
    """What replies depend on. Raises ModelMissing: it isn't there, or is NeMo's."""
    how = {"dtype": config.dtype, "longest": config.longest}
    model = catalogue.identity(config.model)
    if path := catalogue.locate(config.model):
        check_folder(path)
    return {"backend": NAME, "version": versions(config.resources.python, *_PACKAGES), "model": model} | how


class Ears(Batching):
    def __init__(self, config: Config) -> None:
        device = torch_device(NAME, config.resources)
        self.network = open_parakeet(catalogue.resolve(config.model), device, config.dtype, config.longest)
        self.remembered: dict[bytes, str] = {}
        # On a CPU a batch saves nothing, and a clip alone has no neighbours to depend on.
        super().__init__(config.resources.batch if device.type == "cuda" else 1)

    def cost(self, request: Request) -> float:
        return seconds_of(getattr(request, "clip", b""))

    def answer(self, requests: list[Request]) -> list[Heard]:
        """Raises Refused: `bad_audio`, `unknown_language`, `bad_features`; Unavailable where memory is too small for one clip."""
        asked = [request for request in requests if isinstance(request, Transcribe)]
        for request in asked:
            if request.language != "en":
                raise Refused("unknown_language", f"{NAME} hears English alone, not '{request.language}'")
        names = [hashed(request.clip, 16) for request in asked]
        new = {
            name: request
            for name, request in zip(names, asked, strict=True)
            if not (request.careful and name in self.remembered)
        }
        texts = dict(zip(new, self.hear_together(list(new.values())), strict=True))
        replies = [Heard(texts[name] if name in texts else self.remembered[name]) for name in names]
        for name, text in texts.items():
            self.remembered[name] = text
            if len(self.remembered) > _REMEMBERED:
                del self.remembered[next(iter(self.remembered))]
        return replies

    def hear_together(self, requests: list[Transcribe]) -> list[str]:
        parts = [(place, part) for place, one in enumerate(requests) for part in self.network.cut(hear(one.clip))]
        heard: list[str | None] = [None] * len(parts)
        for places in buckets([len(part) for _, part in parts], self.batch):
            texts = self.in_halves(self.network.hear, [parts[place][1] for place in places], _alone)
            for place, text in zip(places, texts, strict=True):
                heard[place] = text
        said: list[list[str]] = [[] for _ in requests]
        for (place, _), text in zip(parts, heard, strict=True):
            if text is None:
                raise Refused("bad_features", "the model's numbers of this clip aren't finite; try dtype float32")
            said[place].append(text)
        return [" ".join(filter(None, some)) for some in said]


def _alone(samples: Any) -> str:
    return f"{len(samples) / RATE:.0f} s of audio alone; a smaller `longest`, or dtype bfloat16"


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Ears,
    identity=identity,
    packages=_PACKAGES,
    extra="torch",
    # Not where several clips go together: a sum over a matrix of another shape is another sum, in its last bits.
    batch_invariant=lambda config: not (config.resources.num_gpus > 0 and config.resources.batch > 1),
)
