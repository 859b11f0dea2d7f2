"""Whether an error says that memory ran out: on a GPU, or on this machine."""

_SIGNS = (
    "out of memory",  # CUDA itself, by way of PyTorch, CTranslate2, onnxruntime
    "can't allocate memory",  # PyTorch on the CPU
    "could not create a primitive",  # oneDNN, which names no reason
    "could not create a memory",
    "failed to allocate memory",  # onnxruntime; MKL in CTranslate2
    "cannot allocate memory",  # the system
    "insufficient memory",  # llama.cpp
    "bad_alloc",  # C++
    "_alloc_failed",  # cuBLAS and cuDNN, which allocate their workspace on the GPU themselves
    "device_allocation_failed",  # cuDNN 9
    "free memory on device",  # vLLM, where another process has what it is to take,
    "error in memory profiling",  # or gives it back meanwhile
)


def out_of_memory(error: BaseException) -> bool:
    """True of Python's MemoryError, and of the errors of libraries that mean the same."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in message for sign in _SIGNS)
