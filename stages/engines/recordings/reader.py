"""`clip_reader`: reads recorded clips from files and gives them out as mono FLAC."""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile
from pydantic import Field

from voxsmith.models import audio
from voxsmith.models.clipped import clipped_share
from voxsmith.schemas.clip_reference import ClipReference, ranged
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import EngineConfig, Refused
from voxsmith.stages.engines.recordings.archives import TABLES, Cells, Span, TarIndex, cell_of, tar_index
from voxsmith.stages.engines.recordings.files import OpenFile, Part, buffered, open_file, state_now
from voxsmith.stages.engines.recordings.kept import Kept
from voxsmith.stages.engines.recordings.places import Place, State, place_of, refuse_changed
from voxsmith.stages.engines.recordings.sound import Range, open_sound, refuse_cut_ogg, refuse_misnamed, samples_of
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.clip import ReadClip
from voxsmith.stages.requests.tts import Clip

_AT_ONCE = 1 << 26  # bytes of a recording that are read at once where all of it is wanted
_FILES, _TABLES, _SOUNDS, _INDEXES = 32, 2, 8, 64  # that stay open


class Config(EngineConfig):
    """Settings of `clip_reader`."""

    roots: dict[str, str] = Field(
        default_factory=dict, description="folder of each source's clips, which the pipeline fills in; in no key"
    )


class _Recording(NamedTuple):
    """A file with one recording in it. `fault` says what went wrong while a library read it."""

    file: BinaryIO
    size: int
    fault: Callable[[], Exception | None]


class _Sound(NamedTuple):
    sound: soundfile.SoundFile
    fault: Callable[[], Exception | None]


class Reader:
    """Reads one clip a thread: more of `resources.threads` hide the waiting for an object store."""

    def __init__(self, config: Config) -> None:
        self.roots, self.usage = config.roots, Counter[str]()
        self._threads = ThreadPoolExecutor(config.resources.threads, "clips")
        self._files = Kept[OpenFile](_FILES, lambda file: file.close(), alone=False)
        self._tables = Kept[Cells](_TABLES)
        self._sounds = Kept[_Sound](_SOUNDS, lambda one: one.sound.close())
        self._indexes = Kept[TarIndex](_INDEXES, alone=False)

    def submit(self, request: Request) -> "Future[Any]":
        return self._threads.submit(self.read, request)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for kept in (self._sounds, self._tables, self._files):
            kept.clear()

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

    def _clip(self, request: ReadClip, reference: ClipReference, place: Place) -> bytes:
        channel = request.channel if reference.channel is None else reference.channel
        listed = State(reference.size, reference.time_ns, reference.etag)
        with self._files.use((place, state_now(place)), lambda: open_file(place)) as file:
            refuse_changed(place, listed, file.state)
            with self._sound(file, reference) as (sound, fault):
                try:
                    if not request.misnamed:
                        refuse_misnamed(sound, reference.member if _in_archive(reference) else reference.path)
                    samples = samples_of(sound, Range(reference.offset, reference.duration, channel, reference.length))
                finally:
                    if error := fault():
                        raise error
                rate = sound.samplerate
            refuse_changed(place, file.state, state_now(place) or file.state)
        self.usage["clips_read"] += 1
        if samples.min() == samples.max():
            raise Refused("silent", f"nothing sounds in the clip: all of its samples are {samples[0]:g}")
        if (share := clipped_share(samples, rate)) > request.max_clipping:
            raise Refused(
                "clipped", f"{share:.2%} of the clip has flat tops, at most {request.max_clipping:.2%} may have them"
            )
        samples = audio.resample(samples, rate, request.sample_rate)
        return audio.encode(_within_scale(samples), request.sample_rate)

    @contextmanager
    def _sound(self, file: OpenFile, reference: ClipReference) -> Iterator[_Sound]:
        """The recording that the clip is, or is a range of: of such a one others may follow, so it stays open."""
        if ranged(reference) and not _in_table(reference):
            key = (file.place, file.state, reference.member)
            with self._sounds.use(key, lambda: self._opened(file, reference)) as one:
                yield one
            return
        one = self._opened(file, reference)
        with one.sound:
            yield one

    def _opened(self, file: OpenFile, reference: ClipReference) -> _Sound:
        recording = self._recording(file, reference)
        try:
            if not ranged(reference):
                refuse_cut_ogg(recording.file)
            return _Sound(open_sound(recording.file, recording.size), recording.fault)
        finally:
            if error := recording.fault():
                raise error

    def _recording(self, file: OpenFile, reference: ClipReference) -> _Recording:
        if _in_table(reference):
            with self._tables.use((file.place, file.state), lambda: Cells(file)) as cells:
                data = cells[cell_of(reference.member)]
            return _Recording(io.BytesIO(data), len(data), lambda: None)
        span = Span(0, file.size)
        if reference.member:
            with self._indexes.use((file.place, file.state), lambda: tar_index(file)) as index:
                span = index[reference.member]
        if ranged(reference) or span.size > _AT_ONCE:
            part = Part(file.read_at, *span)
            return _Recording(buffered(part, file.ahead), span.size, lambda: part.failed)
        return _Recording(io.BytesIO(file.read_at(*span)), span.size, lambda: None)


def _in_table(reference: ClipReference) -> bool:
    return bool(reference.member) and reference.path.lower().endswith(TABLES)


def _in_archive(reference: ClipReference) -> bool:
    return bool(reference.member) and not _in_table(reference)


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
