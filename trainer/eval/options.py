"""What can be said to `eval` and `latency`; nothing heavy is imported."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxsmith.models.server_address import server_address
from voxsmith.schemas.errors import RecipeError
from voxsmith.schemas.tasks import TASKS
from voxsmith.trainer.talk.options import at_least

if TYPE_CHECKING:
    from voxsmith.trainer.eval.judge_server import Server

OMEGAS = (10, 20, 40, 60, 80, 100)  # of LLaMA-Omni's table


def eval_options(verbs: Any) -> None:
    """Add the verb `eval` to argparse's subparsers."""
    verb = verbs.add_parser("eval", help="measure a checkpoint on rows that are held out, or on a file of questions")
    _subject(verb)
    verb.add_argument("--task", choices=TASKS, help="what its rows are used for; without: as the checkpoint learned")
    verb.add_argument("--out", type=Path, help="folder of the report; without: eval in the checkpoint")
    verb.add_argument("--device", default="", help="cpu, cuda, cuda:1; without: a GPU where there is one")
    verb.add_argument(
        "--generate",
        type=at_least(0),
        metavar="N",
        help="rows whose answers are generated; default 16, and of a file of questions all",
    )
    verb.add_argument("--max-tokens", type=at_least(1), default=256, metavar="N", help="of an answer; default 256")
    verb.add_argument(
        "--vocoder", metavar="MODEL", help="speaks generated units, which are then heard: folder or hub:org/name"
    )
    verb.add_argument("--asr", default="whisper-base", metavar="MODEL", help="hears them; default whisper-base")
    verb.add_argument("--no-shuffle", action="store_true", help="leave out the shuffle test")
    judge = verb.add_argument_group("a language model as judge of what is generated")
    judge.add_argument("--judge", metavar="URL", help="a server of the OpenAI protocol: http://127.0.0.1:8000/v1")
    judge.add_argument("--judge-model", metavar="NAME", help="by which the server knows its model")
    judge.add_argument(
        "--judge-key-env",
        default="OPENAI_API_KEY",
        metavar="VARIABLE",
        help="environment variable with the key, where one is needed; default OPENAI_API_KEY",
    )
    judge.add_argument(
        "--judge-extra",
        default="{}",
        metavar="JSON",
        help='more fields of each request; null leaves one out: {"max_tokens": null, "max_completion_tokens": 2000}',
    )


def latency_options(verbs: Any) -> None:
    """Add the verb `latency`."""
    verb = verbs.add_parser("latency", help="how soon a checkpoint is heard, for several lengths of a chunk (Omega)")
    _subject(verb)
    verb.add_argument("--vocoder", required=True, metavar="MODEL", help="unit vocoder: folder or hub:org/name")
    verb.add_argument(
        "--omega", type=at_least(1), nargs="+", default=list(OMEGAS), help="default 10 20 40 60 80 100", metavar="UNITS"
    )
    verb.add_argument(
        "--lookahead",
        type=at_least(0),
        metavar="FRAMES",
        help="as in talk; without, what is heard is the same for each Omega",
    )
    verb.add_argument("--rows", type=at_least(1), default=8, metavar="N", help="questions that are asked; default 8")
    verb.add_argument("--max-tokens", type=at_least(1), default=256, metavar="N", help="of an answer; default 256")
    verb.add_argument("--task", choices=TASKS, help="default: what it learned")
    verb.add_argument("--asr", default="whisper-base", metavar="MODEL", help="hears them; default whisper-base")
    verb.add_argument("--no-quality", action="store_true", help="times alone: an answer ends with its first audio")
    verb.add_argument("--out", type=Path, help="folder of the report; without: eval in the checkpoint")
    verb.add_argument("--device", default="", help="cpu, cuda, cuda:1; without: a GPU where there is one")


def check_latency(options: argparse.Namespace) -> None:
    """Raises RecipeError for what doesn't go together."""
    _one_source(options, "latency")
    if len(set(options.omega)) != len(options.omega):
        raise RecipeError("--omega names a number twice")


def _one_source(options: argparse.Namespace, verb: str) -> None:
    if (options.export is None) == (options.questions is None):
        raise RecipeError(f"{verb} wants an export or --questions FILE, one of them")
    if options.questions is not None and options.split:
        raise RecipeError("--split is of exports; a file of questions has none")
    if options.clips and options.questions is None:
        raise RecipeError("--clips is of --questions")


def check_eval(options: argparse.Namespace) -> None:
    """Raises RecipeError for what doesn't go together."""
    _one_source(options, "eval")
    if options.judge and options.generate == 0:
        raise RecipeError("--judge grades generated answers: leave out --generate 0")


def judge_of(options: argparse.Namespace) -> "Server | None":
    """Raises RecipeError for what can't be a server, and BadServer for a key that is none."""
    if not (options.judge or options.judge_model):
        return None
    if not (options.judge and options.judge_model):
        raise RecipeError("--judge URL and --judge-model NAME go together")
    from voxsmith.trainer.eval.judge_server import Server, key_from

    try:
        address = server_address(options.judge)
    except ValueError as error:
        raise RecipeError(f"--judge: {error}") from None
    try:
        extra = json.loads(options.judge_extra)
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise RecipeError(f"--judge-extra {options.judge_extra}: no JSON object")
    try:
        import openai  # noqa: F401
    except ModuleNotFoundError:
        raise RecipeError("--judge needs a package: pip install 'voxsmith[train]'") from None
    return Server(address, options.judge_model, key_from(options.judge_key_env), extra)


def _subject(verb: argparse.ArgumentParser) -> None:
    """What is measured, and on what."""
    verb.add_argument("checkpoint", type=Path, help="folder of a run, or checkpoints/step-… of it")
    verb.add_argument("export", type=Path, nargs="?", help="folder that `voxsmith export` names")
    verb.add_argument("--split", help="of an export with splits; without: its first")
    verb.add_argument("--questions", type=Path, metavar="FILE", help="in place of an export: JSONL, or a Hub folder")
    verb.add_argument("--clips", type=Path, metavar="FOLDER", help="that paths in it start from; without: the file's")
