"""Whether an error says that the GPU is lost to this process: nothing that it asks of the card will work any more."""

# What CUDA's runtime says (cudaGetErrorString) where "the process must be terminated and relaunched" (its documentation
# of cudaError_t), or where the card has gone; PyTorch, CTranslate2 and onnxruntime each put words of their own before it.
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


def card_is_lost(error: BaseException) -> bool:
    told = str(error).lower()
    return any(sign in told for sign in _SIGNS)
