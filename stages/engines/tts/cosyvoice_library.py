"""CosyVoice's own code: where it is, what it lacks, and how it is imported so that it keeps to itself.

It is a repository on GitHub and on no package registry: a clone is named in the recipe, or lies in the interpreter.
"""

import hashlib
import importlib
import logging
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from voxsmith.models import audio
from voxsmith.models.interpreter import site_packages
from voxsmith.models.optional import lacking
from voxsmith.models.out_of_memory import out_of_memory
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused

NAME = "tts_cosyvoice"
PACKAGES = ("torch", "torchaudio", "transformers", "hyperpyyaml", "openai-whisper", "conformer", "modelscope")
CLONE = "git clone --recursive https://github.com/FunAudioLLM/CosyVoice"
INSTALL = "pip install 'voxsmith[cosyvoice]'"


def loaded(source: str, kind: int, folder: Path, half: bool) -> Any:
    """CosyVoice's own object. Raises ModelMissing: a package too few, an old clone, files that don't fit together."""
    for path in reversed(_paths(source)):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    seed_all(0)  # where the settings don't, so that noise drawn once and kept is the same in each actor
    try:
        with _own_log(), _weights_only():
            library = importlib.import_module("cosyvoice.cli.cosyvoice")
            library.tqdm = iter  # type: ignore[attr-defined]  # else there is a progress bar a text
            # CosyVoice's own way to read a clip takes torchaudio's, which takes torchcodec, which takes FFmpeg.
            importlib.import_module("cosyvoice.cli.frontend").load_wav = read_clip  # type: ignore[attr-defined]
            made = getattr(library, "CosyVoice" if kind == 1 else "CosyVoice2")
            model = made(str(folder), fp16=half)
    except ImportError as error:
        raise ModelMissing(f"{NAME}: CosyVoice can't be imported: {error}; {INSTALL}") from None
    except Exception as error:  # torch, transformers, onnxruntime and CosyVoice each raise their own
        if out_of_memory(error):
            raise ModelMissing(f"{NAME}: out of memory while loading {folder}") from None
        reason = " ".join((str(error).strip() or type(error).__name__).split())
        raise ModelMissing(f"{folder}: can't be loaded: {reason[:300]}") from None
    if not hasattr(model, "add_zero_shot_spk"):
        raise ModelMissing(f"{NAME}: this CosyVoice can't keep voices, it is too old: git pull --recurse-submodules")
    return model


@contextmanager
def _own_log() -> Iterator[None]:
    """CosyVoice sets the root logger up for itself, so that each text would be in the log."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


@contextmanager
def _weights_only() -> Iterator[None]:
    """PyTorch reads weights as data in here; before 2.6 it would otherwise run what is in them."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def read_clip(name: str, rate: int, least: int = 0) -> Any:
    """The clip's samples at `rate` hertz, a float32 tensor [1, n]. Raises Refused `bad_voice` where it can't be read."""
    import torch

    try:
        return torch.from_numpy(audio.resample(*audio.decode(Path(name).read_bytes()), rate))[None]
    except (audio.BadAudio, OSError) as error:
        raise Refused("bad_voice", f"{name}: {error}") from None


def seed_all(seed: int) -> None:
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)  # of all GPUs too


def missing(source: str, python: str) -> str:
    """What to do before CosyVoice can be imported; "" where nothing is known to be missing."""
    if _package(source, python) is None:
        where = f"there is none in {source}" if source else "its interpreter has none"
        return (
            f"{NAME} needs CosyVoice, and {where}: {CLONE}, name that folder as the engine's `source`, "
            f"and {INSTALL} into its interpreter"
        )
    if source and not any((path / "matcha").is_dir() for path in _paths(source)):
        return f"{NAME}: {source} lacks third_party/Matcha-TTS: git submodule update --init --recursive"
    return lacking(NAME, "cosyvoice", python, *PACKAGES)


def _paths(source: str) -> list[Path]:
    """Folders that Python is to look for CosyVoice and Matcha-TTS in, beside its own."""
    if not source:
        return []
    folder = Path(source).expanduser().absolute()
    return [folder, folder / "third_party" / "Matcha-TTS"]


def _package(source: str, python: str) -> Path | None:
    """Where the package `cosyvoice` is: in the clone, or in the interpreter; None where it isn't. Nothing is imported."""
    if source or python:
        folders = _paths(source)[:1] or site_packages(python)
        candidates = [folder / "cosyvoice" for folder in folders]
    else:
        spec = find_spec("cosyvoice")
        candidates = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((folder for folder in candidates if (folder / "cli" / "cosyvoice.py").is_file()), None)


def digest(source: str, python: str) -> str:
    """What names the code of CosyVoice, which has no version; Matcha-TTS goes with it."""
    package = _package(source, python)
    if package is None:
        return "not installed"
    sources = sorted(package.rglob("*.py"))
    listing = "".join(
        f"{file.relative_to(package)}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in sources
    )
    return hashlib.sha256(listing.encode()).hexdigest()[:16]
