"""Centroids out of joblib's files and .npy: what scikit-learn wrote is read, and nothing in a file is ever run."""

import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans, MiniBatchKMeans

from voxsmith.models.kmeans import read_centroids
from voxsmith.models.references import ModelMissing

POINTS = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> MiniBatchKMeans:
    return MiniBatchKMeans(5, n_init=1, random_state=np.random.RandomState(3)).fit(POINTS)


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)], ids=str)
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_joblib_wrote_is_read(tmp_path: Path, fitted: MiniBatchKMeans, compress: Any, protocol: int) -> None:
    joblib.dump(fitted, tmp_path / "km.bin", compress=compress, protocol=protocol)
    centroids = read_centroids(tmp_path / "km.bin")
    assert centroids.dtype == np.float32
    assert np.array_equal(centroids, fitted.cluster_centers_)


def test_doubles_columns_first_and_plain_arrays(tmp_path: Path) -> None:
    fitted = KMeans(5, n_init=1).fit(np.asfortranarray(POINTS.astype(np.float64)))
    fitted.cluster_centers_ = np.asfortranarray(fitted.cluster_centers_)
    joblib.dump(fitted, tmp_path / "km.bin")
    assert np.array_equal(read_centroids(tmp_path / "km.bin"), fitted.cluster_centers_.astype(np.float32))
    joblib.dump(POINTS, tmp_path / "array.bin")
    np.save(tmp_path / "array.npy", POINTS)
    assert np.array_equal(read_centroids(tmp_path / "array.bin"), POINTS)
    assert np.array_equal(read_centroids(tmp_path / "array.npy"), POINTS)


def refused(path: Path) -> str:
    with pytest.raises(ModelMissing) as caught:
        read_centroids(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_code_in_a_file_is_named_and_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    for number, held in enumerate((Evil(), {"cluster_centers_": Evil()}, [POINTS, Evil()])):
        joblib.dump(held, tmp_path / f"{number}.bin")
        assert "mkdir, which is no part of arrays" in refused(tmp_path / f"{number}.bin")
    joblib.dump(np.array([Evil()], object), tmp_path / "objects.bin")
    assert "and not of numbers" in refused(tmp_path / "objects.bin")
    np.save(tmp_path / "objects.npy", np.array([Evil()], object), allow_pickle=True)
    assert "no .npy file of centroids" in refused(tmp_path / "objects.npy")
    assert not (tmp_path / "ran").exists()


def test_what_holds_no_centroids_is_told(tmp_path: Path, fitted: MiniBatchKMeans) -> None:
    joblib.dump({"a": 1}, tmp_path / "dict.bin")
    (tmp_path / "pickle.bin").write_bytes(pickle.dumps(fitted))
    for name in ("dict", "pickle"):
        assert "no scikit-learn k-means that joblib.dump wrote" in refused(tmp_path / f"{name}.bin")
    for name, values in {"flat": POINTS[0], "whole": POINTS.astype(int), "nan": POINTS * np.nan}.items():
        np.save(tmp_path / f"{name}.npy", values)
        assert "not finite centroids [k, width]" in refused(tmp_path / f"{name}.npy")
    assert "no such file of centroids" in refused(tmp_path)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_file_is_told_or_read_whole(tmp_path: Path, fitted: MiniBatchKMeans, data: st.DataObject) -> None:
    path = tmp_path / "km.bin"
    joblib.dump(fitted, path)
    broken = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), max_size=4)):
        broken[place] = data.draw(st.integers(0, 255))
    path.write_bytes(broken[: data.draw(st.integers(0, len(broken)))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            centroids = read_centroids(path)
        except ModelMissing:
            return
    assert centroids.dtype == np.float32 and centroids.ndim == 2 and np.isfinite(centroids).all()
