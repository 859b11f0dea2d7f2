"""Whether an error says that memory ran out: on a GPU, or on this machine."""


def out_of_memory(error: BaseException) -> bool:
    """True of PyTorch's OutOfMemoryError, of its CPU allocator's RuntimeError, and of Python's MemoryError."""
    told = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in told or "can't allocate memory" in told
