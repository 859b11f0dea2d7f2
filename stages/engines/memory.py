"""Whether an error says that memory ran out: on a GPU, or on this machine."""

# What PyTorch says where the GPU's allocator, the CPU's, or oneDNN's (which names no reason) has no more.
_SIGNS = ("out of memory", "can't allocate memory", "could not create a primitive", "could not create a memory")


def out_of_memory(error: BaseException) -> bool:
    """True of Python's MemoryError, and of PyTorch's errors that mean the same."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in told for sign in _SIGNS)
