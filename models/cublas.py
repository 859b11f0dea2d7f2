"""cuBLAS of CUDA 12 for CTranslate2, which brings none: it looks for libcublas.so.12, at the first matrix product on a GPU."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from voxsmith.models.references import ModelMissing

_INSTALL = "CTranslate2 takes cuBLAS of CUDA 12, whatever CUDA PyTorch has: pip install nvidia-cublas-cu12"
_NAMES = ("libcublasLt.so.12", "libcublas.so.12")  # the second wants the first


def open_libraries() -> None:
    """Open those of the package nvidia-cublas-cu12, where it is installed: the system's loader doesn't look in there, but
    it knows what is open.
    """
    spec = find_spec("nvidia")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for file in (Path(place, "cublas", "lib", name) for name in _NAMES):
            if file.is_file():
                ctypes.CDLL(str(file), ctypes.RTLD_GLOBAL)


@contextmanager
def tried_out(backend: str) -> Iterator[None]:
    """Raises ModelMissing where CTranslate2, asked in the block for the first time, lacks it: else each clip would fail."""
    try:
        yield
    except RuntimeError as error:
        advice = f"; {_INSTALL}" if "libcublas" in str(error) else ""
        raise ModelMissing(f"{backend}: {error}{advice}") from None
