"""Who speaks: Resemblyzer's own weights against its own code, and voices told apart."""

import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.paths import DATA, GOLDEN
from voxsmith.models import audio
from voxsmith.models.references import ModelMissing, resolve
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.clips import hear
from voxsmith.stages.engines.quality.speaker_resemblyzer import BACKEND, Config, Resemblyzer, spoken, without_pauses
from voxsmith.stages.requests.speaker import Embed, Voiceprint
from voxsmith.stages.requests.tts import Speak

torch = pytest.importorskip("torch")
VOICES = DATA / "voices" / "audio"
EXPECTED = np.load(GOLDEN / "speaker.npz")


@pytest.fixture(scope="module")
def encoder() -> Iterator[Resemblyzer]:
    engine = BACKEND.load(Config())
    yield engine
    engine.close()


def clip(name: str) -> bytes:
    return (VOICES / f"{name}.flac").read_bytes()


def test_voices_are_embedded_as_the_reference_does(encoder: Resemblyzer) -> None:
    differences = {}
    for name in EXPECTED.files:
        samples = spoken(hear(clip("LJ001-0025" if name == "short" else name)))
        vector = encoder.embed(samples[:12000] if name == "short" else samples)
        differences[name] = float(np.abs(vector - EXPECTED[name]).max())
    print("largest difference from Resemblyzer's own embedding:", differences)
    assert max(differences.values()) < 1e-5


def test_one_speaker_is_more_like_herself_than_like_others(encoder: Resemblyzer, ask: Callable[..., Any]) -> None:
    """Halves of a clip, in either order, loud and quiet, at another rate."""
    halves = []
    for path in sorted(VOICES.glob("*.flac")):
        samples, rate = audio.decode(path.read_bytes())
        middle = len(samples) // 2
        halves.append(
            (
                audio.encode(samples[:middle] * 0.3, rate),
                audio.encode(audio.resample(samples[middle:], rate, 24000), 24000),
            )
        )
    replies = ask(encoder, [Embed(half) for pair in halves for half in pair])
    vectors = np.array([one.vector for one in replies])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    likeness = vectors[0::2] @ vectors[1::2].T
    same = np.eye(len(halves), dtype=bool)
    assert likeness[same].min() > 0.8 > 0.75 > likeness[~same].max()


@pytest.mark.heavy
def test_a_synthetic_voice_is_known_again_in_other_words(
    encoder: Resemblyzer, kokoro: Any, ask: Callable[..., Any]
) -> None:
    texts = ("The weather is nice today, so we are going to the park.", "Could you give me a list of five snacks?")
    said = [kokoro.submit(Speak(text, voice)) for voice in ("am_michael", "bf_emma") for text in texts]
    first, second, third, fourth = (one.vector for one in ask(encoder, [Embed(s.result(120).flac) for s in said]))
    assert min(first @ second, third @ fourth) > 0.8 > 0.7 > first @ third


def test_a_reply_packs_and_no_neighbour_changes_it(encoder: Resemblyzer, ask: Callable[..., Any]) -> None:
    requests = [Embed(clip(name)) for name in ("LJ001-0025", "vctk-p226_008")]
    one, two = ask(encoder, requests)
    assert Voiceprint.unpack(one.pack()).pack() == one.pack()
    assert [ask(encoder, [request])[0].pack() for request in requests] == [one.pack(), two.pack()]


def test_pauses_are_shortened() -> None:
    tone = np.sin(np.arange(16000) / 5).astype(np.float32) / 3
    quiet = np.zeros(16000, np.float32)
    shortened = without_pauses(np.concatenate([quiet, tone, quiet, tone, quiet]))
    assert len(shortened) == 16000 * 2.4
    assert without_pauses(np.zeros(100, np.float32)).size == 0


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"", "bad_audio"),
        (b"RIFF....", "bad_audio"),
        (audio.encode(np.zeros(16000, np.float32), 16000), "too_little_speech"),
        (audio.encode(np.sin(np.arange(160)) / 2, 16000), "too_little_speech"),
    ],
)
def test_what_has_no_voice_is_refused(encoder: Resemblyzer, broken: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        encoder.submit(Embed(broken)).result(60)
    assert caught.value.reason == reason


def test_ten_minutes_are_embedded(encoder: Resemblyzer) -> None:
    samples = np.tile(hear(clip("LJ001-0025")), 68)
    assert len(samples) > 16000 * 590
    vector = encoder.submit(Embed(audio.encode(samples, 16000))).result(120).vector
    assert vector @ EXPECTED["LJ001-0025"] > 0.98


def test_what_cannot_be_loaded_is_told_in_a_line(tmp_path: Path) -> None:
    whole = (resolve("resemblyzer") / "pretrained.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    torch.save({"model_state": {"lstm.weight_ih_l0": torch.zeros(3)}}, tmp_path / "other.pt")
    (tmp_path / "code.pt").write_bytes(pickle.dumps({"model_state": print}))
    shutil.copytree(resolve("resemblyzer"), tmp_path / "empty", ignore=shutil.ignore_patterns("*.pt"))
    for name in ("cut.pt", "other.pt", "code.pt", "empty", "nowhere/model"):
        with pytest.raises(ModelMissing) as caught:
            BACKEND.load(Config(model=str(tmp_path / name)))
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_identity_and_licence() -> None:
    assert BACKEND.identity(Config()) == BACKEND.identity(Config.model_validate({"resources": {"threads": 2}}))
    assert BACKEND.licence(Config()) == "Apache-2.0"
