"""What this machine has, what the recipe needs, what to do."""

import os
import shutil
from dataclasses import dataclass

import psutil

from voxsmith.models import references
from voxsmith.pipeline.recipe.nodes import Engine, Graph
from voxsmith.pipeline.recipe.preflight import lacking_packages, models_of


@dataclass(frozen=True)
class EngineCheck:
    """An engine of the recipe, the CPUs and GPUs that each of its actors asks for, and what keeps it from working here."""

    name: str
    backend: str
    replicas: int
    num_cpus: float
    num_gpus: float
    problems: tuple[str, ...]


@dataclass(frozen=True)
class ModelCheck:
    """A model that engines need, by its reference, and whether it is on this machine."""

    reference: str
    engines: tuple[str, ...]
    here: bool


@dataclass(frozen=True)
class Checkup:
    """`memory`, `free_memory` and `free_disk` (of the working folder) are bytes."""

    cores: int
    memory: int
    free_memory: int
    free_disk: int
    engines: tuple[EngineCheck, ...]
    models: tuple[ModelCheck, ...]
    stages: tuple[str, ...] = ()  # what stages lack here, a line each

    @property
    def problems(self) -> int:
        """How many things have to be done before the recipe can run here."""
        engines = sum(len(engine.problems) for engine in self.engines)
        return engines + sum(not model.here for model in self.models) + len(self.stages)

    @property
    def ready(self) -> bool:
        return self.problems == 0


def examine(graph: Graph) -> Checkup:
    """Look at this machine, and at each engine and model that the recipe names; nothing is loaded."""
    memory, engines = psutil.virtual_memory(), graph.engines
    return Checkup(
        cores=os.cpu_count() or 1,
        memory=memory.total,
        free_memory=memory.available,
        free_disk=shutil.disk_usage(".").free,
        engines=tuple(_check(engine) for engine in engines.values()),
        models=tuple(
            ModelCheck(
                model,
                tuple(name for name, engine in engines.items() if model in engine.backend.models(engine.config)),
                references.available(model),
            )
            for model in models_of(graph, engines)
        ),
        stages=tuple(lacking_packages(graph, graph.nodes)),
    )


def _check(engine: Engine) -> EngineCheck:
    resources = engine.config.resources
    problems = []
    if resources.num_cpus > (os.cpu_count() or 1):
        advice = f"--set engines.{engine.name}.resources.num_cpus={os.cpu_count()}"
        problems.append(f"wants more CPUs than this machine has: {advice}")
    if trouble := engine.backend.trouble(engine.config):
        problems.append(trouble)
    return EngineCheck(
        engine.name, engine.backend_name, resources.replicas, resources.num_cpus, resources.num_gpus, tuple(problems)
    )
