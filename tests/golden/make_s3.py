"""Golden units for CosyVoice's speech tokenizer: a tiny random network with the inputs and outputs of its ONNX file.

Run once (pip install torch transformers onnx onnxruntime). Writes configs/data/tiny/speech_tokenizer_v2.onnx and
golden.npz: units of the clips of clips.py, whose spectrogram is computed here with PyTorch, as Whisper defines it.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from clips import clip
from onnx import TensorProto, helper, numpy_helper
from transformers.audio_utils import mel_filter_bank

FOLDER = Path(__file__).parent / "s3"
MODEL = Path(__file__).parents[2] / "configs" / "data" / "tiny" / "speech_tokenizer_v2.onnx"  # a recipe names it too
WIDTH, LEVELS = 16, 8  # 3 ** 8 = 6,561 units


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """float32 [1, 128, samples // 160]: log10 of mel energies, the lowest 8 below the highest, moved to about -1 to 1."""
    bands = mel_filter_bank(201, 128, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney")
    spectrum = torch.stft(torch.from_numpy(samples), 400, 160, window=torch.hann_window(400), return_complex=True)
    mel = torch.from_numpy(bands.T.astype(np.float32)) @ spectrum[:, :-1].abs() ** 2
    log = mel.clamp(min=1e-10).log10()
    return ((torch.maximum(log, log.max() - 8) + 4) / 4)[None].numpy()


def network() -> onnx.ModelProto:
    """Two convolutions of stride 2, then a finite scalar quantisation: each of 8 values to -1, 0 or 1, read in base 3."""
    draw = np.random.RandomState(7)
    values = {
        "w1": draw.normal(0, 0.1, (WIDTH, 128, 3)),
        "w2": draw.normal(0, 0.4, (LEVELS, WIDTH, 3)),
        "b2": draw.normal(0, 0.5, LEVELS),
        "one": np.array(1.0),
        "base": 3.0 ** np.arange(LEVELS).reshape(1, LEVELS, 1),
        "axis": np.array([1]),
    }
    initial = [
        numpy_helper.from_array(np.asarray(value, np.int64 if name == "axis" else np.float32), name)
        for name, value in values.items()
    ]
    nodes = [
        helper.make_node("Conv", ["feats", "w1"], ["c1"], kernel_shape=[3], strides=[2], pads=[1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], kernel_shape=[3], strides=[2], pads=[1, 1]),
        helper.make_node("Tanh", ["c2"], ["t"]),
        helper.make_node("Round", ["t"], ["r"]),
        helper.make_node("Add", ["r", "one"], ["digits"]),
        helper.make_node("Mul", ["digits", "base"], ["powers"]),
        helper.make_node("ReduceSum", ["powers", "axis"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["indices"], to=TensorProto.INT32),
        helper.make_node("Identity", ["feats_length"], ["length"]),
    ]
    graph = helper.make_graph(
        nodes,
        "speech_tokenizer",
        [
            helper.make_tensor_value_info("feats", TensorProto.FLOAT, [1, 128, "T"]),
            helper.make_tensor_value_info("feats_length", TensorProto.INT32, [1]),
        ],
        [
            helper.make_tensor_value_info("indices", TensorProto.INT32, [1, "U"]),
            helper.make_tensor_value_info("length", TensorProto.INT32, [1]),
        ],
        initial,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    onnx.save(network(), MODEL)
    session = onnxruntime.InferenceSession(str(MODEL))
    arrays = {}
    for number in range(3):
        mel = spectrogram(clip(number))
        asked = {"feats": mel, "feats_length": np.array([mel.shape[2]], np.int32)}
        arrays[f"units_clip{number}"] = session.run(None, asked)[0].reshape(-1)
        print(
            f"clip {number}: {len(arrays[f'units_clip{number}'])} units, {len(set(arrays[f'units_clip{number}']))} kinds"
        )
    np.savez_compressed(FOLDER / "golden.npz", **arrays)


if __name__ == "__main__":
    main()
