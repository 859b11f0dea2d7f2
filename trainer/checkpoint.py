"""Checkpoints: what learned, and all that is needed to go on as if nothing had been. No pickle.

model.safetensors       adapter.*, decoder.*, and of the LLM and the encoder what learned, also in the phases before
optimiser.safetensors   the optimiser's moments, by place of the parameter
data.json               what it was trained on, and what the units are
state.json              step, epoch, place in the epoch, random states of the workers; recipe.json: the recipe
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from voxsmith.schemas.strict import Strict
from voxsmith.trainer.build import Built, build
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.shards import as_sharded, whole

DATA = "data.json"  # of a run, and in each of its checkpoints
_NAME = re.compile(r"step-(\d{8})")


class BadCheckpoint(Exception):
    """The folder is no checkpoint that can be used; the message says why and what to do."""


@dataclass
class State:
    """How far a run is: `step`s taken; `place` is the number of steps taken in `epoch`; `batches`: of a step, over all workers.
    `best`: the least validation loss, of step `best_step`.
    """

    step: int = 0
    epoch: int = 0
    place: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_step: int | None = None
    batches: int = 1


def kept(network: nn.Module) -> dict[str, Tensor]:
    """Weights that a checkpoint holds: adapter, decoder, and what of LLM and encoder learned, in this phase or an earlier one, whose
    names are in `network.trained`. Of a vocoder, all.
    """
    names = network.trained | {name for name, value in network.named_parameters() if value.requires_grad}
    own = ("adapter.", "decoder.")
    return {n: v.detach().contiguous() for n, v in network.named_parameters() if n in names or n.startswith(own)}


def random_state() -> str:
    """Of this process, as `save` takes it: the CPU's, and the current GPU's where one is in use."""
    states = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if torch.cuda.is_initialized() else [])]
    return " ".join(state.numpy().tobytes().hex() for state in states)


def save(
    folder: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    state: State,
    recipe: Strict,
    random: Sequence[str] = (),
    files: Mapping[str, str] = MappingProxyType({}),
    write: bool = True,
) -> Path:
    """Write checkpoints/step-… of the run `folder`; it is there whole or not at all. `random`: the random states of all workers,
    by rank; without: of this process alone. `files`: texts that lie beside, by name. Where weights are in shards, all workers call
    it, and one writes. Raises OSError.
    """
    place = folder / "checkpoints" / f"step-{state.step:08}"
    weights, moments = whole(kept(network), write), whole(_moments(optimiser), write)
    if not write:
        return place
    fresh = place.with_name(f".{place.name}.writing")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    resumed = asdict(state) | {"random": [*random] or [random_state()]}
    try:
        _write(weights, fresh / "model.safetensors", {"format": "pt"})
        _write(moments, fresh / "optimiser.safetensors")
        (fresh / "recipe.json").write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
        (fresh / "state.json").write_text(json.dumps(resumed), encoding="utf-8")
        if (folder / DATA).is_file():
            shutil.copy(folder / DATA, fresh)
        for name, text in files.items():
            (fresh / name).write_text(text, encoding="utf-8")
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)  # a full disk has room again
        raise
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    return place


def _write(tensors: dict[str, Tensor], file: Path, metadata: dict[str, str] | None = None) -> None:
    """Raises OSError, also for what safetensors has a class of its own."""
    try:
        save_file(tensors, file, metadata)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code), str(file)) from None


def prune(folder: Path, keep: int, best: str | None) -> None:
    """Remove all checkpoints of the run but the latest `keep` and the one that is named."""
    for old in checkpoints(folder)[:-keep]:
        if old.name != best:
            shutil.rmtree(old, ignore_errors=True)


def checkpoints(folder: Path) -> list[Path]:
    """Of a run, the oldest first."""
    places = (folder / "checkpoints").glob("step-*")
    return sorted(place for place in places if _NAME.fullmatch(place.name) and (place / "state.json").is_file())


def named(place: Path) -> Path:
    """The checkpoint that a path names: itself, or the latest one of a run's folder. runs/NAME/best is one, too."""
    return (checkpoints(place) or [place])[-1]


def resume(place: Path, network: nn.Module, optimiser: torch.optim.Optimizer, rank: int = 0) -> State:
    """Take weights, moments and the random state of this worker from the checkpoint. A worker that the run didn't have keeps its
    own. Raises BadCheckpoint where it is of another recipe.
    """
    load_weights(place, network)
    with _readable(place / "optimiser.safetensors"):
        _set_moments(optimiser, load_file(place / "optimiser.safetensors"), place)
    with _readable(place / "state.json"):
        values = json.loads((place / "state.json").read_text(encoding="utf-8"))
        if rank < len(random := values.pop("random")):
            _set_random(random[rank])
        return State(**values)


def _set_random(state: str) -> None:
    cpu, *gpu = (torch.frombuffer(bytearray.fromhex(part), dtype=torch.uint8) for part in state.split())
    torch.set_rng_state(cpu)
    if gpu and torch.cuda.is_available():
        torch.cuda.set_rng_state(gpu[0])


def load_weights(place: Path, network: nn.Module) -> None:
    """Raises BadCheckpoint where a weight isn't one of the network's, or has another shape."""
    check_weights(place, network)
    there = dict(network.named_parameters())
    with _readable(place / "model.safetensors"):
        weights = load_file(place / "model.safetensors")
    with torch.no_grad():
        for name, value in weights.items():
            there[name].copy_(as_sharded(value, there[name]))
            network.trained.add(name)


def check_weights(place: Path, network: nn.Module) -> None:
    """Reads names and shapes alone. Raises BadCheckpoint as `load_weights` does."""
    file = place / "model.safetensors"
    if not file.is_file():
        raise BadCheckpoint(
            f"{place}: no checkpoint: it lacks model.safetensors; name a folder checkpoints/step-… of a run, or the run"
        )
    there = {name: list(value.shape) for name, value in network.named_parameters()}
    with _readable(file), safe_open(file, "pt") as weights:
        for name in weights.keys():  # noqa: SIM118
            shape = list(weights.get_slice(name).get_shape())
            if name not in there and ".lora_" in name:
                part = "encoder" if name.startswith("encoder.") else "llm"
                raise BadCheckpoint(
                    f"{place}: it has low-rank updates, which the recipe lacks: set {part}.learns to lora, with the same "
                    f"{part}.lora as there; in the phase units they stand still"
                )
            if there.get(name) != shape:
                wanted = there.get(name, "nothing")
                raise BadCheckpoint(f"{place}: {name} is of shape {shape}, here is {wanted}: it is of another recipe")


def llm_has_learned(place: Path) -> bool:
    """Whether the checkpoint has weights of the LLM. Reads their names alone. Raises BadCheckpoint."""
    file = place / "model.safetensors"
    with _readable(file), safe_open(file, "pt") as weights:
        return any(name.startswith("llm.") for name in weights.keys())  # noqa: SIM118


def unit_kind(place: Path) -> dict[str, Any]:
    """What the units are that the checkpoint's decoder has learned; empty where it isn't known. Raises BadCheckpoint."""
    if not (file := place / DATA).is_file():
        return {}
    with _readable(file):
        noted = [data["units"] for data in json.loads(file.read_text(encoding="utf-8")) if data.get("units")]
    return dict(noted[0]) if noted else {}


def read_recipe(place: Path) -> TrainRecipe:
    """The recipe of a checkpoint. Raises BadCheckpoint where the folder is none."""
    file = place / "recipe.json"
    if not file.is_file():
        raise BadCheckpoint(f"{place}: no checkpoint: it lacks recipe.json; name a folder checkpoints/step-… of a run")
    with _readable(file):
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["phase"] == "vocoder":
            raise BadCheckpoint(f"{place}: is a vocoder's: it only speaks units, where --vocoder names it")
        return TrainRecipe.model_validate(values)


def heard_otherwise(place: Path, recipe: TrainRecipe) -> Iterator[str]:
    """A line for each thing that the checkpoint was trained to hear in another way than this recipe goes on with. None of it is
    wrong by itself, but a decoder that learns from such states learns worse. Raises BadCheckpoint.
    """
    if not (place / "recipe.json").is_file():
        return
    before = read_recipe(place)
    for key in ("llm.prompt", "llm.system", "encoder.pad_to_30s"):
        part, name = key.split(".")
        then, now = (getattr(getattr(one, part), name) for one in (before, recipe))
        if then != now and not (name == "system" and recipe.llm.prompt == before.llm.prompt == "llama_omni"):
            yield f"{place}: was trained with {key}: {json.dumps(then)}, and this recipe has {json.dumps(now)}"


def load(place: Path) -> tuple[Built, TrainRecipe]:
    """The networks of a checkpoint, as its recipe and weights make them. Raises BadCheckpoint and ModelMissing."""
    recipe = read_recipe(place)
    built = build(recipe)
    load_weights(place, built.network)
    built.network.requires_grad_(False).eval()
    return built, recipe


def _learning(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _moments(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    moments = {}
    for place, parameter in enumerate(_learning(optimiser)):
        for name, value in optimiser.state.get(parameter, {}).items():
            moments[f"{place}.{name}"] = torch.as_tensor(value).contiguous()
    return moments


def _set_moments(optimiser: torch.optim.Optimizer, moments: dict[str, Tensor], place: Path) -> None:
    parameters = _learning(optimiser)
    for key, value in moments.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)] if int(number) < len(parameters) else None
        if parameter is None or (value.dim() and value.shape != parameter.shape):
            raise BadCheckpoint(f"{place}: its moments are those of other parameters than learn here: another recipe's")
        state: Any = optimiser.state[parameter]
        state[name] = as_sharded(value, parameter)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Raises BadCheckpoint for what is raised where the file is cut, or holds something else."""
    try:
        yield
    except BadCheckpoint:
        raise
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        why = f"{key}: {error.errors()[0]['msg']}"
    except (LookupError, TypeError, AttributeError):  # JSON of another form
        why = "it isn't what a checkpoint has under this name"
    except (SafetensorError, ValueError, OSError) as error:  # json's errors are ValueErrors
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
    else:
        return
    raise BadCheckpoint(f"{file}: can't be read: {why}; take another checkpoint of the run")
