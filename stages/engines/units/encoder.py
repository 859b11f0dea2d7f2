"""Units: the nearest centroid to each frame of a Whisper encoder's last layer. The embedded default.

The encoder gets the clip at its true length, not padded to 30 s as for recognition: a tenth of the work.
"""

import hashlib
import io
from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import cublas
from voxsmith.models import references as catalogue
from voxsmith.models.interpreter import installed
from voxsmith.models.npy import read_npy
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused
from voxsmith.stages.engines.clips import RATE, hear, refuse_unless_finite
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.units import Encode, Features, Quantise, Units

NAME = "units_encoder"
HOP = 320  # samples a frame of the encoder: 50 frames a second
WINDOW = 30 * RATE  # samples, what the encoder's positions reach


class Config(EngineConfig):
    """Settings of `units_encoder`."""

    model: str = Field("whisper-base", description="a CTranslate2 Whisper folder, a catalogue name, or hub:org/name")
    compute_type: str = Field("float32", description="CTranslate2's: float32, int8, float16 on GPUs, …")


def identity(config: Config) -> dict[str, Any]:
    whisper, ctranslate2 = (installed(config.resources.python, name) for name in ("faster-whisper", "ctranslate2"))
    return {
        "backend": NAME,
        "version": f"ctranslate2 {ctranslate2}, faster-whisper {whisper}",
        "model": catalogue.identity(config.model),
        "layer": "last",
        "compute_type": config.compute_type,
    }


class Encoder(Batching):
    def __init__(self, config: Config) -> None:
        import ctranslate2
        from faster_whisper.feature_extractor import FeatureExtractor
        from threadpoolctl import ThreadpoolController

        if config.resources.num_gpus:
            cublas.open_libraries()
        self.model = ctranslate2.models.Whisper(
            str(catalogue.resolve(config.model)),
            device="cuda" if config.resources.num_gpus else "cpu",
            compute_type=config.compute_type,
            inter_threads=1,
            intra_threads=config.resources.threads,
        )
        self.view = ctranslate2.StorageView
        self.mel = FeatureExtractor(feature_size=self.model.n_mels)
        self.pools = ThreadpoolController()
        if config.resources.num_gpus:
            with cublas.tried_out(NAME):
                self._window(np.zeros(RATE, np.float32))
        self.codebooks: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Features | Units]:
        # One thread in NumPy: how many there are may change the order of a sum, and with it a unit.
        with self.pools.limit(limits=1, user_api="blas"):
            return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Features | Units:
        """Raises Refused: `bad_audio`, `bad_codebook`, `bad_features`."""
        match request:
            case Encode():
                return Features(self.encode(hear(request.clip)))
            case Quantise():
                return Units(nearest(self.encode(hear(request.clip)), *self._codebook(request.codebook)))
        raise TypeError(f"{NAME} is asked a {type(request).__name__}")

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """float32 [ceil(samples / 320), width]: a frame for each 20 ms that has a sample of the clip in it."""
        frames = np.concatenate([self._window(samples[at : at + WINDOW]) for at in range(0, len(samples), WINDOW)])
        refuse_unless_finite(bool(np.isfinite(frames).all()))
        return frames

    def _window(self, samples: np.ndarray) -> np.ndarray:
        frames = -(-len(samples) // HOP)
        # Two frames at least: the mel filters look at 25 ms. The encoder halves the mel frames, so their count is even.
        padded = np.pad(samples, (0, max(frames, 2) * HOP - len(samples)))
        mel = np.ascontiguousarray(self.mel(padded, padding=0)[None], np.float32)
        output = self.model.encode(self.view.from_array(mel), to_cpu=True)
        return np.array(output, np.float32)[0, :frames]

    def _codebook(self, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        digest = hashlib.sha256(data).digest()
        if digest not in self.codebooks:
            self.codebooks[digest] = read_codebook(data)
        return self.codebooks[digest]


def read_codebook(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(centroids float32 [k, width], their squared lengths float32 [k]) from an .npy file. Raises Refused."""
    try:
        centroids = read_npy(io.BytesIO(data))
    except ValueError as error:
        raise Refused("bad_codebook", f"not an .npy file of centroids: {error}") from error
    shaped = centroids.dtype.kind == "f" and centroids.ndim == 2 and 1 <= len(centroids) <= 65536
    if not shaped or not np.isfinite(centroids).all():
        shape = f"{centroids.dtype} {centroids.shape}"
        raise Refused("bad_codebook", f"centroids must be finite float32 [k, width], k <= 65536, not {shape}")
    centroids = np.ascontiguousarray(centroids, np.float32)
    return centroids, np.square(centroids).sum(axis=1)


def nearest(frames: np.ndarray, centroids: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """uint16 [frames]: argmin over centroids c of |x - c|², which is that of |c|² - 2 x·c, as |x|² is one for all."""
    if frames.shape[1] != centroids.shape[1]:
        raise Refused("bad_codebook", f"centroids have width {centroids.shape[1]}, the encoder {frames.shape[1]}")
    distances: np.ndarray = squares - 2.0 * (frames @ centroids.T)
    return np.asarray(distances.argmin(axis=1), np.uint16)


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Encoder,
    identity=identity,
    batch_invariant=True,
    packages=("faster-whisper", "threadpoolctl"),
    extra="quickstart",
)
