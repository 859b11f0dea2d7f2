"""GLM-4-Voice's tokenizer: a tiny folder of its shape, against the same arithmetic written out plainly."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import transformers
from golden.clips import clip
from safetensors.torch import load_file, save_file

from tests.helpers.tiny_models import BLOCK, CODES, HEADS, LAYERS, POOL, WIDTH, glm
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.units import glm4voice as units_glm4voice
from voxsmith.stages.requests.units import Encode, Quantise


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def plainly(folder: Path, samples: np.ndarray) -> torch.Tensor:
    """What is quantised of a clip under 30 s: the encoder's arithmetic, without any of transformers' layers."""
    weights = load_file(folder / "model.safetensors")
    length = -(-len(samples) // 1280) * 1280
    mel = transformers.WhisperFeatureExtractor(feature_size=128)(
        np.pad(samples, (0, length - len(samples))), sampling_rate=16000, return_tensors="pt", padding="longest"
    ).input_features[0]
    frames = torch.nn.functional.pad(mel, (2, 0))
    one = torch.stack([(weights["conv1.weight"] * frames[:, t : t + 3]).sum((1, 2)) for t in range(mel.shape[1])])
    one = torch.nn.functional.pad(torch.nn.functional.gelu(one + weights["conv1.bias"]).T, (2, 0))
    two = torch.stack([(weights["conv2.weight"] * one[:, t : t + 3]).sum((1, 2)) for t in range(0, mel.shape[1], 2)])
    hidden = torch.nn.functional.gelu(two + weights["conv2.bias"])
    hidden = hidden + weights["embed_positions.weight"][: len(hidden)]
    for layer in range(LAYERS):
        own = {name.split(".", 2)[2]: value for name, value in weights.items() if name.startswith(f"layers.{layer}.")}

        def norm(values: torch.Tensor, name: str, own: dict[str, torch.Tensor] = own) -> torch.Tensor:
            return torch.nn.functional.layer_norm(values, (WIDTH,), own[f"{name}.weight"], own[f"{name}.bias"])

        def linear(values: torch.Tensor, name: str, own: dict[str, torch.Tensor] = own) -> torch.Tensor:
            return values @ own[f"{name}.weight"].T + own.get(f"{name}.bias", torch.zeros(1))

        seen = norm(hidden, "self_attn_layer_norm")
        query, key, value = (
            linear(seen, f"self_attn.{part}_proj").reshape(-1, HEADS, WIDTH // HEADS) for part in ("q", "k", "v")
        )
        heard = torch.zeros_like(query)
        for t in range(len(hidden)):
            reach = min((t // BLOCK + 1) * BLOCK, -(-len(samples) // 320))  # its block's end, and no padding
            scores = torch.einsum("hd,thd->ht", query[t], key[:reach]) / (WIDTH // HEADS) ** 0.5
            heard[t] = torch.einsum("ht,thd->hd", scores.softmax(-1), value[:reach])
        hidden = hidden + linear(heard.reshape(-1, WIDTH), "self_attn.out_proj")
        inner = torch.nn.functional.gelu(linear(norm(hidden, "final_layer_norm"), "fc1"))
        hidden = hidden + linear(inner, "fc2")
    return hidden.reshape(-1, POOL, WIDTH).mean(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its codebook is made of frames of the clips, so that they have many units."""
    made = glm(tmp_path_factory.mktemp("glm") / "tokenizer")
    weights = load_file(made / "model.safetensors")
    weights["codebook.weight"] = torch.cat([plainly(made, clip(number)) for number in range(3)])[:CODES]
    save_file(weights, made / "model.safetensors")
    return made


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[units_glm4voice.Glm4Voice]:
    loaded = units_glm4voice.BACKEND.load(units_glm4voice.Config(model=str(folder)))
    yield loaded
    loaded.close()


def test_units_are_those_of_the_arithmetic(engine: units_glm4voice.Glm4Voice, folder: Path, ask) -> None:
    codebook = load_file(folder / "model.safetensors")["codebook.weight"]
    together = engine.encode([clip(number) for number in range(3)])  # one batch, padded
    for number in range(3):
        wanted = torch.cdist(plainly(folder, clip(number)), codebook).argmin(1).numpy()
        units = ask(engine, [Quantise(wav(clip(number)), b"")])[0].frames
        assert units.tolist() == wanted.tolist()
        assert len(units) == -(-len(clip(number)) // 1280) and len(set(units)) > 5
        assert (together[number] != wanted)[:-1].sum() == 0  # the last one sees where the padding begins


def test_a_clip_is_cut_every_thirty_seconds(engine: units_glm4voice.Glm4Voice, ask) -> None:
    long = np.concatenate([clip(number % 3) for number in range(50)])[: 45 * 16000]
    whole = ask(engine, [Quantise(wav(long), b"")])[0].frames
    parts = [ask(engine, [Quantise(wav(part), b"")])[0].frames for part in (long[: 30 * 16000], long[30 * 16000 :])]
    assert whole.tolist() == np.concatenate(parts).tolist()
    assert len(whole) == 375 + 188


def test_clips_of_any_kind(engine: units_glm4voice.Glm4Voice, ask) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    stereo = wav(np.stack([noise, noise], axis=1))
    assert np.array_equal(*(ask(engine, [Quantise(one, b"")])[0].frames for one in (stereo, wav(noise))))
    for samples, rate, count in ((noise, 8000, 13), (noise[:160], 16000, 1), (noise[:1281], 16000, 2)):
        assert len(ask(engine, [Quantise(wav(samples, rate), b"")])[0].frames) == count
    assert len(ask(engine, [Quantise(wav(np.resize(noise, 600 * 16000)), b"")])[0].frames) == 7500
    for bad in (wav(noise[:0]), wav(np.where(np.arange(8000) == 4000, np.nan, noise)), b"", b"no audio"):
        with pytest.raises(Refused, match="bad_audio"):
            ask(engine, [Quantise(bad, b"")])
    for request in (Encode(wav(noise)), Quantise(wav(noise), b"npy")):
        with pytest.raises(Unavailable, match="codebook: engine"):
            ask(engine, [request])


def test_features_that_are_no_numbers_are_refused(folder: Path, ask) -> None:
    broken = units_glm4voice.BACKEND.load(units_glm4voice.Config(model=str(folder)))
    with torch.inference_mode():
        broken.parts["conv1"].bias.fill_(float("inf"))  # what half precision comes to on some clips
    with pytest.raises(Refused, match="bad_features"):
        ask(broken, [Quantise(wav(clip(0)), b"")])
    broken.close()


def test_wrong_folders_are_told(folder: Path, tmp_path: Path) -> None:
    def refused(model: Path) -> str:
        with pytest.raises(ModelMissing) as caught:
            units_glm4voice.BACKEND.load(units_glm4voice.Config(model=str(model)))
        return str(caught.value)

    assert "no such model file or folder" in refused(tmp_path / "nowhere")
    assert "no folder of a GLM-4-Voice tokenizer" in refused(tmp_path)
    assert "pooling_type=max, which isn't known here" in refused(glm(tmp_path / "max", pooling_type="max"))
    assert "size mismatch for codebook.weight" in refused(glm(tmp_path / "more", quantize_vocab_size=61))
    whisper = tmp_path / "whisper"
    transformers.WhisperConfig(d_model=32).save_pretrained(whisper)
    assert "config.json has no quantize_position" in refused(whisper)
    broken = glm(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:3000])
    assert "the weights can't be loaded" in refused(broken)
