"""Cluster files are valid; a submitted job, and a node that is lost, on a real cluster of two nodes on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench import ROOT, TOY_PATH, digests_of, run_cli, start_cli, write_recipe

TEXTS = [f"thing number {n}" for n in range(24)]


def test_ray_takes_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "ray_cluster.yaml").read_text())
    validate_config(prepare_config(config))
    types = config["available_node_types"]
    assert config["head_node_type"] in types
    assert types["gpu"]["resources"]["GPU"] == 1 and types["gpu"]["min_workers"] == 0


def test_cluster_files_name_the_ray_that_is_tested() -> None:
    manifest = yaml.safe_load((ROOT / "configs/cluster/kuberay.yaml").read_text())
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert f"ray=={manifest['spec']['rayVersion']}" in constraints
    groups = [manifest["spec"]["headGroupSpec"], *manifest["spec"]["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert container["envFrom"][0]["secretRef"]["name"] == "voxsmith", "secrets come from a secret"
    for copied in [
        line.split()[-2] for line in (ROOT / "configs/cluster/Dockerfile").read_text().splitlines() if "COPY" in line
    ]:
        assert (ROOT / copied).exists(), copied


def test_the_linter_has_nothing_to_say_about_the_image() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    told = subprocess.run([linter, ROOT / "configs/cluster/Dockerfile"], capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head with a dashboard and a second node, on loopback; their processes end with the test."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # else Ray takes another address
    monkeypatch.setenv("PYTHONPATH", TOY_PATH)
    from ray.cluster_utils import Cluster

    found = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "node_ip_address": "127.0.0.1", "include_dashboard": True, "dashboard_port": 0},
    )
    found.second = found.add_node(num_cpus=2, node_ip_address="127.0.0.1", resources={"second": 1})
    found.wait_for_nodes()
    yield found
    found.shutdown()


def test_a_node_that_is_lost_costs_no_row(cluster: Any, tmp_path: Path) -> None:
    whole = write_recipe(tmp_path / "whole", TEXTS)
    assert run_cli("run", whole)[0] == 0
    path = write_recipe(tmp_path / "cut", TEXTS)
    actors = ["--set", "engines.llm.delay=0.1", "--set", "engines.llm.resources={replicas: 4, num_cpus: 0.9}"]
    process = start_cli("run", path, *actors, env={"RAY_ADDRESS": cluster.address})
    while len(list((tmp_path / "cut" / "store" / "objects").glob("toy_*/*.json"))) < 3:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    cluster.remove_node(cluster.second, allow_graceful=False)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert digests_of(tmp_path / "cut" / "out") == digests_of(tmp_path / "whole" / "out")


def test_a_submitted_job(cluster: Any, tmp_path: Path) -> None:
    from ray.job_submission import JobStatus, JobSubmissionClient

    client = JobSubmissionClient(f"http://{cluster.head_node.webui_url}")
    path = write_recipe(tmp_path, TEXTS)
    working = {"working_dir": str(ROOT), "env_vars": {"PYTHONPATH": TOY_PATH}}

    def submit(*arguments: str) -> tuple[JobStatus, str]:
        command, end = f"{sys.executable} -m pipeline run {path} {' '.join(arguments)}", time.monotonic() + 180
        while True:
            try:
                job = client.submit_job(entrypoint=command, runtime_env=working)
                break
            except RuntimeError as error:  # the head's agent takes some seconds to start, more on a busy machine
                assert "No available agent" in str(error) and time.monotonic() < end, error
                time.sleep(1)
        while not (status := client.get_job_status(job)).is_terminal() and time.monotonic() < end:
            time.sleep(0.3)
        return status, client.get_job_logs(job)

    status, logs = submit()
    assert status == JobStatus.SUCCEEDED, logs
    counts = json.loads((tmp_path / "out" / "toy" / "manifest.json").read_text())["counts"]
    assert counts == {"rows_in": 24, "rows_out": 24, "rejects": 0, "pending": 0}
    status, logs = submit("--set store=store")
    assert status == JobStatus.FAILED and "a submitted job's folder is thrown away" in logs
