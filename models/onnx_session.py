"""Where onnxruntime runs an ONNX model: on the GPU that the recipe gives it, or on so many threads of the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING

from voxsmith.models.interpreter import version_of
from voxsmith.models.loading import reading
from voxsmith.models.references import ModelMissing
from voxsmith.schemas.resources import Resources

if TYPE_CHECKING:
    import onnxruntime

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_BROKEN = "broken, or no ONNX file"
_INSTALL = "in the engine's interpreter: pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]'"
# Out of the box all of cuDNN's algorithms are tried at each new length of a clip, which takes time, and now this, now that
# is the quickest; and products are rounded to 10 bits (TF32). Either may change a unit.
_EXACT = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


def trouble(backend: str, resources: Resources) -> str:
    """What stands in the way of running on the GPU; "" where nothing is known to."""
    known = not resources.num_gpus or version_of(resources.python, "onnxruntime-gpu")
    return "" if known else f"{backend}: onnxruntime knows no GPU; {_INSTALL}"


def open_session(backend: str, path: Path, resources: Resources, gpu: bool = True) -> "onnxruntime.InferenceSession":
    """`gpu`: whether the engine can use one. Raises ModelMissing where the file is missing or broken, and where the recipe
    gives it a GPU that onnxruntime can't use: by itself it would take the CPU and say nothing.
    """
    import onnxruntime

    if not path.is_file():
        raise ModelMissing(f"{backend}: {path} isn't there; was the model fetched whole?")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = resources.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not resources.num_gpus or not gpu:
        with reading(path, _BROKEN):
            return onnxruntime.InferenceSession(str(path), options, providers=[_CPU])
    if _CUDA not in onnxruntime.get_available_providers():
        raise ModelMissing(f"{backend}: this onnxruntime knows no GPU; {_INSTALL}")
    if preload := getattr(onnxruntime, "preload_dlls", None):
        preload()  # CUDA's and cuDNN's libraries, where packages have brought them
    with reading(path, _BROKEN):
        session = onnxruntime.InferenceSession(str(path), options, providers=[(_CUDA, _EXACT), _CPU], enable_fallback=0)
    if _CUDA not in session.get_providers():
        raise ModelMissing(
            f"{backend}: onnxruntime can't use the GPU: it lacks CUDA's or cuDNN's libraries; {_INSTALL}"
        )
    return session
