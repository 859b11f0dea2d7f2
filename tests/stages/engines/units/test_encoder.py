"""The Whisper encoder's features and their nearest centroids."""

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from voxsmith.models import audio
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.units.encoder import BACKEND, Config, Encoder, nearest, read_codebook
from voxsmith.stages.requests.units import Encode, Quantise


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    engine = BACKEND.load(Config())
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def codebook(encoder: Encoder, ask, speech: dict[str, bytes]) -> bytes:
    """Every seventh frame of the clips."""
    replies = ask(encoder, [Encode(clip) for clip in speech.values()])
    return npy(np.concatenate([reply.frames for reply in replies])[::7])


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def test_features_are_fifty_frames_a_second(encoder: Encoder, ask, speech: dict[str, bytes]) -> None:
    for clip in speech.values():
        frames = ask(encoder, [Encode(clip)])[0].frames
        samples, rate = audio.decode(clip)
        assert frames.dtype == np.float32
        assert frames.shape == (int(np.ceil(len(samples) / rate * 50)), 512)
        assert np.isfinite(frames).all()


def test_replies_do_not_depend_on_their_neighbours(encoder: Encoder, ask, speech, codebook: bytes) -> None:
    requests = [Quantise(clip, codebook) for clip in speech.values()] + [Encode(clip) for clip in speech.values()]
    together = [reply.frames.tobytes() for reply in ask(encoder, requests)]
    assert together == [reply.frames.tobytes() for reply in ask(encoder, requests[::-1])][::-1]
    other = BACKEND.load(Config())
    assert together == [ask(other, [request])[0].frames.tobytes() for request in requests]
    other.close()


def test_units_are_the_nearest_centroids(encoder: Encoder, ask, speech, codebook: bytes) -> None:
    clip = next(iter(speech.values()))
    frames, units = (reply.frames for reply in ask(encoder, [Encode(clip), Quantise(clip, codebook)]))
    centroids = np.load(io.BytesIO(codebook)).astype(np.float64)
    distances = np.linalg.norm(frames[:, None].astype(np.float64) - centroids[None], axis=2)
    assert units.dtype == np.uint16
    assert len(units) == len(frames)
    assert np.array_equal(units, distances.argmin(axis=1))
    assert np.array_equal(units[::7], np.arange(len(units[::7])))


def test_the_same_text_is_nearer_than_another(encoder: Encoder, speech: dict[str, bytes]) -> None:
    """Loudness, which says nothing of what is said, moves frames less than another sentence does."""
    one, two = (encoder.encode(audio.decode(clip)[0]) for clip in speech.values())
    softer = encoder.encode(audio.decode(next(iter(speech.values())))[0] * 0.5)
    length = min(len(one), len(two))
    assert np.abs(one - softer).mean() < 0.3 * np.abs(one[:length] - two[:length]).mean()


def test_clips_over_thirty_seconds_are_read_in_windows(encoder: Encoder, speech: dict[str, bytes]) -> None:
    samples, _ = audio.decode(next(iter(speech.values())))
    long = np.resize(samples, 31 * 16000 + 7)
    frames = encoder.encode(long)
    assert frames.shape == (31 * 50 + 1, 512)
    assert np.array_equal(frames[1500:], encoder.encode(long[30 * 16000 :]))


@pytest.mark.parametrize("length", [1, 160, 319, 320, 321, 640])
def test_tiny_clips_give_a_frame_for_each_twenty_milliseconds(encoder: Encoder, ask, length: int) -> None:
    clip = audio.encode(np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32), 16000)
    frames = ask(encoder, [Encode(clip)])[0].frames
    assert frames.shape == (-(-length // 320), 512)
    assert np.isfinite(frames).all()


@pytest.mark.parametrize("clip", [b"", b"no audio"])
def test_what_cannot_be_heard_is_refused(encoder: Encoder, ask, clip: bytes, codebook: bytes) -> None:
    for request in (Encode(clip), Quantise(clip, codebook)):
        with pytest.raises(Refused, match="bad_audio"):
            ask(encoder, [request])


@pytest.mark.parametrize(
    "codebook",
    [
        b"",
        b"no array",
        npy(np.zeros((0, 512), np.float32)),
        npy(np.zeros(512, np.float32)),
        npy(np.full((3, 512), np.nan, np.float32)),
        npy(np.zeros((3, 100), np.float32)),
        npy(np.array([["a"]])),
        npy(np.array([[None]])),
    ],
    ids=["empty", "text", "no centroid", "flat", "nan", "width", "letters", "objects"],
)
def test_what_is_no_codebook_is_refused(encoder: Encoder, ask, speech, codebook: bytes) -> None:
    with pytest.raises(Refused, match="bad_codebook"):
        ask(encoder, [Quantise(next(iter(speech.values())), codebook)])


def test_features_that_are_no_numbers_are_refused(ask, speech, codebook: bytes) -> None:
    engine = BACKEND.load(Config())
    engine.mel.mel_filters = engine.mel.mel_filters * np.nan  # what half precision comes to on some clips
    for request in (Encode(next(iter(speech.values()))), Quantise(next(iter(speech.values())), codebook)):
        with pytest.raises(Refused, match="bad_features"):
            ask(engine, [request])
    engine.close()


def test_nearest_of_many() -> None:
    centroids, squares = read_codebook(npy(np.eye(65536, 4, dtype=np.float32) + 1))
    assert nearest(np.eye(4, dtype=np.float32)[::-1] + 1, centroids, squares).tolist() == [3, 2, 1, 0]


def test_identity_holds_what_replies_depend_on() -> None:
    assert BACKEND.identity(Config()) == BACKEND.identity(Config.model_validate({"resources": {"threads": 2}}))
    assert BACKEND.identity(Config()) != BACKEND.identity(Config(compute_type="int8"))
    assert BACKEND.licence(Config()) == "MIT"
    assert BACKEND.models(Config()) == ("whisper-base",)


def test_what_a_card_lacks_is_told_before_any_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """CTranslate2's model is a stand-in here; it says what it says at the first product on a card without cuBLAS."""

    def encode(*_: Any, **__: Any) -> None:
        raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")

    def whisper(folder: str, device: str, **_: Any) -> SimpleNamespace:
        assert device == "cuda"
        return SimpleNamespace(n_mels=80, encode=encode)

    monkeypatch.setattr("ctranslate2.models.Whisper", whisper)
    with pytest.raises(ModelMissing, match=r"units_encoder: .* not found .*pip install nvidia-cublas-cu12"):
        BACKEND.load(Config.model_validate({"resources": {"num_gpus": 1}}))
