"""Speaker: Resemblyzer's voice encoder, an LSTM that hears who speaks, not what (Wan et al. 2018, arXiv:1710.10467).

The network and its mel spectrogram (of power, not its logarithm) are written out here, so that the package, which wants
a compiler, isn't needed: only its weights are. Pauses are left out and the level is evened out before.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.models import references as catalogue
from voxsmith.models.loading import reading
from voxsmith.models.torch_device import torch_device
from voxsmith.models.torch_weights import check_finite, refuse_packed
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.engines.clips import RATE, hear, refuse_unless_finite
from voxsmith.stages.engines.voice_bank import digests, read_bank
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.speaker import Embed, Voiceprint

NAME = "speaker_resemblyzer"
WINDOW, HOP, MELS = 400, 160, 40  # samples at 16 kHz, samples, bands
PART, STEP = 160, 77  # frames that the network hears at a time, and how far those parts are apart
COVERED = 0.75  # of the last part: with less of it in the clip it is left out
LEVEL = -26.0  # dBFS of active speech
QUIET, PAUSE = 40.0, 20  # dB below the loudest frame that are none of speech; frames of it that are kept
SHORTEST, LONGEST = 0.4, 60.0  # seconds of speech: below, nobody's voice is known; beyond, nothing new is heard


class Config(EngineConfig):
    """Settings of `speaker_resemblyzer`."""

    model: str = Field("resemblyzer", description="a folder with pretrained.pt, that file, or a name in the catalogue")
    bank: str = Field("", description="a voice bank's folder, whose voices clips are compared to; in no key")


class Resemblyzer(Batching):
    def __init__(self, config: Config) -> None:
        self.device = torch_device(NAME, config.resources)
        self.network = _network(catalogue.resolve(config.model)).to(self.device)
        self.bank = {one.digest: one for one in read_bank(config.bank).values()} if config.bank else {}
        self.heard: dict[str, Voiceprint] = {}  # of the bank's voices
        super().__init__(batch=1)

    def answer(self, requests: list[Request]) -> list[Voiceprint]:
        """Raises Refused: `bad_audio`; `too_little_speech`, of a clip with less than 0.4 s of it; `bad_features`; `bad_voice`."""
        return [self._reply(request) for request in requests if isinstance(request, Embed)]

    def _reply(self, request: Embed) -> Voiceprint:
        if not request.reference:
            return Voiceprint(self.embed(spoken(hear(request.clip))))
        if request.reference not in self.heard:
            if request.reference not in self.bank:
                raise Unavailable("the voice bank has changed since the run began; the same command goes on")
            one = self.bank[request.reference]
            try:
                self.heard[request.reference] = Voiceprint(self.embed(spoken(hear(one.clip()))))
            except Refused as refused:
                raise Refused("bad_voice", f"the bank's clip of '{one.voice.id}': {refused.message}") from None
        return self.heard[request.reference]

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """The voice in the samples (16 kHz, float32 [n]) as float32 [256] of length 1."""
        import torch

        starts = _starts(len(samples))
        frames = mel(np.pad(samples, (0, max(0, (starts[-1] + PART) * HOP - len(samples)))))
        parts = torch.from_numpy(np.stack([frames[start : start + PART] for start in starts])).to(self.device)
        with torch.inference_mode():
            heard = self.network["lstm"](parts)[1][0][-1]
            vectors = torch.relu(self.network["linear"](heard)).cpu().numpy()
        with np.errstate(invalid="ignore"):  # nothing of it is heard in a part: no direction, and then no voice
            mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
        vector = np.asarray(mean / np.linalg.norm(mean), np.float32)
        refuse_unless_finite(bool(np.isfinite(vector).all()))
        return vector


def spoken(samples: np.ndarray) -> np.ndarray:
    """The first minute of the samples' speech, with pauses shortened, at one level. Raises Refused where too little is left."""
    speech = without_pauses(samples)
    if len(speech) < SHORTEST * RATE:
        raise Refused("too_little_speech", f"{len(speech) / RATE:.2f} s of speech: too little to know a voice by")
    return audio.level(speech[: round(LONGEST * RATE)], RATE, LEVEL)


def without_pauses(samples: np.ndarray) -> np.ndarray:
    """The samples (16 kHz) with the first 0.2 s of each pause, and nothing of what is before all speech."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    speech = power > max(power.max(initial=0.0) * 10 ** (-QUIET / 10), 10 ** (audio.FLOOR / 10))
    places = np.arange(len(frames))
    last = np.maximum.accumulate(np.where(speech, places, -PAUSE - 1))  # the frame of speech before, or in, each
    return np.asarray(frames[places - last <= PAUSE].reshape(-1))


def mel(samples: np.ndarray) -> np.ndarray:
    """Power in 40 mel bands, float32 [frames, 40], a frame each 10 ms, the first one around the first sample."""
    padded = np.pad(samples.astype(np.float32), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    return np.asarray(power @ _bands(), np.float32)


@cache
def _bands() -> np.ndarray:
    """Slaney's mel filters, each of area 1: float64 [201, 40]."""
    mels = np.linspace(0, _to_mel(RATE / 2), MELS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    slopes = edges[None] - np.linspace(0, RATE / 2, WINDOW // 2 + 1)[:, None]
    rising = -slopes[:, :-2] / np.diff(edges)[:-1]
    falling = slopes[:, 2:] / np.diff(edges)[1:]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2]))


def _to_mel(hertz: float) -> float:
    """Slaney's scale: 200/3 Hz a mel to 1000 Hz, from there each 27 mels are 6.4 times as high."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _starts(samples: int) -> list[int]:
    """First frames of the parts that are heard; the last one may run over the end."""
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - PART + STEP + 1), STEP))
    if len(starts) > 1 and (samples - starts[-1] * HOP) / (PART * HOP) < COVERED:
        starts.pop()
    return starts


def _network(path: Path) -> Any:
    """Raises ModelMissing: no such file, none of torch's, other weights than these."""
    import torch

    file = path if path.is_file() else path / "pretrained.pt"
    network = torch.nn.ModuleDict(
        {"lstm": torch.nn.LSTM(MELS, 256, 3, batch_first=True), "linear": torch.nn.Linear(256, 256)}
    )
    with reading(file, "no weights of Resemblyzer's encoder"):
        refuse_packed(file)
        weights = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
        # the two more that it has scaled similarities while it learned
        network.load_state_dict({name: weights[name] for name in network.state_dict()})
    check_finite(file, network)
    return network.eval().requires_grad_(False)


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Resemblyzer,
    batch_invariant=True,
    packages=("torch",),
    extra="torch",
    voices=lambda config: digests(config.bank) if config.bank else {},
)
