"""The cluster's nodes: what they have, and whether an actor could ever find its place on one."""

import os
from typing import Any, NamedTuple

import ray

from voxsmith.pipeline.errors import RunFailed

WAIT = "VOXSMITH_WAIT_FOR_NODES"  # seconds; to be set on a cluster that grows when it is asked


def resources() -> dict[str, float]:
    """The CPUs and GPUs that the cluster has now."""
    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return {kind: total.get(kind, 0.0) for kind in ("CPU", "GPU")}


def free_resources() -> dict[str, float]:
    """Those of them that nobody has asked for."""
    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return free


def fits(wants: dict[str, float], resources: dict[str, float]) -> bool:
    return all(resources.get(kind, 0) >= amount for kind, amount in wants.items())


def endpoints() -> list[str]:
    """Where the nodes' metrics can be read, as Prometheus does."""
    ports = [(node["NodeManagerAddress"], node["MetricsExportPort"]) for node in _live_nodes()]
    return [f"http://{address}:{port}/metrics" for address, port in ports]


class Shortage(NamedTuple):
    """What no node has enough of. `message`: the end of a sentence; `setting`: what the recipe could ask for instead."""

    message: str
    setting: str


def shortage(wants: dict[str, float]) -> Shortage | None:
    """Why no node could hold an actor that wants this; None where one could."""
    nodes = [node["Resources"] for node in _live_nodes()]
    if any(fits(wants, node) for node in nodes):
        return None
    for kind, wanted in wants.items():
        most = max((node.get(kind, 0) for node in nodes), default=0)
        if wanted > most:
            return Shortage(f"wants {wanted:g} {kind} an actor; the largest node has {most:g}", _setting(kind, most))
    both = " and ".join(f"{wanted:g} {kind}" for kind, wanted in wants.items())
    beside = max(node.get("CPU", 0) for node in nodes if fits(wants | {"CPU": 0}, node))
    return Shortage(f"wants {both} an actor; no node has both", _setting("CPU", beside))


def seconds_to_wait() -> float | None:
    """How long to wait for a node that the cluster lacks; None where the environment variable is not set. Raises RunFailed
    where it is no number.
    """
    value = os.environ.get(WAIT)
    try:
        return None if value is None else float(value)
    except ValueError:
        raise RunFailed(f"{WAIT} is {value!r}: it is a number of seconds") from None


def _setting(kind: str, most: float) -> str:
    return f"resources.num_{kind.lower()}s={most:g}"


def _live_nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"]]
