"""HuBERT and wav2vec 2.0 checkpoints (.pt) of fairseq and fairseq2, as transformers' configuration and weights.

A checkpoint is read with PyTorch's `weights_only`, which makes tensors and plain values. The settings beside them are
objects of fairseq, omegaconf or argparse: they are shown as plain data, by a class that only keeps what it is given.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.models.torch_weights import refuse_packed

# What a training run leaves beside the weights is of these packages, and of these plain types.
_KNOWN = re.compile(
    r"(argparse|fairseq|omegaconf|typing|numpy|enum|collections)\..+|_codecs\.encode"
    r"|(builtins|__builtin__)\.(object|dict|list|tuple|set|int|float|str|bool|bytes)"
)
# Of old checkpoints, which can't be looked through before they are read.
_OLD = ("argparse.Namespace", "fairseq.data.dictionary.Dictionary")
_LAYER = r"encoder\.layers\.(\d+)\."
_CONV = r"(?:encoder_frontend\.)?feature_extractor\.(?:conv_)?layers\.(\d+)\."
_POSITION = r"(?:encoder\.pos_conv\.0|encoder_frontend\.pos_encoder\.conv)\."
# From a name in fairseq, or in fairseq2, to that in transformers.
_NAMES = tuple(
    (re.compile(pattern), name)
    for pattern, name in {
        _CONV + r"(?:0|conv)\.(weight|bias)": r"feature_extractor.conv_layers.\1.conv.\2",
        _CONV + r"(?:2|2\.1|layer_norm|group_norm)\.(weight|bias)": r"feature_extractor.conv_layers.\1.layer_norm.\2",
        r"(?:encoder_frontend\.post_extract_)?layer_norm\.(weight|bias)": r"feature_projection.layer_norm.\1",
        r"(?:post_extract_proj|encoder_frontend\.model_dim_proj)\.(weight|bias)": r"feature_projection.projection.\1",
        _POSITION + r"bias": r"encoder.pos_conv_embed.conv.bias",
        _POSITION + r"weight_g": r"encoder.pos_conv_embed.conv.parametrizations.weight.original0",
        _POSITION + r"weight_v": r"encoder.pos_conv_embed.conv.parametrizations.weight.original1",
        _LAYER + r"self_attn\.([qkv])_proj\.(weight|bias)": r"encoder.layers.\1.attention.\2_proj.\3",
        _LAYER + r"self_attn\.out(?:put)?_proj\.(weight|bias)": r"encoder.layers.\1.attention.out_proj.\2",
        _LAYER + r"self_attn_layer_norm\.(weight|bias)": r"encoder.layers.\1.layer_norm.\2",
        _LAYER + r"(?:fc1|ffn\.inner_proj)\.(weight|bias)": r"encoder.layers.\1.feed_forward.intermediate_dense.\2",
        _LAYER + r"(?:fc2|ffn\.output_proj)\.(weight|bias)": r"encoder.layers.\1.feed_forward.output_dense.\2",
        _LAYER + r"(?:final|ffn)_layer_norm\.(weight|bias)": r"encoder.layers.\1.final_layer_norm.\2",
        r"encoder(?:_frontend)?\.layer_norm\.(weight|bias)": r"encoder.layer_norm.\1",
    }.items()
)
# What served training alone: targets, projections onto them, the embedding of what was masked.
_TRAINING = re.compile(
    r"mask_emb|masker\..*|label_embs_concat|final_proj\..*|final_target_proj\..*|project_q\..*|project_inp\..*|quantizer\..*"
    r"|target_glu\..*|num_updates"
)
_STRIDES = (5, 2, 2, 2, 2, 2, 2)


class Checkpoint(NamedTuple):
    """`kind`: transformers' model type. `settings`: of its configuration. `weights`: all of the model's, by its names."""

    kind: str
    settings: dict[str, Any]
    weights: dict[str, Any]
    normalise: bool  # the clip is brought to mean 0, variance 1 before


class Plain:
    """Stands for an object of a training run: keeps what it was made of and given, does nothing."""

    def __new__(cls, *args: Any, **named: Any) -> "Plain":
        self = super().__new__(cls)
        self.__dict__["args"] = args
        return self

    def __init__(self, *args: Any, **named: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__[str(key)] = value


def read(path: Path, heads: int | None = None) -> Checkpoint:
    """The checkpoint's encoder, no weight left over. `heads`: of attention, where the checkpoint doesn't say.

    Raises ModelMissing, naming the file and what is wrong with it.
    """
    data = load(path)
    weights = data.get("model", data) if isinstance(data, dict) else None
    if not isinstance(weights, Mapping) or not all(hasattr(value, "shape") for value in weights.values()):
        raise ModelMissing(f"{path}: no checkpoint of fairseq or fairseq2: it has no weights under 'model'")
    settings = _plain(data.get("cfg") or data.get("args") or {})
    model, task = settings.get("model", settings), settings.get("task", settings)
    if isinstance(model.get("w2v_args"), dict):  # fine-tuned: the encoder is inside
        inner = model["w2v_args"]
        model, task = inner.get("model", inner), inner.get("task", inner)
    prefix = "w2v_encoder.w2v_model."
    if any(name.startswith(prefix) for name in weights):
        weights = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    return encoder_of(path, weights, model, task, heads)


def encoder_of(
    path: Path, weights: Mapping[str, Any], model: dict[str, Any], task: dict[str, Any], heads: int | None = None
) -> Checkpoint:
    """The encoder of a checkpoint's weights, by fairseq's names, and of what its settings say of model and task, if
    anything. Raises ModelMissing.
    """
    named = _renamed(path, weights)
    kind = "hubert" if "label_embs_concat" in weights or "label_rate" in {*model, *task} else "wav2vec2"
    settings = _settings(path, named, model, heads)
    if "layer_norm_first" not in model:  # fairseq2 says it by where the norm is; without settings it goes by the family
        frontend = any(name.startswith("encoder_frontend.") for name in weights)
        first = "encoder.layer_norm.weight" in weights if frontend else settings["feat_extract_norm"] == "layer"
        settings["do_stable_layer_norm"] = first
    normalise = bool(task.get("normalize", settings["feat_extract_norm"] == "layer"))
    return Checkpoint(kind, settings, named, normalise)


def load(path: Path) -> Any:
    """What is in the file: tensors, plain values, and `Plain` objects. Raises ModelMissing."""
    import torch

    with reading(path, "broken, or no PyTorch checkpoint"):
        refuse_packed(path)
        try:
            named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        except ValueError:
            named = list(_OLD)
        if strange := sorted(name for name in named if not _KNOWN.fullmatch(name)):
            raise ModelMissing(f"{path}: not read: it names {strange[0]}, which is no part of a speech encoder")
        with torch.serialization.safe_globals([(Plain, name) for name in named]):
            return torch.load(path, map_location="cpu", weights_only=True)


def _plain(value: Any) -> Any:
    """omegaconf's and argparse's objects as dicts and values."""
    if isinstance(value, Plain):
        content = vars(value)
        for key in ("_content", "_val"):
            if key in content:
                return _plain(content[key])
        return {key: _plain(item) for key, item in content.items() if key != "args" or item}
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    return value


def _renamed(path: Path, weights: Mapping[str, Any]) -> dict[str, Any]:
    named = {}
    for name, value in weights.items():
        if _TRAINING.fullmatch(name):
            continue
        for pattern, wanted in _NAMES:
            if match := pattern.fullmatch(name):
                named[match.expand(wanted)] = value.float()
                break
        else:
            raise ModelMissing(f"{path}: '{name}' is no weight of HuBERT or wav2vec 2.0 as fairseq writes them")
    for needed in ("feature_extractor.conv_layers.0.conv.weight", "feature_projection.projection.weight",
                   "encoder.pos_conv_embed.conv.parametrizations.weight.original1",
                   "encoder.layers.0.feed_forward.intermediate_dense.weight"):  # fmt: skip
        if needed not in named:
            raise ModelMissing(f"{path}: no HuBERT or wav2vec 2.0: it lacks what would be {needed}")
    return named


def _settings(path: Path, named: dict[str, Any], model: dict[str, Any], heads: int | None) -> dict[str, Any]:
    """transformers' settings: shapes from the weights, and what shapes don't tell from the training's settings."""
    convolutions = [name for name in named if re.fullmatch(r"feature_extractor\.conv_layers\.\d+\.conv\.weight", name)]
    shapes = [named[f"feature_extractor.conv_layers.{n}.conv.weight"].shape for n in range(len(convolutions))]
    layers = _literal(model["conv_feature_layers"]) if "conv_feature_layers" in model else None
    strides = [stride for *_, stride in layers] if layers else _STRIDES
    width = named["feature_projection.projection.weight"].shape[0]
    position = named["encoder.pos_conv_embed.conv.parametrizations.weight.original1"].shape
    heads = model.get("encoder_attention_heads", heads) or (width // 64 if width % 64 == 0 else None)
    if not heads or width % heads or len(strides) != len(shapes):
        raise ModelMissing(f"{path}: doesn't say how many attention heads or strides its encoder has")
    for key, usual in {"pos_conv_depth": 1, "layer_type": "transformer", "activation_fn": "gelu"}.items():
        if model.get(key, usual) != usual:
            raise ModelMissing(f"{path}: its encoder has {key}={model[key]}, which isn't known here")
    return {
        "conv_dim": [shape[0] for shape in shapes],
        "conv_kernel": [shape[2] for shape in shapes],
        "conv_stride": list(strides),
        "conv_bias": "feature_extractor.conv_layers.0.conv.bias" in named,
        "feat_extract_norm": "layer" if "feature_extractor.conv_layers.1.layer_norm.weight" in named else "group",
        "num_feat_extract_layers": len(shapes),
        "hidden_size": width,
        "intermediate_size": named["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
        "num_hidden_layers": 1 + max(int(match[1]) for name in named if (match := re.match(_LAYER, name))),
        "num_attention_heads": int(heads),
        "num_conv_pos_embeddings": position[2],
        "num_conv_pos_embedding_groups": width // position[1],
        "do_stable_layer_norm": bool(model.get("layer_norm_first", False)),
    }


def _literal(text: str) -> list[tuple[int, ...]]:
    """`[(512,10,5)] + [(512,3,2)] * 4` as a list: lists and numbers, added and multiplied, nothing else."""

    def value(node: ast.expr) -> Any:
        match node:
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=int(times))) if 0 <= times <= 100:
                return value(left) * times
            case ast.List() | ast.Tuple():
                return ast.literal_eval(node)
        raise ValueError(f"not a list of layers: {text}")

    return list(value(ast.parse(text, mode="eval").body))
