"""`clip_reader`: reads recorded clips from files and gives them out as mono FLAC."""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from pydantic import Field

from voxsmith.models import audio
from voxsmith.schemas.clip_reference import ClipReference
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import EngineConfig, Refused, Unavailable
from voxsmith.stages.engines.recordings.places import Place, State, opened, place_of
from voxsmith.stages.engines.recordings.sound import Range, open_sound, refuse_cut_ogg, refuse_misnamed, samples_of
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.clip import ReadClip
from voxsmith.stages.requests.tts import Clip


class Config(EngineConfig):
    """Settings of `clip_reader`."""

    roots: dict[str, str] = Field(
        default_factory=dict, description="folder of each source's clips, which the pipeline fills in; in no key"
    )


class Reader:
    """Reads one clip a thread: `resources.threads` hide the waiting for an object store."""

    def __init__(self, config: Config) -> None:
        self.roots, self.usage = config.roots, Counter[str]()
        self._threads = ThreadPoolExecutor(config.resources.threads, "clips")

    def submit(self, request: Request) -> "Future[Any]":
        return self._threads.submit(self.read, request)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def read(self, request: Request) -> Clip:
        """The clip. Raises Refused where the row is at fault, Unavailable where the world is."""
        if not isinstance(request, ReadClip):
            raise TypeError(f"clip_reader is asked a {type(request).__name__}")
        try:
            reference = ClipReference.parse(request.place)
        except ValueError as error:
            raise Refused("bad_reference", str(error)) from None
        place = place_of(reference, request.source, self.roots)
        try:
            return Clip(self._clip(request, reference, place))
        except Refused as refused:
            raise Refused(refused.reason, _at(place, reference, refused.message)) from None
        except OSError as error:  # a disk or a network that fails in the middle of a file
            raise Unavailable(f"{place.shown} can't be read now: {error.strerror or error}") from None

    def _clip(self, request: ReadClip, reference: ClipReference, place: Place) -> bytes:
        channel = request.channel if reference.channel is None else reference.channel
        expected = State(reference.size, reference.time_ns, reference.etag)
        with opened(place, expected) as (file, state):
            self.usage["clips_read"] += 1
            if reference.duration is None:
                refuse_cut_ogg(file)
            with open_sound(file, state.size) as sound:
                if not request.misnamed:
                    refuse_misnamed(sound, reference.path)
                samples = samples_of(sound, Range(reference.offset, reference.duration, channel))
                rate = sound.samplerate
        if (share := audio.clipping(samples)) > request.max_clipping:
            raise Refused(
                "clipped", f"{share:.2%} of the samples are flat tops, at most {request.max_clipping:.2%} may"
            )
        return audio.encode(_within_scale(audio.resample(samples, rate, request.sample_rate)), request.sample_rate)


def _within_scale(samples: np.ndarray) -> np.ndarray:
    """Floats beyond full scale are turned down, not clipped."""
    peak = float(np.abs(samples).max(initial=0.0))
    return np.asarray(samples / peak, np.float32) if peak > 1.0 else samples


def _at(place: Place, reference: ClipReference, message: str) -> str:
    where = f"{place.shown}, {reference.member}" if reference.member else place.shown
    return message if place.shown in message else f"{where}: {message}"


def _identity(config: Config) -> dict[str, Any]:
    return {"backend": "clip_reader", "model": "libsndfile"}


BACKEND = Backend(
    name="clip_reader",
    kind="clips",
    config=Config,
    load=Reader,
    identity=_identity,
    models=lambda config: (),
    licence=lambda config: "CC0-1.0",  # it adds no terms to those of the clips
    batch_invariant=True,
)
