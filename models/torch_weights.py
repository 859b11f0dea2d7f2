"""Weights that PyTorch has read: all there, of the right shapes, and numbers."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxsmith.models.references import ModelMissing

if TYPE_CHECKING:
    import torch


_DENSEST = 4  # times what weights are packed to: PyTorch itself packs nothing, and zeros shrink a thousandfold


def refuse_packed(path: Path) -> None:
    """Raises ModelMissing where the file is an archive that unpacks to much more than itself. What is no archive, or a
    broken one, is for PyTorch to say.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return
    if claimed > _DENSEST * size + (1 << 20):
        raise ModelMissing(f"{path}: not read: it has {size} bytes, and unpacks to {claimed}")


def check_finite(path: Path, model: "torch.nn.Module") -> None:
    """Raises ModelMissing where a weight is NaN or infinite: every reply would be no number, or an error."""
    for name, weight in model.state_dict().items():
        if not weight.isfinite().all():
            raise ModelMissing(f"{path}: broken: {name} has weights that aren't finite numbers; fetch it again")


def check_report(path: Path, report: dict[str, Any], unused: str = "") -> None:
    """Raises ModelMissing where transformers, with a warning alone, drew weights at random: the file lacks them, or has
    them in other shapes.
    """
    if lacking := sorted(set(report["missing_keys"]) - {unused}):
        raise ModelMissing(f"{path}: the weights lack {lacking[0]} and {len(lacking) - 1} more")
    if other := sorted(report["mismatched_keys"]):
        name, shape, wanted = other[0]
        raise ModelMissing(
            f"{path}: {name} is of shape {list(shape)}, by config.json it is of {list(wanted)}, and {len(other) - 1} more"
        )
