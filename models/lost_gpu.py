"""Which GPU this process has, and whether an error says that it is lost: nothing asked of it will work any more."""

import os
import platform

# What CUDA's runtime says (cudaGetErrorString) where "the process must be terminated and relaunched" (its documentation
# of cudaError_t), or where the GPU has gone; PyTorch, CTranslate2 and onnxruntime each put words of their own before it.
_SIGNS = (
    "device-side assert triggered",
    "an illegal memory access was encountered",
    "an illegal instruction was encountered",
    "misaligned address",
    "unspecified launch failure",
    "the launch timed out and was terminated",
    "hardware stack error",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "uncorrectable ecc error",
    "uncorrectable nvlink error",
    "no cuda-capable device is detected",
    "cuda-capable device(s) is/are busy or unavailable",
    "cuda error: unknown error",
    "cuda failed with error unknown error",
)


def gpu_is_lost(error: BaseException) -> bool:
    message = str(error).lower()
    return any(sign in message for sign in _SIGNS)


def which_gpu() -> str:
    """For people with many of them: "node-7, GPU 3"; the numbers are those of `nvidia-smi` on that machine."""
    return f"{platform.node()}, GPU {os.environ.get('CUDA_VISIBLE_DEVICES') or 'of any number'}"
