"""What networks that stand still make of a row, kept on the disk by content: it is computed once, also for later runs."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor


class Features:
    """A folder with a file for each row: there whole or not at all. `identity`: of the networks; `dtype` of what is kept, which
    the frames of this run are rounded to from the first epoch on; `most`: bytes that the folder may hold: beyond them nothing is
    added. Of several processes that fill it each counts what it adds itself.
    """

    def __init__(self, folder: Path, identity: str, dtype: torch.dtype, most: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._identity, self.dtype = folder, f"{identity} {dtype}", dtype
        self._left = most - sum(file.stat().st_size for file in folder.glob("*/*.safetensors"))

    def key(self, clip: bytes, seconds: float | None, tokens: Sequence[int] = ()) -> str:
        """Of a clip's file, the length that it is filled up or cut to, and what an LLM reads with it."""
        of = hashlib.blake2b(f"{self._identity} {seconds} {[*tokens]}\n".encode(), digest_size=16)
        of.update(clip)
        return of.hexdigest()

    def get(self, key: str) -> Tensor | None:
        """float32 [frames, width], or None. A file that can't be read is as one that isn't there."""
        try:
            return load_file(self._file(key))["frames"].float()
        except (OSError, SafetensorError, KeyError):
            return None

    def put(self, key: str, frames: Tensor) -> None:
        """Keep [frames, width], if there is room. Raises OSError where the disk is full."""
        file = self._file(key)
        size = frames.numel() * self.dtype.itemsize
        if size > self._left or file.exists():
            return
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_name(f".{key}.{os.getpid()}")
        try:
            save_file({"frames": frames.to(self.dtype).cpu().contiguous()}, fresh)
            fresh.replace(file)
        except SafetensorError as error:  # its errors of the disk are no OSError
            raise OSError(f"{file}: can't be written: {error}") from None
        finally:
            fresh.unlink(missing_ok=True)
        self._left -= size

    def rounded(self, frames: Tensor) -> Tensor:
        """As `get` gives them, float32."""
        return frames.to(self.dtype).float()

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"
