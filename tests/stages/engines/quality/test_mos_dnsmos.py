"""DNSMOS on real speech, on noise, and on clips that are no clips."""

from collections.abc import Iterator

import numpy as np
import pytest

from voxsmith.models import audio
from voxsmith.models.dnsmos import WINDOW, windows
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.quality.mos_dnsmos import BACKEND, Config, Dnsmos
from voxsmith.stages.requests.mos import Rate


@pytest.fixture(scope="module")
def dnsmos() -> Iterator[Dnsmos]:
    engine = BACKEND.load(Config())
    yield engine
    engine.close()


def noise(seconds: float, amplitude: float = 0.1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, amplitude, round(seconds * 16000)).astype(np.float32)


def test_speech_sounds_better_than_noisy_speech_and_that_than_noise(dnsmos: Dnsmos, ask, speech) -> None:
    samples, rate = audio.decode(next(iter(speech.values())))
    hissing = audio.encode(samples + noise(len(samples) / rate, 0.03), rate)
    clips = [audio.encode(samples, rate), hissing, audio.encode(noise(3), 16000)]
    clean, worse, worst = (reply.mos for reply in ask(dnsmos, [Rate(clip) for clip in clips]))
    assert clean > 3
    assert clean > worse + 0.3 > worst + 0.3
    assert worst < 1.5


def test_replies_do_not_depend_on_their_neighbours(dnsmos: Dnsmos, ask, speech: dict[str, bytes]) -> None:
    requests = [Rate(next(iter(speech.values()))), Rate(audio.encode(noise(10), 16000))]
    together = [reply.pack() for reply in ask(dnsmos, requests)]
    assert together == [reply.pack() for reply in ask(dnsmos, requests[::-1])][::-1]
    other = BACKEND.load(Config())
    assert together == [ask(other, [request])[0].pack() for request in requests]
    other.close()


def test_windows_hold_every_sample_and_repeat_what_is_short() -> None:
    short = np.arange(50000, dtype=np.float32)
    (only,) = windows(short)
    assert np.array_equal(only, np.tile(short, 3)[:WINDOW])
    for length in (WINDOW, WINDOW + 1, 2 * WINDOW, 3 * WINDOW - 5):
        cut = windows(np.arange(length, dtype=np.float32))
        assert all(len(window) == WINDOW for window in cut)
        assert len(cut) == -(-length // WINDOW)
        assert len(np.unique(np.concatenate(cut))) == length


def test_scores_stay_between_one_and_five(dnsmos: Dnsmos, ask) -> None:
    clips = [np.zeros(1, np.float32), np.zeros(160, np.float32), noise(0.01), noise(1, 5.0)]
    for reply in ask(dnsmos, [Rate(audio.encode(clip, 16000)) for clip in clips]):
        assert 1.0 <= reply.mos <= 5.0


@pytest.mark.parametrize("clip", [b"", b"no audio"])
def test_what_cannot_be_heard_is_refused(dnsmos: Dnsmos, ask, clip: bytes) -> None:
    with pytest.raises(Refused, match="bad_audio"):
        ask(dnsmos, [Rate(clip)])


def test_identity_names_the_model() -> None:
    assert BACKEND.identity(Config()) == BACKEND.identity(Config.model_validate({"resources": {"threads": 2}}))
    assert BACKEND.identity(Config())["model"].startswith("dnsmos@")
    assert BACKEND.licence(Config()) == "MIT"
    assert BACKEND.models(Config()) == ("dnsmos",)
