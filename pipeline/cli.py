"""The command line. Exit codes: 0 done; 1 failed or rows pending; 2 bad recipe or arguments; 130 interrupted."""

import argparse
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import NoReturn

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.terminal import one_line, standard_streams

FAILED, BAD, INTERRUPTED = 1, 2, 130
_SHOWS = (
    "plan",
    "explain",
    "status",
    "rejects",
    "diff",
    "keys",
    "doctor",
    "voices",
    "check",
    "calibrate",
)  # what they print is their result
_DIGITS = 15  # of a number on the command line


def _rows(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or not int(text):
        raise argparse.ArgumentTypeError(f"write a number of rows, 1 or more, not '{text[:_DIGITS]}'")
    return int(text)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not hours >= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 up")
    return min(hours, 1e6)


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS:
        raise argparse.ArgumentTypeError(
            f"'{text[:_DIGITS]}' is no whole number from 0 up, of {_DIGITS} digits at most"
        )
    return int(text)


def _path(text: str) -> str:
    """A path with its `~` written out: a shell does that only at the start of a word."""
    from voxsmith.schemas.paths import at_home  # takes a while, and not every command has a path

    try:
        return at_home(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that reads all packages' metadata."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("voxsmith")
        except PackageNotFoundError:
            number = "that is not installed: a checkout"
        print(f"voxsmith {number}")
        parser.exit()


def parser(elsewhere: Mapping[str, str] = MappingProxyType({})) -> argparse.ArgumentParser:
    """`elsewhere`: verbs that are only listed, with their help; whoever calls `main` runs them."""
    top = argparse.ArgumentParser(prog="voxsmith", description="Builds spoken-instruction corpora from a recipe.")
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    recipe = argparse.ArgumentParser(add_help=False)
    recipe.add_argument("recipe", type=_path, help="a recipe file, for example configs/quickstart.yaml")
    recipe.add_argument(
        "--set", action="append", default=[], metavar="A.B.C=VALUE", help="override a key of the recipe"
    )
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", metavar="NAME", help="one of the recipe's `profiles`: values for another machine")
    recipe = argparse.ArgumentParser(add_help=False, parents=[recipe, profile])
    part = argparse.ArgumentParser(add_help=False)
    choice = part.add_mutually_exclusive_group()
    choice.add_argument("--only", metavar="STAGE", help="this stage alone")
    choice.add_argument("--from", dest="start", metavar="STAGE", help="this stage and all that depend on it")
    part.add_argument(
        "--limit", type=_rows, metavar="N", help="a pilot: whole shards until N rows; the full run reuses them"
    )
    part.add_argument(
        "--refit",
        action="store_true",
        help="fit codebooks again, on the rows that are there now; else they are reused",
    )
    json_flag = argparse.ArgumentParser(add_help=False)
    json_flag.add_argument("--json", action="store_true", help="for programs")

    def add(verb: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        """`verb`: a function in a module of `voxsmith.pipeline.commands`, "look.status" is `voxsmith status`."""
        group, _, name = verb.partition(".")
        command = verbs.add_parser(name, help=text, description=text, parents=list(parents))
        command.set_defaults(group=group)
        return command

    add("run.plan", "what would run, why, and how much; changes nothing", recipe, part, json_flag)
    run = add("run.run", "run what is stale, then export", recipe, part)
    run.add_argument(
        "--retry-rejects",
        metavar="REASON",
        help="try the rows again that were rejected for this reason, with other seeds; for a clip, its text is also written again",
    )
    run.add_argument(
        "--progress",
        choices=("auto", "plain", "json", "off"),
        default="auto",
        help="on stderr: a table on a terminal and lines elsewhere (auto), lines (plain), an object a line (json), off",
    )
    explain = add("look.explain", "why a shard of a stage is stale: which input changed", recipe)
    explain.add_argument("stage")
    explain.add_argument("shard", type=_count, nargs="?", default=0)
    add("look.status", "how far the recipe is", recipe, json_flag)
    rejects = add("look.rejects", "the rows that were rejected, and why", recipe, json_flag)
    rejects.add_argument("--reason", help="only rows with this reason")
    add("run.export", "write the dataset of what is finished", recipe)
    page = add("run.report", "write the report page again from the exported dataset", recipe)
    page.add_argument(
        "--vocoder", type=_path, metavar="MODEL", help="a unit vocoder: the page also plays what the units kept"
    )
    publish = add("publish.publish", "send the exported dataset to the Hub or an object store", recipe)
    place = publish.add_mutually_exclusive_group(required=True)
    place.add_argument("--repo", metavar="USER/NAME", help="a dataset repository of the Hub; made if there is none")
    place.add_argument("--to", type=_path, metavar="URL", help="s3://bucket/prefix, gs://…, or a folder")
    publish.add_argument("--private", action="store_true", help="the repository must be private")
    publish.add_argument(
        "--format",
        choices=("parquet", "arrow", "ultravox"),
        default="parquet",
        help="parquet: as the viewer reads; ultravox: as its trainer reads",
    )
    publish.add_argument("--dry-run", action="store_true", help="only list files and sizes; no network")
    check = add("check.check", "what the recipe's checks say of rows of your own: a JSON verdict a line", recipe)
    check.add_argument("file", type=_path, help="JSON lines: docs/check.md lists the kinds of rows")
    limits = add("check.calibrate", "limits for clips, proposed from a sample of a voice that sounds good", recipe)
    limits.add_argument("file", type=_path, help="JSON lines of `text` and `audio`")
    limits.add_argument("--of", metavar="GROUP", help="query, answer, … (answer, where the recipe speaks it)")
    diff = add("look.diff", "what changed between two runs: stages, rows, texts, clips", recipe, json_flag)
    diff.add_argument("run_a", nargs="?", default="previous", help="a run in the store, 'last' or 'previous' (this)")
    diff.add_argument("run_b", nargs="?", default="last", help="a run in the store, 'last' (this) or 'previous'")
    diff.add_argument("--rows", type=_count, default=12, metavar="N", help="rows of each kind that are shown (12)")
    diff.add_argument("--page", type=_path, metavar="FILE", help="write a page to hear both; it opens offline")
    collect = add("run.gc", "delete objects that no recipe's latest run uses", recipe)
    collect.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    collect.add_argument("--grace", type=_hours, default=24.0, metavar="HOURS", help="keep what is younger (24)")
    collect.add_argument(
        "--forget", action="append", default=[], metavar="NAME", help="let go of what this run, or recipe file, used"
    )
    new = add("models.new", "write one of our recipes, with its prompts and data, to start from")
    new.add_argument("name", nargs="?", help="a recipe; without: which there are")
    new.add_argument("folder", type=_path, nargs="?", default=".", help="where to write it; without: here")
    keys = add("models.keys", "the keys that a recipe, a stage or a backend takes")
    keys.add_argument("name", nargs="?", help="a part of the recipe, a stage or a backend; without: all there are")
    keys.add_argument("--markdown", action="store_true", help="everything as a Markdown page: docs/reference.md")
    add("models.doctor", "what this machine has, what the recipe needs, and what to do", recipe)
    add(
        "models.voices",
        "check every reference clip of the recipe's voice banks: length, noise, clipping, transcript",
        recipe,
        json_flag,
    )
    fetch = add("models.fetch", "download models into the cache folder", profile)
    fetch.add_argument(
        "models",
        type=_path,
        nargs="+",
        help="names from the catalogue, hub:org/name, or a recipe file for all of its models",
    )
    cut = add("cut.cut", "cut long recordings at pauses: writes a manifest that a source reads")
    cut.add_argument("folder", type=_path, help="with recordings, in it or below")
    cut.add_argument("manifest", type=_path, help="the .jsonl file to write")
    cut.add_argument("--pause", type=float, default=0.5, metavar="SECONDS", help="of silence that end a clip (0.5)")
    cut.add_argument("--most", type=float, default=20.0, metavar="SECONDS", help="of a clip (20)")
    cut.add_argument("--processes", type=_count, default=0, metavar="N", help="that work (one a core)")
    evaluation = add("evaluation.index-eval", "index an evaluation set, as hashes: the stage decontaminate reads it")
    evaluation.add_argument("index", type=_path, help="the .npz file to write")
    evaluation.add_argument("files", type=_path, nargs="*", help="of questions: .jsonl, .json, .csv, .tsv or .parquet")
    evaluation.add_argument("--field", default="prompt", metavar="NAME", help="of a question in the files (prompt)")
    evaluation.add_argument("--preset", metavar="NAME", help="a published set, read from the Hub, in place of files")
    evaluation.add_argument(
        "--texts",
        action="store_true",
        help="keep the questions too, so that rejects show them: where its terms allow it",
    )
    for verb, text in elsewhere.items():
        verbs.add_parser(verb, help=text, add_help=False)
    return top


def main(arguments: list[str] | None = None, elsewhere: Mapping[str, str] = MappingProxyType({})) -> int:
    """Run a command line; returns the exit code. `elsewhere`: verbs that others run, for the help."""
    with standard_streams() as output:
        try:
            top = parser(elsewhere)
            options = top.parse_args(arguments)
            if options.verb in elsewhere:
                top.error(f"{options.verb}: write it first, as in voxsmith {options.verb} --help")
        except SystemExit as end:  # --help, --version, or what can't be read
            end.code = output.settle(int(end.code or 0), is_result=True)
            raise
        return output.settle(_run(options), is_result=options.verb in _SHOWS or _asks_for_names(options))


def _asks_for_names(options: argparse.Namespace) -> bool:
    return options.verb == "new" and options.name is None


def _run(options: argparse.Namespace) -> int:
    try:
        # Takes a second, in which an impatient person may press Ctrl-C.
        commands = import_module(f"voxsmith.pipeline.commands.{options.group}")
        code: int = getattr(commands, options.verb.replace("-", "_"))(options)
        return code
    except RecipeError as error:
        _tell(*map(one_line, error.lines))
        return BAD
    except RunFailed as error:
        _tell(f"voxsmith: {error}")
        return FAILED
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _tell(f"voxsmith: {error.strerror or error}{where}")
        return FAILED
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one is enough; Ray clears up behind it
        print("voxsmith: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def _tell(*lines: str) -> None:
    """What was wrong, on stderr; a message may quote a value that is a secret."""
    from voxsmith.pipeline.secrets import secrets_here

    secrets = secrets_here()
    for line in lines:
        print(secrets.hide(line), file=sys.stderr)
