"""CosyVoice's speech tokenizer: a file of its shape, through its spectrogram; windows, odd clips, wrong files."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import soundfile
from golden.clips import clip

from tests.helpers.paths import GOLDEN, TINY
from voxsmith.models import references
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.tts import kokoro as tts_kokoro
from voxsmith.stages.engines.units import s3 as units_s3
from voxsmith.stages.requests.units import Encode, Quantise

FOLDER = TINY


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.fixture(scope="module")
def engine() -> Iterator[units_s3.S3]:
    loaded = units_s3.BACKEND.load(units_s3.Config(model=str(FOLDER)))
    yield loaded
    loaded.close()


def test_units_are_the_files_own(engine: units_s3.S3, ask) -> None:
    wanted = np.load(GOLDEN / "s3" / "golden.npz")
    assert engine.hop == 640
    for number in range(3):
        units = ask(engine, [Quantise(wav(clip(number)), b"")])[0].frames
        assert units.dtype == np.uint16
        assert np.array_equal(units, wanted[f"units_clip{number}"])


def test_replies_do_not_depend_on_their_neighbours(engine: units_s3.S3, ask) -> None:
    requests = [Quantise(wav(clip(number)), b"") for number in range(3)]
    together = [reply.frames.tobytes() for reply in ask(engine, requests)]
    assert together == [ask(engine, [request])[0].frames.tobytes() for request in requests]


def test_a_long_clip_in_windows_is_near_to_one_pass(engine: units_s3.S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spectrogram's floor hangs on the loudest sample of the window; at most 1 % of units differ."""
    long = np.concatenate([clip(number % 3) for number in range(90)])
    parts = engine.encode(long)
    monkeypatch.setattr(units_s3, "WINDOW", 1000)
    whole = engine.encode(long)
    assert len(whole) == len(parts) == len(long) // 640
    share = (whole != parts).mean()
    print(f"{len(long) / 16000:.0f} s: {share:.2%} of units differ")
    assert share <= 0.01


def test_clips_of_any_kind(engine: units_s3.S3, ask) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    stereo = wav(np.stack([noise, noise], axis=1))
    assert np.array_equal(*(ask(engine, [Quantise(one, b"")])[0].frames for one in (stereo, wav(noise))))
    for samples, rate, count in ((noise, 8000, 25), (noise[:160], 16000, 1), (noise[:641], 16000, 2)):
        assert len(ask(engine, [Quantise(wav(samples, rate), b"")])[0].frames) == count
    assert len(ask(engine, [Quantise(wav(np.resize(noise, 600 * 16000)), b"")])[0].frames) == 15000
    for bad in (wav(noise[:0]), wav(np.where(np.arange(8000) == 4000, np.nan, noise)), b"", b"no audio"):
        with pytest.raises(Refused, match="bad_audio"):
            ask(engine, [Quantise(bad, b"")])


def test_it_has_no_features_and_takes_no_codebook(engine: units_s3.S3, ask) -> None:
    for request in (Encode(wav(clip(0))), Quantise(wav(clip(0)), b"npy")):
        with pytest.raises(Unavailable, match="codebook: engine"):
            ask(engine, [request])


def test_wrong_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes((FOLDER / "speech_tokenizer_v2.onnx").read_bytes()[:500])
    other = references.fetch("dnsmos") / "sig_bak_ovr.onnx"
    for name, message in {
        "": "there is no speech_tokenizer_v2.onnx in it",
        "nowhere.onnx": "no such model file or folder",
        "broken.onnx": "broken, or no ONNX file",
        str(other): "no speech tokenizer: it takes",
    }.items():
        with pytest.raises(ModelMissing, match=message):
            units_s3.BACKEND.load(units_s3.Config(model=str(tmp_path / name)))


ON_CARD = units_s3.Config.model_validate({"model": str(FOLDER), "resources": {"num_gpus": 0.25}})


def test_without_a_card_it_does_not_go_on_by_itself_on_the_cpu() -> None:
    assert "pip install 'onnxruntime-gpu" in units_s3.BACKEND.trouble(ON_CARD)
    assert units_s3.BACKEND.trouble(units_s3.Config(model=str(FOLDER))) == ""
    with pytest.raises(ModelMissing, match="units_s3: this onnxruntime knows no GPU"):
        units_s3.BACKEND.load(ON_CARD)
    kokoro = tts_kokoro.Config.model_validate({"resources": {"num_gpus": 1}})
    assert "pip install 'onnxruntime-gpu" in tts_kokoro.BACKEND.trouble(kokoro)
    with pytest.raises(ModelMissing, match="tts_kokoro: this onnxruntime knows no GPU"):
        tts_kokoro.BACKEND.load(kokoro)


def test_a_card_that_onnxruntime_gives_up_quietly_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where CUDA's libraries are of another version: it says so in its log, and takes the CPU."""
    asked: list[Any] = []
    real = onnxruntime.InferenceSession

    def session(path: str, options: Any, providers: list[Any], **how: Any) -> Any:
        asked.append((providers, how))
        return real(path, options, providers=providers[1:])

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    with pytest.raises(ModelMissing, match="units_s3: onnxruntime can't use the GPU"):
        units_s3.BACKEND.load(ON_CARD)
    exact = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
    assert asked == [([("CUDAExecutionProvider", exact), "CPUExecutionProvider"], {"enable_fallback": 0})]
