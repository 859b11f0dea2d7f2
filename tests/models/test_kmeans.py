"""Centroids out of joblib's files and .npy: what scikit-learn wrote is read, and nothing in a file is ever run."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans, MiniBatchKMeans

from voxsmith.models import joblib_arrays
from voxsmith.models.kmeans import read_centroids
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.base import Refused
from voxsmith.stages.engines.units.encoder import read_codebook

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


def claiming(shape: tuple[int, ...]) -> bytes:
    """The first bytes of an .npy file of this shape, and a kilobyte of its content."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(1024)


@pytest.mark.parametrize("shape", [(65536, 2**24), (2**62, 2**62), (1000, 512), (-1, 4), (1 << 40,)], ids=str)
def test_a_header_that_claims_what_the_file_lacks_is_told(tmp_path: Path, shape: tuple[int, ...]) -> None:
    (tmp_path / "km.npy").write_bytes(claiming(shape))
    assert "no .npy file of centroids: it claims " in refused(tmp_path / "km.npy")
    with pytest.raises(Refused, match="it claims "):  # as a stage hands it to an engine
        read_codebook(claiming(shape))


@pytest.mark.parametrize(
    "header", [b"{'descr': '<f4', 'fortran_order': False, 'shape': (", b"(" * 5000, b"\xff" * 40, b"  x\n y"]
)
def test_a_header_that_is_none_is_told(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "km.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert "its header can't be read" in refused(tmp_path / "km.npy")
    np.savez(tmp_path / "zip.npz", POINTS)
    (tmp_path / "zip.npz").rename(tmp_path / "km.npy")
    assert "its header can't be read" in refused(tmp_path / "km.npy")


PACKERS = {"gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zlib": zlib.compress}


@pytest.mark.parametrize("kind", PACKERS)
def test_what_unpacks_without_end_is_told(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib_arrays, "MOST_BYTES", 1 << 20)
    (tmp_path / "km.bin").write_bytes(PACKERS[kind](bytes(1 << 26)))
    tracemalloc.start()
    assert "unpacks to more than 1048576 bytes" in refused(tmp_path / "km.bin")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 25


DEEP = b"K\x00" + b"2\x86" * 60  # a pair of a pair of ..., 60 levels: 2^60 numbers to whoever looks at each


@pytest.mark.parametrize(
    "steps",
    [
        b"\x80\x04" + DEEP + DEEP + b"\x93.",  # the name of a class
        b"\x80\x04}" + DEEP + b"K\x01s.",  # a key
        b"\x80\x04(" + DEEP + b"K\x01d.",
        b"\x80\x02cnumpy\ndtype\n" + DEEP + b"\x85R.",
        b"\x80\x04\x8e" + (1 << 42).to_bytes(8, "little") + b"abc.",  # bytes that are not there
        b"\x80\x04\x8b" + (1 << 30).to_bytes(4, "little") + b"abc.",  # a number of 2^30 bytes
        b"(" * 100_000 + b".",
    ],
)
def test_a_pickle_that_grows_when_it_is_looked_at_is_told(tmp_path: Path, steps: bytes) -> None:
    (tmp_path / "km.bin").write_bytes(steps)
    refused(tmp_path / "km.bin")


def test_an_array_of_a_kind_that_grows_is_told(tmp_path: Path, fitted: MiniBatchKMeans) -> None:
    joblib.dump(POINTS, tmp_path / "km.bin", protocol=2)
    whole = (tmp_path / "km.bin").read_bytes()
    kind = b"X\x02\x00\x00\x00f4"
    assert whole.count(kind) == 1
    (tmp_path / "km.bin").write_bytes(whole.replace(kind, DEEP))
    assert "has an array of something else" in refused(tmp_path / "km.bin")
