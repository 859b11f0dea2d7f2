"""What this machine has, what the recipe needs, what to do."""

import os
import shutil

import psutil

from models import references
from pipeline.recipe.nodes import Graph
from pipeline.recipe.preflight import models_of


def examine(graph: Graph, path: str) -> int:
    """Print a line for each finding; returns 0 where the recipe can run here, else 1."""
    memory = psutil.virtual_memory()
    free = shutil.disk_usage(".").free
    total, available = f"{memory.total / 2**30:.0f}", f"{memory.available / 2**30:.0f}"
    print(f"machine   {os.cpu_count()} cores, {total} GiB memory ({available} free), {free / 2**30:.0f} GiB disk free")
    bad = 0
    for name, engine in graph.engines.items():
        resources = engine.config.resources
        wants = f"{resources.num_cpus:g} CPU, {resources.num_gpus:g} GPU"
        print(f"engine    {name}: {engine.backend}, {resources.replicas} x ({wants})")
        if resources.num_cpus > (os.cpu_count() or 1):
            bad += 1
            advice = f"--set engines.{name}.resources.num_cpus={os.cpu_count()}"
            print(f"          wants more CPUs than this machine has: {advice}")
        trouble = getattr(engine.module, "trouble", lambda config: "")(engine.config)
        if trouble:
            bad += 1
            print(f"          {trouble}")
    for model in models_of(graph, graph.engines):
        names = ", ".join(name for name, one in graph.engines.items() if model in one.module.models(one.config))
        here = references.available(model)
        bad += not here
        print(
            f"model     {model} (for {names}): "
            + ("here" if here else f"missing; get it with: python -m pipeline fetch {model}")
        )
    print(f"{path}: " + ("ready" if not bad else f"{bad} things to do"))
    return 1 if bad else 0
