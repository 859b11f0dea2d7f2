"""The cluster's nodes: what they have, and whether an actor could ever find its place on one."""

import os
from typing import Any, NamedTuple

import ray

from pipeline.errors import RunFailed

WAIT = "VOXSMITH_WAIT_FOR_NODES"  # seconds; a cluster that grows when it is asked says so by this


def room() -> dict[str, float]:
    """What the cluster has now of CPU and GPU."""
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return {kind: found.get(kind, 0.0) for kind in ("CPU", "GPU")}


def free_room() -> dict[str, float]:
    """What of it nobody has asked for."""
    found: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return found


def fits(wants: dict[str, float], room: dict[str, float]) -> bool:
    return all(room.get(kind, 0) >= amount for kind, amount in wants.items())


def endpoints() -> list[str]:
    """Where the nodes' metrics can be read, as Prometheus does."""
    ports = [(node["NodeManagerAddress"], node["MetricsExportPort"]) for node in _alive()]
    return [f"http://{address}:{port}/metrics" for address, port in ports]


class Lack(NamedTuple):
    """What no node has enough of. `told`: a sentence's end; `setting`: what the recipe could ask for instead."""

    told: str
    setting: str


def lack(wants: dict[str, float]) -> Lack | None:
    """What an actor that wants this lacks; None where some node could hold it."""
    nodes = [node["Resources"] for node in _alive()]
    if any(fits(wants, node) for node in nodes):
        return None
    for kind, wanted in wants.items():
        most = max((node.get(kind, 0) for node in nodes), default=0)
        if wanted > most:
            return Lack(f"wants {wanted:g} {kind} an actor; the largest node has {most:g}", _setting(kind, most))
    both = " and ".join(f"{wanted:g} {kind}" for kind, wanted in wants.items())
    beside = max(node.get("CPU", 0) for node in nodes if fits(wants | {"CPU": 0}, node))
    return Lack(f"wants {both} an actor; no node has both", _setting("CPU", beside))


def patience() -> float | None:
    """Seconds to wait for a node that the cluster hasn't; None where the environment says nothing of it. Raises RunFailed
    where it says no number.
    """
    told = os.environ.get(WAIT)
    try:
        return None if told is None else float(told)
    except ValueError:
        raise RunFailed(f"{WAIT} is {told!r}: it is a number of seconds") from None


def _setting(kind: str, most: float) -> str:
    return f"resources.num_{kind.lower()}s={most:g}"


def _alive() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in found if node["Alive"]]
