import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.packages import copy_checkout, pip
from tests.helpers.recipes import TEXTS, TOY_PATH, digests_of, free_port, run_cli, write_recipe
from tests.helpers.s3_server import KEYS

with suppress(ModuleNotFoundError):  # in environments of an engine's own
    from hypothesis import HealthCheck, settings

    # A machine that is busy draws and runs examples slowly, which is no fault of theirs.
    settings.register_profile("voxsmith", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("voxsmith")

ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # without it Ray takes, or looks for, another address


@pytest.fixture(scope="session")
def ray_head() -> Iterator[str]:
    """The address of a Ray on loopback that many tests share: each start takes seconds."""
    from ray.cluster_utils import Cluster

    shared = {"PYTHONPATH": TOY_PATH} | ON_LOOPBACK | KEYS  # the environment of its processes
    before = {name: os.environ.get(name) for name in shared}
    os.environ |= shared
    try:
        head = {"num_cpus": 8, "node_ip_address": "127.0.0.1", "include_dashboard": False}
        head["_system_config"] = {"metrics_report_interval_ms": 1000}  # ten seconds by default
        cluster = Cluster(True, head_node_args=head)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head with a dashboard and a second node, on loopback; their processes end with the test."""
    for name, value in ({"PYTHONPATH": TOY_PATH} | ON_LOOPBACK).items():
        monkeypatch.setenv(name, value)
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "node_ip_address": "127.0.0.1"}
    # Jobs are submitted to a node's agent, whose usual port another Ray on this machine may have.
    head = node | {"include_dashboard": True, "dashboard_port": 0, "dashboard_agent_listen_port": free_port()}
    started = Cluster(True, head_node_args=head)
    started.second = started.add_node(**node, resources={"second": 1}, dashboard_agent_listen_port=free_port())
    started.wait_for_nodes()
    yield started
    started.shutdown()


@pytest.fixture(scope="session")
def on_ray(ray_head: str) -> dict[str, str]:
    """The environment in which a command line runs on the shared Ray, as jobs of a cluster do."""
    return {"RAY_ADDRESS": ray_head, **ON_LOOPBACK}


@pytest.fixture
def one_ray(on_ray: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All command lines of this test run on the shared Ray."""
    for name, value in on_ray.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def undisturbed(on_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of what a run of the toy recipe over `TEXTS` writes, by path below its `out`."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, output = run_cli("run", write_recipe(folder, TEXTS), env=on_ray)
    assert code == 0, output
    return digests_of(folder / "out")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    copy, out = copy_checkout(tmp_path_factory.mktemp("copy")), tmp_path_factory.mktemp("source")
    build = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, out], cwd=copy, capture_output=True, check=True)
    (archive,) = out.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as it is built from the source distribution."""
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(out), str(source))
    (archive,) = out.glob("*.whl")
    return archive
