"""Every engine that listens, and clips of any kind: a reply that is one, or a reject that says why; never a hang."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.helpers import tiny_models
from tests.helpers.paths import DATA, GOLDEN, TINY
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.asr import Heard, Transcribe
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.mos import Rate, Score
from voxsmith.stages.requests.speaker import Embed, Voiceprint
from voxsmith.stages.requests.units import Encode, Quantise

SPEECH = DATA / "voices" / "audio" / "LJ001-0025.flac"
ASKS: dict[str, Any] = {
    "asr_whisper": Transcribe,
    "asr_parakeet": Transcribe,
    "mos_dnsmos": Rate,
    "mos_utmos": Rate,
    "speaker_resemblyzer": Embed,
    "units_encoder": Encode,
    "units_hubert": lambda clip: Quantise(clip, b""),
    "units_seamless": lambda clip: Quantise(clip, b""),
    "units_s3": lambda clip: Quantise(clip, b""),
    "units_glm4voice": lambda clip: Quantise(clip, b""),
}
RATES = {"units_encoder": 50, "units_hubert": 50, "units_seamless": 50, "units_s3": 25, "units_glm4voice": 12.5}


def settings(name: str, folder: Path) -> dict[str, Any]:
    """Of a small real model, or of a tiny one in the genuine format."""
    units = GOLDEN / "units"
    return {
        "asr_whisper": lambda: {"model": "whisper-base"},
        "asr_parakeet": lambda: {"model": str(tiny_models.parakeet(folder / "parakeet", "TDT"))},
        "mos_utmos": lambda: {"model": str(GOLDEN / "utmos")},
        "units_hubert": lambda: {
            "model": str(TINY / "hubert_base.pt"), "layer": 2, "codebook": str(TINY / "hubert_base_km20.bin")
        },
        "units_seamless": lambda: {
            "model": str(units / "wav2vec2.pt"), "layer": 2, "heads": 4, "codebook": str(units / "wav2vec2_km20.npy")
        },
        "units_s3": lambda: {"model": str(TINY / "speech_tokenizer_v2.onnx")},
        "units_glm4voice": lambda: {"model": str(tiny_models.glm(folder / "glm"))},
    }.get(name, dict)()  # fmt: skip


@pytest.fixture(scope="module", params=ASKS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    loaded = backend(request.param)
    loaded = loaded.load(loaded.config.model_validate(settings(request.param, tmp_path_factory.mktemp("models"))))
    yield request.param, loaded
    loaded.close()


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def reply(engine: tuple[str, Any], data: bytes, seconds: float) -> Any:
    """What the engine says of the clip, looked at: a reply that could go into a row."""
    name, loaded = engine
    asked: Request = ASKS[name](data)
    answered = loaded.submit(asked).result(500)
    match answered:
        case Heard(text):
            assert isinstance(text, str)
        case Score(mos):
            assert 1 <= mos <= 5
        case Voiceprint(vector):
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        case _:
            assert abs(len(answered.frames) - max(1, seconds * RATES[name])) <= 1
            assert np.isfinite(answered.frames).all()
    return answered


WHOLE, RATE = soundfile.read(SPEECH, dtype="float32")
VOICE = WHOLE[: 2 * RATE]
NOISE = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
NOTHING = {
    "0 s": wav(NOISE[:0]),
    "NaN": wav(np.where(np.arange(16000) == 8000, np.nan, NOISE)),
    "infinite": wav(np.where(np.arange(16000) == 8000, np.inf, NOISE)),
    "all NaN": wav(np.full(16000, np.nan, np.float32)),
    "no bytes": b"",
    "no clip": b"no audio",
    "cut in its header": SPEECH.read_bytes()[:30],
}


def test_what_cannot_be_heard_is_a_reject_and_the_next_clip_is_heard(engine: tuple[str, Any]) -> None:
    name, loaded = engine
    bad = {kind: loaded.submit(ASKS[name](data)) for kind, data in NOTHING.items()}
    reply(engine, wav(VOICE, RATE), len(VOICE) / RATE)
    for kind, future in bad.items():
        refused = future.exception(10)
        assert isinstance(refused, Refused) and refused.reason == "bad_audio", kind


@pytest.mark.parametrize("samples", [1, 160])
def test_a_hundredth_of_a_second(engine: tuple[str, Any], samples: int) -> None:
    if engine[0] == "speaker_resemblyzer":
        with pytest.raises(Refused, match="too_little_speech"):
            reply(engine, wav(NOISE[:samples]), 0)
    else:
        reply(engine, wav(NOISE[:samples]), samples / 16000)


def test_silence(engine: tuple[str, Any]) -> None:
    silence = wav(np.zeros(16000, np.float32))
    if engine[0] == "speaker_resemblyzer":
        with pytest.raises(Refused, match="too_little_speech"):
            reply(engine, silence, 1)
    else:
        reply(engine, silence, 1)


def same(one: Any, other: Any) -> bool:
    """But for the last bits of features."""
    if hasattr(one, "frames") and one.frames.dtype == np.float32:
        return np.allclose(one.frames, other.frames, atol=1e-4)
    return bool(one.pack() == other.pack())


def test_two_channels_are_heard_as_one(engine: tuple[str, Any]) -> None:
    assert same(*(reply(engine, wav(one, RATE), 2) for one in (VOICE, np.stack([VOICE, VOICE], axis=1))))


def test_a_telephones_eight_kilohertz(engine: tuple[str, Any]) -> None:
    reply(engine, wav(NOISE[:8000], 8000), 1)


REAL = ("asr_whisper", "mos_dnsmos", "units_encoder")
TEN_MINUTES = [pytest.param(name, marks=pytest.mark.heavy if name in REAL else []) for name in ASKS]


@pytest.mark.parametrize("engine", TEN_MINUTES, indirect=True)
def test_ten_minutes(engine: tuple[str, Any]) -> None:
    answered = reply(engine, wav(np.resize(WHOLE, 600 * RATE), RATE), 600)
    if isinstance(answered, Heard) and engine[0] in REAL:
        assert 900 < len(answered.text.split()) < 2500


def no_number(name: str, loaded: Any) -> None:
    """As a network does that overflows."""
    if name == "mos_dnsmos":
        loaded.session.run = lambda *asked: [np.full((1, 3), np.nan, np.float32)]
        return
    last = {"mos_utmos": lambda: loaded.head["projection"][2], "speaker_resemblyzer": lambda: loaded.network["linear"]}
    with torch.inference_mode():
        last[name]().bias.fill_(float("nan"))


@pytest.mark.parametrize("name", ["mos_dnsmos", "mos_utmos", "speaker_resemblyzer"])
def test_a_reply_that_is_no_number_is_a_reject(name: str, tmp_path: Path) -> None:
    """It would be below no limit. Features and clips of other engines: in their own tests."""
    declared = backend(name)
    loaded = declared.load(declared.config.model_validate(settings(name, tmp_path)))
    no_number(name, loaded)
    with pytest.raises(Refused, match=r"bad_score|bad_features"):
        loaded.submit(ASKS[name](SPEECH.read_bytes())).result(60)
    loaded.close()


def test_a_voice_of_the_bank_that_has_no_voice_is_named(tmp_path: Path) -> None:
    (tmp_path / "quiet.wav").write_bytes(wav(np.zeros(16000, np.float32)))
    (tmp_path / "broken.wav").write_bytes(SPEECH.read_bytes()[:30])
    manifest = [{"id": name, "path": f"{name}.wav", "text": "Nothing."} for name in ("quiet", "broken")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, manifest)))
    declared = backend("speaker_resemblyzer")
    config = declared.config(bank=str(tmp_path))
    loaded = declared.load(config)
    for name, digest in declared.voices(config).items():
        with pytest.raises(Refused, match=f"bad_voice: the bank's clip of '{name}'"):
            loaded.submit(Embed(reference=digest)).result(60)
    loaded.close()
