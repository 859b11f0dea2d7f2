"""Cluster files are valid; a submitted job, and a node that is lost, on a real cluster of two nodes on this machine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.jobs import Job
from tests.helpers.recipes import ROOT, TEXTS, asked, digests_of, free_port, run_cli, start_cli, write_recipe
from tests.helpers.waiting import Gate, read_until, rest_of


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
    image = (ROOT / "configs/cluster/Dockerfile").read_text()
    for copied in [line.split()[-2] for line in image.splitlines() if "COPY" in line]:
        assert (ROOT / copied).exists(), copied
    assert "install --yes --no-install-recommends wget" in image, "KubeRay's probes call it, and a slim image has none"


def test_the_linter_has_nothing_to_say_about_the_image() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    ran = subprocess.run([linter, ROOT / "configs/cluster/Dockerfile"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_a_node_that_is_lost_costs_no_row(undisturbed: dict[str, str], cluster: Any, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    gate, actors = Gate(tmp_path, objects=3), ["--set", "engines.llm.resources={replicas: 4, num_cpus: 0.9}"]
    process = start_cli("run", path, *actors, *gate.closed, env={"RAY_ADDRESS": cluster.address})
    gate.wait(process)
    cluster.remove_node(cluster.second, allow_graceful=False)
    gate.open()
    output = rest_of(process)
    assert process.returncode == 0, output
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.usefixtures("one_ray")
@pytest.mark.parametrize("seconds", ["0", "1"])
def test_an_engine_that_fits_no_node_is_one_line_and_nothing_runs(tmp_path: Path, seconds: str) -> None:
    path = write_recipe(tmp_path, TEXTS)
    wants = ["--set", "engines.llm.resources.num_gpus=1"]
    code, output = run_cli("run", path, *wants, env={"VOXSMITH_WAIT_FOR_NODES": seconds})
    assert code == 1 and asked(path) == [], output
    (line,) = [line for line in output.splitlines() if line.startswith("voxsmith: ")]
    assert "engine 'llm' wants 1 GPU an actor; the largest node has 0. Add a node" in line
    assert "--set engines.llm.resources.num_gpus=0;" in line


def test_a_node_that_is_still_to_come_is_waited_for(undisturbed: dict[str, str], cluster: Any, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    env = {"RAY_ADDRESS": cluster.address, "VOXSMITH_WAIT_FOR_NODES": "300"}
    process = start_cli("run", path, "--progress", "json", "--set", "engines.llm.resources.num_cpus=3", env=env)
    event = read_until(process, '"no_node"')
    assert "engine 'llm' wants 3 CPU an actor; the largest node has 2: waiting for a node, up to 300 s" in event
    assert process.poll() is None and asked(path) == []
    _add_node(cluster, 4)
    output = rest_of(process)
    assert process.returncode == 0, output
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.heavy
def test_the_only_node_that_fits_an_engine_may_come_back(
    undisturbed: dict[str, str], cluster: Any, tmp_path: Path
) -> None:
    path = write_recipe(tmp_path, TEXTS)
    large = _add_node(cluster, 4)
    gate, wants = Gate(tmp_path, objects=3), ["--set", "engines.llm.resources.num_cpus=3"]
    process = start_cli("run", path, "--progress", "json", *wants, *gate.closed, env={"RAY_ADDRESS": cluster.address})
    gate.wait(process)
    cluster.remove_node(large, allow_graceful=False)
    assert "waiting for a node, up to 300 s from when it has work" in read_until(process, '"no_node"')
    gate.open()
    _add_node(cluster, 4)
    output = rest_of(process)
    assert process.returncode == 0, output
    assert digests_of(tmp_path / "out") == undisturbed


def _add_node(cluster: Any, cpus: int) -> Any:
    return cluster.add_node(num_cpus=cpus, node_ip_address="127.0.0.1", dashboard_agent_listen_port=free_port())


def test_a_submitted_job(cluster: Any, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, TEXTS)
    done, logs = Job(cluster, "run", path).wait()
    assert done, logs
    counts = json.loads((tmp_path / "out" / "toy" / "manifest.json").read_text())["counts"]
    assert counts == {"rows_in": 24, "rows_out": 24, "rejects": 0, "pending": 0}
    done, logs = Job(cluster, "run", path, "--set store=store").wait()
    assert not done and "a submitted job's folder is thrown away" in logs
