"""A run in several processes, which Ray Train starts, on this machine or on a cluster. The only file of the trainer that knows Ray.

Each process runs `fit.run.fit`, as it would alone; Ray joins them to a process group. On a cluster the exports, the models and
the folder of runs are on storage that all nodes see.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import train
from ray.train.torch import TorchTrainer, get_device

from voxsmith.schemas.errors import RecipeError
from voxsmith.trainer.fit import run
from voxsmith.trainer.fit.workers import WorkersFailed
from voxsmith.trainer.recipe import TrainRecipe

_LOOK = 0.2  # seconds between two looks at what the processes say


def connect(recipe: TrainRecipe, gpus: bool) -> dict[str, float]:
    """Join the cluster that RAY_ADDRESS names, or start Ray on this machine, on loopback; what each process of the run gets: a GPU
    where `gpus`, and `run.resources`. Ray takes signals from then on, unless who called it sets handlers afterwards. Raises RecipeError
    where this machine hasn't what they want, OSError where the run's folder can't be written.
    """
    _storage(recipe).parent.mkdir(parents=True, exist_ok=True)  # here, where what is wrong with it is one line
    each = {"CPU": 1.0} | ({"GPU": 1.0} if gpus else {}) | recipe.run.resources
    _connect(recipe.run.processes, each)
    return each


def fit(recipe: TrainRecipe, say: Callable[[str], None], each: dict[str, float], stopped: Callable[[], bool]) -> Path:
    """As `fit.run.fit`, in `run.processes` processes with the resources `each`. Raises WorkersFailed where a process is lost, and
    what `fit.run.fit` raises.
    """
    storage = _storage(recipe)
    desk: Any = ray.remote(num_cpus=0)(_Desk).remote()
    trainer = TorchTrainer(
        _work,
        train_loop_config={"recipe": recipe.model_dump_json(), "folder": os.getcwd(), "desk": desk},
        scaling_config=train.ScalingConfig(
            num_workers=recipe.run.processes, use_gpu="GPU" in each, resources_per_worker=each
        ),
        run_config=train.RunConfig(name=f"run-{time.time_ns()}", storage_path=str(storage)),
    )
    ended: list[BaseException | None] = []
    thread = threading.Thread(target=lambda: ended.append(_error_of(trainer.fit)), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_LOOK)
        for line in ray.get(desk.take.remote(stopped())):
            say(line)
    place, error = ray.get(desk.result.remote())
    shutil.rmtree(storage, ignore_errors=True)
    if error is not None:
        raise error
    if place is None:
        raise WorkersFailed(f"a process of the run was lost: {_first_line(ended[0])}; the same command goes on")
    return Path(place)


def _storage(recipe: TrainRecipe) -> Path:
    """Where Ray Train keeps notes of its own while the run is on."""
    return (Path(recipe.out) / recipe.name / ".ray").absolute()


class _Desk:
    """Where the processes leave what they say, and see whether they shall stop."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._stops, self._place, self._error = False, "", None

    def say(self, line: str) -> None:
        self._lines.append(line)

    def take(self, stops: bool) -> list[str]:
        self._stops = self._stops or stops
        lines, self._lines = self._lines, []
        return lines

    def stops(self) -> bool:
        return self._stops

    def end(self, place: str, error: Any) -> None:
        """The first error counts: it is why the other processes failed."""
        self._place = self._place or place
        self._error = self._error or error

    def result(self) -> tuple[str | None, Any]:
        return self._place or None, self._error


def _work(config: dict[str, Any]) -> None:
    """What each process does. It runs in a thread, where no signals come: the desk says when to stop."""
    os.chdir(config["folder"])  # paths of the recipe are seen from where the command was given
    desk, recipe = config["desk"], TrainRecipe.model_validate_json(config["recipe"])
    first = train.get_context().get_world_rank() == 0
    try:
        place = run.fit(
            recipe,
            lambda line: ray.get(desk.say.remote(line)),
            get_device(),
            lambda: first and ray.get(desk.stops.remote()),
        )
    except Exception as error:
        ray.get(desk.end.remote("", error))
        raise
    ray.get(desk.end.remote(str(place), None))


def _connect(processes: int, each: dict[str, float]) -> None:
    quiet: dict[str, Any] = {"logging_level": "WARNING", "log_to_driver": bool(os.environ.get("VOXSMITH_WORKER_LOGS"))}
    if ray.is_initialized():
        return
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    # It says at each start that a token guards it, which is as it should be.
    logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a Ray that we start sends no statistics
    ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
    resources_of: Any = ray.cluster_resources
    has = resources_of()
    for name, amount in each.items():
        if amount * processes > has.get(name, 0.0):
            ray.shutdown()
            raise RecipeError(
                f"run.processes: {processes} processes want {amount * processes:g} {name}; "
                f"this machine has {has.get(name, 0.0):g}"
            )


def _error_of(work: Callable[[], Any]) -> BaseException | None:
    try:
        work()
    except Exception as error:
        return error
    return None


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).splitlines()), "") if error else "it ended early"
