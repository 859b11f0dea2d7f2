"""CosyVoice's speech tokens (S3): its tokenizer's ONNX file, 25 units a second of 6,561 (CosyVoice2) or 50 of 4,096.

The file takes Whisper's log-mel spectrogram with 128 bands, of 30 s at most, and gives the units: the codebook is part of
it, so the stage says `codebook: engine`. Clips go in one at a time, as the file takes them.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import onnx_session
from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import ONNXRUNTIME, installed
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.windows import windows
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Unavailable
from voxsmith.stages.engines.clips import RATE, hear
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.units import Quantise, Units

NAME = "units_s3"
MELS = 128
SHORTEST = RATE // 10  # samples; shorter clips get silence behind them
WINDOW, MARGIN = 30, 2  # seconds: the first is what the tokenizer was made for


class Config(EngineConfig):
    """Settings of `units_s3`."""

    model: str = Field(description="speech_tokenizer_v2.onnx (or v1), a folder with it, or hub:org/name/file")


def identity(config: Config) -> dict[str, Any]:
    onnxruntime = installed(config.resources.python, *ONNXRUNTIME)
    whisper = installed(config.resources.python, "faster-whisper")
    return {
        "backend": NAME,
        "version": f"onnxruntime {onnxruntime}, faster-whisper {whisper}",
        "model": catalogue.identity(config.model),
    }


class S3(Batching):
    """`hop`: samples a unit."""

    def __init__(self, config: Config) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        path = _file(catalogue.resolve(config.model))
        self.session = onnx_session.open_session(NAME, path, config.resources)
        shapes = [one.shape for one in self.session.get_inputs()]
        if len(shapes) != 2 or len(shapes[0]) != 3 or shapes[0][1] != MELS:
            raise ModelMissing(
                f"{path}: no speech tokenizer: it takes {shapes}, not a spectrogram [1, {MELS}, n] and its length"
            )
        self.names = [one.name for one in self.session.get_inputs()]
        self.mel = FeatureExtractor(feature_size=MELS)
        with reading(path, "no speech tokenizer"):
            self.hop = RATE // len(self._units(np.zeros(RATE, np.float32)))
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Units]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Units:
        """Raises Refused `bad_audio`; Unavailable for a codebook that isn't its own."""
        if not isinstance(request, Quantise) or request.codebook:
            raise Unavailable(f"{NAME} has its own codebook and no features: no fit_units, and units: codebook: engine")
        return Units(self.encode(hear(request.clip)))

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """uint16 [n]: a unit for each `hop` samples, the last one also where it has fewer, within one of the file's count."""
        wanted = max(1, -(-len(samples) // self.hop))
        if len(samples) <= WINDOW * RATE:
            return self._units(np.pad(samples, (0, max(0, SHORTEST - len(samples)))))[:wanted]
        kept = []
        for window in windows(wanted, WINDOW * RATE // self.hop, MARGIN * RATE // self.hop):
            units = self._units(samples[window.begin * self.hop : window.end * self.hop])
            kept.append(units[window.first - window.begin : window.last - window.begin])
        return np.concatenate(kept)

    def _units(self, samples: np.ndarray) -> np.ndarray:
        mel = np.ascontiguousarray(self.mel(samples, padding=0)[None], np.float32)
        asked = {self.names[0]: mel, self.names[1]: np.array([mel.shape[2]], np.int32)}
        units = np.asarray(self.session.run(None, asked)[0]).reshape(-1)
        if units.dtype.kind not in "iu" or not len(units) or units.min() < 0 or units.max() > 65535:
            raise ValueError(f"it gives {units.dtype} [{len(units)}] and not units from 0 to 65535")
        return units.astype(np.uint16)


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(file for file in path.glob("speech_tokenizer_v?*.onnx") if "batch" not in file.name)
    if not files:
        raise ModelMissing(f"{path}: no speech tokenizer: there is no speech_tokenizer_v2.onnx in it")
    return files[-1]


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=S3,
    identity=identity,
    licence=lambda config: catalogue.licence(config.model, "Apache-2.0"),  # CosyVoice's own
    batch_invariant=True,
    packages=("faster-whisper",),
    extra="quickstart",
    trouble=lambda config: onnx_session.trouble(NAME, config.resources),
    own_codebook=True,
    only_own_codebook=True,
)
