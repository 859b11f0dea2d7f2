"""An array out of an .npy file, for which no more memory is taken than the file has bytes, whatever its header claims."""

from math import prod
from typing import BinaryIO

import numpy as np

MOST_BYTES = 1 << 30  # bytes: a codebook of 65,536 centroids, 2,048 doubles each
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(stream: BinaryIO) -> np.ndarray:
    """The array, read-only. Raises ValueError where the file is none, holds objects, or claims what it doesn't have."""
    try:
        version = np.lib.format.read_magic(stream)
        shape, columns_first, dtype = _HEADERS[version](stream)
    except Exception as error:  # a header is a Python literal: it goes wrong in many ways
        raise ValueError(f"its header can't be read: {error}") from None
    if dtype.hasobject:
        raise ValueError("it holds objects, and not numbers")
    start, wanted = stream.tell(), prod(shape) * dtype.itemsize
    there = stream.seek(0, 2) - start
    if not 0 <= wanted <= min(there, MOST_BYTES):
        raise ValueError(f"it claims {wanted} bytes for {dtype} {shape}, and has {there}; {MOST_BYTES} are the most")
    stream.seek(start)
    return np.frombuffer(stream.read(wanted), dtype).reshape(shape, order="F" if columns_first else "C")
