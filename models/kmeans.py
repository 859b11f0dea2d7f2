"""Centroids of a k-means that others fitted: an .npy file, or a scikit-learn model that joblib wrote (`…_km1000.bin`)."""

from pathlib import Path

import numpy as np

from voxsmith.models import joblib_arrays
from voxsmith.models.joblib_arrays import Made, NotPlain
from voxsmith.models.npy import MOST_BYTES, read_npy
from voxsmith.models.references import ModelMissing

MOST = 65536  # centroids: units are uint16


def read_centroids(path: Path) -> np.ndarray:
    """float32 [k, width], finite, k <= 65536. No code in the file is run. Raises ModelMissing, naming the file."""
    if not path.is_file():
        raise ModelMissing(f"{path}: no such file of centroids; a folder won't do, name the .npy or .bin in it")
    try:
        values = _array(path) if path.suffix == ".npy" else _centres(path)
    except NotPlain as error:
        raise ModelMissing(f"{path}: not read: it {error}") from None
    except (ValueError, OSError) as error:
        raise ModelMissing(f"{path}: no .npy file of centroids: {error}") from None
    contents = f"holds {values.dtype} {values.shape}"
    with np.errstate(over="ignore"):
        centroids = np.ascontiguousarray(values, np.float32) if values.dtype.kind == "f" else np.zeros(0, np.float32)
    if centroids.ndim != 2 or not 1 <= len(centroids) <= MOST or not np.isfinite(centroids).all():
        raise ModelMissing(f"{path}: {contents}, not finite centroids [k, width] with k from 1 to {MOST}")
    return centroids


def _array(path: Path) -> np.ndarray:
    with open(path, "rb") as stream:
        return read_npy(stream)


def _centres(path: Path) -> np.ndarray:
    if path.stat().st_size > MOST_BYTES:
        raise NotPlain(f"has more than {MOST_BYTES} bytes")
    model = joblib_arrays.read(path.read_bytes())
    if isinstance(model, np.ndarray):
        return model
    state = model.state if isinstance(model, Made) else None
    centres = state.get("cluster_centers_") if isinstance(state, dict) else None
    if not isinstance(centres, np.ndarray):
        raise NotPlain("holds no array, and no scikit-learn k-means that joblib.dump wrote")
    return centres
