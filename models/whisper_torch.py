"""Whisper's encoder as a PyTorch network, from a Hugging Face folder or from a CTranslate2 one (`model.bin`).

The format of `model.bin` is that of CTranslate2's converters (ctranslate2/specs/model_spec.py, binary version 6): a header,
then each variable as name, shape, type and bytes, then aliases. It is data: nothing of it runs.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import check_finite

if TYPE_CHECKING:
    import torch

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_NORMS = {
    "self_attention/layer_norm": "self_attn_layer_norm",
    "ffn/layer_norm": "final_layer_norm",
}
_LINEARS = {"self_attention/linear_1": "self_attn.out_proj", "ffn/linear_0": "fc1", "ffn/linear_1": "fc2"}


def whisper_encoder(path: Path) -> Any:
    """transformers' WhisperEncoder with the weights of the folder, float32, on the CPU. Raises ModelMissing."""
    if (path / "model.bin").is_file() and not (path / "model.safetensors").exists():
        return _from_ctranslate2(path)
    from transformers import WhisperModel

    encoder_config(path)
    with reading(path, "it can't be read as a Whisper"):
        encoder = WhisperModel.from_pretrained(path, attn_implementation="sdpa", dtype="float32").encoder
    check_finite(path, encoder)
    return encoder


def encoder_config(path: Path) -> Any:
    """transformers' WhisperConfig of the folder, with what shapes the encoder; weights needn't be there where config.json is
    Hugging Face's. Raises ModelMissing.
    """
    if (path / "model.bin").is_file() and not (path / "model.safetensors").exists():
        return _from_ctranslate2(path).config
    from transformers import AutoConfig

    with reading(path, "it can't be read as a Whisper"):
        config = AutoConfig.from_pretrained(path)
    if config.model_type != "whisper":
        raise ModelMissing(f"{path}: no Whisper: config.json names another kind of model")
    return config


def _from_ctranslate2(path: Path) -> Any:
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    file = path / "model.bin"
    with reading(file, "it can't be read as a Whisper of CTranslate2"), open(file, "rb") as stream:
        variables = {name.removeprefix("encoder/"): value for name, value in _variables(stream, file)}
    try:
        width, mels, _ = variables["conv1/weight"].shape
        layers = len(
            {name.split("/")[0] for name in variables if name.startswith("layer_") and "/" in name} - {"layer_norm"}
        )
        config = WhisperConfig(
            num_mel_bins=mels,
            d_model=width,
            encoder_layers=layers,
            encoder_attention_heads=int(variables["num_heads"]),
            encoder_ffn_dim=len(variables["layer_0/ffn/linear_0/weight"]),
            max_source_positions=len(variables["position_encodings/encodings"]),
            attn_implementation="sdpa",
        )
        weights = _renamed(variables, layers)
    except KeyError as error:
        raise ModelMissing(f"{file}: no Whisper encoder: it lacks {error}") from None
    encoder = WhisperEncoder(config)
    encoder.load_state_dict(weights)
    check_finite(file, encoder)
    return encoder.eval()


def _renamed(variables: dict[str, np.ndarray], layers: int) -> "dict[str, torch.Tensor]":
    """The weights under transformers' names. Query, key and value are one matrix there; a key's bias is always zero."""
    import torch

    named: dict[str, np.ndarray] = {"embed_positions.weight": variables["position_encodings/encodings"]}
    for conv in ("conv1", "conv2"):
        named |= {f"{conv}.{part}": variables[f"{conv}/{part}"] for part in ("weight", "bias")}
    for place, name in [("layer_norm", "layer_norm")] + [
        (f"layer_{number}/{theirs}", f"layers.{number}.{ours}")
        for number in range(layers)
        for theirs, ours in _NORMS.items()
    ]:
        named |= {f"{name}.weight": variables[f"{place}/gamma"], f"{name}.bias": variables[f"{place}/beta"]}
    for number in range(layers):
        for theirs, ours in _LINEARS.items():
            for part in ("weight", "bias"):
                named[f"layers.{number}.{ours}.{part}"] = variables[f"layer_{number}/{theirs}/{part}"]
        for part in ("weight", "bias"):
            fused = np.split(variables[f"layer_{number}/self_attention/linear_0/{part}"], 3)
            for name, value in zip(("q_proj", "k_proj", "v_proj"), fused, strict=True):
                named[f"layers.{number}.self_attn.{name}.{part}"] = value
        del named[f"layers.{number}.self_attn.k_proj.bias"]
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in named.items()}


def _variables(stream: BinaryIO, file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and value of each variable of the encoder. Raises ModelMissing where the file is cut, or quantised."""
    version, name = _number(stream, "I"), _text(stream)
    if name != "WhisperSpec" or not 4 <= version <= 6:
        raise ModelMissing(f"{file}: no Whisper of CTranslate2: it holds {name!r}, binary version {version}")
    _number(stream, "I")  # the revision of the spec
    for _ in range(_number(stream, "I")):
        name = _text(stream)
        shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
        kind, size = _number(stream, "B"), _number(stream, "I")
        if not name.startswith("encoder/"):
            stream.seek(size, 1)
            continue
        if kind not in _TYPES or size != np.dtype(_TYPES[kind]).itemsize * int(np.prod(shape, dtype=np.int64)):
            raise ModelMissing(f"{file}: {name} has the type {kind} and {size} bytes for the shape {shape}: broken")
        if kind in (1, 2) and "linear" in name:
            raise ModelMissing(f"{file}: its weights are quantised to integers; take one in float16 or float32")
        data = stream.read(size)
        if len(data) != size:
            raise ModelMissing(f"{file}: it ends in {name}: fetch it again")
        yield name, np.frombuffer(data, _TYPES[kind]).reshape(shape)


def _number(stream: BinaryIO, form: str) -> int:
    data = stream.read(struct.calcsize(f"<{form}"))
    return int(struct.unpack(f"<{form}", data)[0])


def _text(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "H")).rstrip(b"\0").decode()
