"""The command line. Exit codes: 0 done; 1 failed; 2 bad recipe, data or arguments; 130 interrupted."""

import argparse
import math
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from voxsmith.schemas.errors import RecipeError
from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer.eval.options import check_eval, check_latency, eval_options, judge_of, latency_options
from voxsmith.trainer.recipe import TrainRecipe
from voxsmith.trainer.talk.options import talk_options
from voxsmith.trainer.vocoder.recipe import VocoderRecipe

if TYPE_CHECKING:
    import torch

FAILED, BAD, INTERRUPTED = 1, 2, 130
TARGETS = ("llama_omni", "ultravox")  # each a module of trainer/export
_EXTRA = "it needs PyTorch and transformers: pip install 'voxsmith[train]'"


def parser(program: str = "python -m voxsmith.trainer") -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog=program, description="Trains speech language models.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    recipe = argparse.ArgumentParser(add_help=False)
    recipe.add_argument("recipe", help="a training recipe, for example configs/train/llama_omni_stage1.yaml")
    recipe.add_argument(
        "--set", action="append", default=[], metavar="A.B.C=VALUE", help="override a key of the recipe"
    )
    recipe.add_argument("--profile", metavar="NAME", help="one of the recipe's `profiles`: values for another machine")
    fit = verbs.add_parser("fit", help="train, or go on where the run is", parents=[recipe])
    fit.add_argument("--device", default="", help="cpu, cuda, cuda:1; without: a GPU where there is one")
    fit.add_argument("--minutes", type=float, metavar="M", help="train by the clock, in place of the recipe's steps")
    check = verbs.add_parser(
        "check", help="rows, steps, tokens and memory, by arithmetic; trains nothing", parents=[recipe]
    )
    check.add_argument("--memory", type=float, metavar="GIB", help="of the GPU that is meant; without: what is here")
    check.add_argument("--probe", action="store_true", help="try the largest batches, with the models' weights")
    check.add_argument("--device", default="", help="of --probe: cpu, cuda, cuda:1; without: a GPU where there is one")
    export = verbs.add_parser("export", help="write a checkpoint as a folder that other programs load")
    export.add_argument(
        "checkpoint", type=Path, help="a run's folder, for its latest checkpoint, or one of checkpoints/step-…"
    )
    export.add_argument("--to", required=True, choices=TARGETS, help="whose code shall load it")
    export.add_argument("out", type=Path, help="folder that is written; it must not hold anything")
    eval_options(verbs)
    latency_options(verbs)
    talk_options(verbs)
    verbs.add_parser("keys", help="every key of a training recipe, as a Markdown page: docs/training_keys.md")
    return top


def main(arguments: list[str] | None = None, program: str = "python -m voxsmith.trainer") -> int:
    """Run a command line; returns the exit code. `program`: how its help names it."""
    options = parser(program).parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], None]] = {
        "fit": _fit,
        "check": _check,
        "export": _export,
        "eval": _eval,
        "latency": _latency,
        "talk": _talk,
        "serve": _serve,
        "keys": _keys,
    }
    try:
        commands[options.verb](options)
    except RecipeError as error:
        return _failed(BAD, *error.lines)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "transformers", "peft", "safetensors", "datasets", "fastapi", "uvicorn"):
            raise
        return _failed(FAILED, f"{error.name} is not installed: {_EXTRA}")
    except KeyboardInterrupt as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        goes_on = "; the same command goes on from the last checkpoint" if options.verb == "fit" else ""
        return _failed(INTERRUPTED, str(error) or f"interrupted{goes_on}")
    except OSError as error:
        return _failed(FAILED, f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:
        code = _codes().get(type(error))
        if code is None:
            raise
        return _failed(code, str(error))
    return 0


def _codes() -> dict[type[Exception], int]:
    """Exit codes of what can be said in a line."""
    from voxsmith.models.chat import NoTemplate
    from voxsmith.models.references import ModelMissing
    from voxsmith.trainer.check import DoesNotFit
    from voxsmith.trainer.checkpoint import BadCheckpoint
    from voxsmith.trainer.data.exports import BadExport
    from voxsmith.trainer.eval.judge_server import BadServer
    from voxsmith.trainer.export.folder import NotExportable
    from voxsmith.trainer.fit.loop import Exploded
    from voxsmith.trainer.fit.saving import CantWrite
    from voxsmith.trainer.fit.still import Moved
    from voxsmith.trainer.fit.workers import WorkersFailed
    from voxsmith.trainer.generated.answered import BadSpeech
    from voxsmith.trainer.talk.command import CantTalk
    from voxsmith.trainer.talk.questions import BadQuestion

    bad = (BadExport, BadCheckpoint, NoTemplate, NotExportable, BadQuestion, BadServer, CantTalk)
    failed = (BadSpeech, DoesNotFit, ModelMissing, Exploded, Moved, CantWrite, WorkersFailed)
    return dict.fromkeys(failed, FAILED) | dict.fromkeys(bad, BAD)


def _failed(code: int, *lines: str) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return code


def _recipe(options: argparse.Namespace) -> TrainRecipe | VocoderRecipe:
    given = read_yaml(options.recipe)
    if "phase" not in given and given.keys() & {"sources", "stages"}:
        raise RecipeError(
            f"{options.recipe}: a recipe of a corpus, for `voxsmith run`; those of trainings are in configs/train"
        )
    if given.get("phase") == "vocoder":  # a model of its own: it has neither LLM nor encoder
        return checked(VocoderRecipe, given, options.recipe, options.set, options.profile)
    return checked(TrainRecipe, given, options.recipe, options.set, options.profile)


def _fit(options: argparse.Namespace) -> None:
    recipe, device = _recipe(options), _device(options.device)
    if options.minutes is not None:
        _above_0("--minutes", options.minutes)
        by_clock = {"minutes": options.minutes, "steps": None, "epochs": None}
        recipe = recipe.model_copy(update={"schedule": recipe.schedule.model_copy(update=by_clock)})

    def say(line: str) -> None:
        print(line, flush=True)

    from voxsmith.trainer.fit.stopping import stopping

    train: Callable[[Callable[[], bool]], Path]
    if isinstance(recipe, VocoderRecipe):
        from voxsmith.trainer.vocoder.run import fit as fit_vocoder

        train = partial(fit_vocoder, recipe, say, device)
    elif recipe.run.processes > 1 and "WORLD_SIZE" not in os.environ:  # torchrun has started them, where it is there
        from voxsmith.trainer.fit import on_ray

        each = on_ray.connect(recipe, device.type == "cuda")
        train = partial(on_ray.fit, recipe, say, each)
    else:
        from voxsmith.trainer.fit.run import fit

        train = partial(fit, recipe, say, device)
    with stopping() as stopped:
        place = train(stopped)
        early = stopped()
    if os.environ.get("RANK", "0") == "0":
        say(f"checkpoint  {place}")
    if early:  # what comes after it in a script must not take the run for done
        raise KeyboardInterrupt("stopped; the same command goes on from the last checkpoint")


def _above_0(option: str, value: float) -> None:
    """Raises RecipeError."""
    if not 0 < value < math.inf:
        raise RecipeError(f"{option} {value:g}: a number above 0")


def _device(name: str) -> "torch.device":
    import torch

    local = os.environ.get("LOCAL_RANK")  # which of this machine's processes it is, under torchrun
    name = name or ((f"cuda:{local}" if local else "cuda") if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise RecipeError(f"--device {name}: no such device; cpu, cuda or cuda:1, say") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RecipeError(f"--device {name}: PyTorch sees no GPU here")
    try:
        torch.zeros(1, device=device).item()  # which a device without memory, or one that isn't there, can't do
    except RuntimeError:
        raise RecipeError(f"--device {name}: PyTorch can't compute on it here; cpu, cuda or cuda:1, say") from None
    return device


def _eval(options: argparse.Namespace) -> None:
    check_eval(options)
    judge = judge_of(options)
    from voxsmith.trainer.eval.command import ask, run
    from voxsmith.trainer.generated.generator import Wanted

    few = 16 if options.questions is None else sys.maxsize
    rows = few if options.generate is None else options.generate
    wanted = Wanted(rows, options.max_tokens, options.vocoder, options.asr)
    place, task, out, device = options.checkpoint, options.task, options.out, _device(options.device)
    if options.questions is not None:
        text, page = ask(place, options.questions, options.clips, task, out, device, wanted, judge)
    else:
        shuffle = not options.no_shuffle
        text, page = run(place, options.export, options.split, task, out, device, wanted, shuffle, judge)
    print(text)
    print(f"report  {page}")


def _latency(options: argparse.Namespace) -> None:
    check_latency(options)
    from voxsmith.trainer.eval.latency_report import run

    text, files = run(options, _device(options.device))
    print(text)
    print(f"report  {', '.join(map(str, files))}")


def _talk(options: argparse.Namespace) -> None:
    from voxsmith.trainer.talk.command import talk

    pieces = talk(options, _device(options.device))
    try:
        for piece in pieces:
            print(piece, end="", flush=True)
    except KeyboardInterrupt as error:
        print()
        if error.args:
            raise
        pieces.throw(error)  # it came between two pieces: `talk` ends its file


def _serve(options: argparse.Namespace) -> None:
    from voxsmith.trainer.talk.serve import serve

    with suppress(KeyboardInterrupt):  # that is how it ends
        serve(options, _device(options.device), lambda line: print(line, flush=True))


def _check(options: argparse.Namespace) -> None:
    recipe = _recipe(options)
    if options.memory is not None:
        _above_0("--memory", options.memory)
    if isinstance(recipe, VocoderRecipe):
        if options.probe or options.memory is not None:
            raise RecipeError("--probe and --memory are of recipes with an LLM: a vocoder is small, leave them out")
        from voxsmith.trainer.vocoder.run import check as check_vocoder

        lines = check_vocoder(recipe)
    else:
        from voxsmith.trainer.check import check

        lines = check(recipe, options.memory, _device(options.device) if options.probe else None)
    for line in lines:
        print(line, flush=True)


def _keys(options: argparse.Namespace) -> None:
    del options
    from voxsmith.trainer.keys_page import page

    print(page(), end="")


def _export(options: argparse.Namespace) -> None:
    """Each target's module has `export(checkpoint, out)`, which gives remarks for whoever uses the folder, a line each."""
    from voxsmith.trainer.checkpoint import named

    out: Path = options.out.absolute()
    for remark in import_module(f"voxsmith.trainer.export.{options.to}").export(named(options.checkpoint), out):
        print(remark)
    print(f"exported  {options.out}")
