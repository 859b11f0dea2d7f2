"""Errors of loading a model, in one line for people: which engine, which model, what is wrong, what to do.

Libraries raise errors of many classes (onnxruntime and CTranslate2 have their own), and many messages have many lines.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voxsmith.models.out_of_memory import out_of_memory
from voxsmith.models.references import ModelMissing


@contextmanager
def loading(backend: str, model: str, extra: str = "") -> Iterator[None]:
    """Raises ModelMissing in place of what is raised in here. `extra`: of our package, with what the backend imports."""
    try:
        yield
    except ModelMissing:
        raise
    except ImportError as error:
        package = f"voxsmith[{extra}]" if extra else "voxsmith"
        raise ModelMissing(
            f"{backend}: a package can't be imported: {one_line(error)}: pip install '{package}' into the engine's interpreter"
        ) from None
    except Exception as error:
        if out_of_memory(error):
            raise ModelMissing(
                f"{backend}: out of memory while loading {model}; take a smaller model, or fewer replicas a machine"
            ) from None
        raise ModelMissing(
            f"{backend}: {model} can't be loaded: {one_line(error)}; is it such a model, and whole? Fetch it again"
        ) from None


@contextmanager
def reading(path: Path, problem: str) -> Iterator[None]:
    """Raises ModelMissing, with the `problem` of this file or folder, for whatever is raised in here; but not for memory
    that runs out or a package that isn't installed, which `loading` reports.
    """
    try:
        yield
    except (ModelMissing, ImportError):
        raise
    except Exception as error:  # of as many kinds as there are libraries
        if out_of_memory(error):
            raise
        raise ModelMissing(f"{path}: {problem}: {one_line(error)}") from None


def one_line(error: BaseException) -> str:
    """The error's kind, and the first two of its lines that say something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("Weights only load failed"):  # PyTorch's advice is to run what is in the file
        return "it isn't weights alone, or none at all"
    return f"{type(error).__name__}: {' '.join(lines[:2])}"[:300].rstrip(": ")
