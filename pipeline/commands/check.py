"""check and calibrate: a recipe's checks over rows of one's own, and limits from clips of one's own."""

import sys
from argparse import Namespace

from voxsmith.pipeline import api
from voxsmith.pipeline.check.calibrate import FEW, MARGIN
from voxsmith.pipeline.check.verdicts import UNAVAILABLE
from voxsmith.pipeline.commands.options import recipe_of
from voxsmith.pipeline.terminal import is_read, json_text, one_line


def check(options: Namespace) -> int:
    """Exit code 1 where an engine or a file wasn't there: then some lines have no verdict on their content."""
    lacking = ""
    for verdict in api.check(recipe_of(options), options.file):
        print(json_text(verdict.as_json()), flush=True)
        lacking = lacking or (verdict.message if verdict.reason == UNAVAILABLE else "")
        if not is_read():  # the rest would be read for nobody
            break
    if lacking:
        print(one_line(f"voxsmith: not all could be checked: {lacking}"), file=sys.stderr)
    return 1 if lacking else 0


def calibrate(options: Namespace) -> int:
    """The limits go to stdout, as YAML for the recipe and as --set for a command; what to know about them to stderr."""
    result = api.calibrate(recipe_of(options), options.file, group=options.of)
    few = result.clips < FEW
    aside = "none is left aside" if not result.left_aside else f"{len(result.left_aside)} farthest out left aside"
    print(f"# {result.clips} clips, {aside}; the recipe's limits refuse {result.refused} of them.")
    print(f"# Each limit is behind the farthest clip by {MARGIN:.0%} of its way from the median.")
    print("checks:")
    print(f"  {result.section}:" + ("" if result.limits else " {}  # the recipe's limits stay"))
    for limit in result.limits:
        known = f"recipe {limit.recipe:g}, refuses {limit.refused}; median {limit.median:.3g}, farthest {limit.farthest:.3g}"
        print(f"    {limit.name}: {limit.proposed:g}  # {known}")
    if result.limits:
        pairs = (f"--set checks.{result.section}.{limit.name}={limit.proposed:g}" for limit in result.limits)
        print("# " + " ".join(pairs))
    for line, name in result.left_aside:
        print(one_line(f"line {line}: left aside, it is far beyond {name}: listen to it"), file=sys.stderr)
    for line, why in result.unusable:
        print(one_line(f"line {line}: not counted: {why}"), file=sys.stderr)
    if few:
        print(
            f"{result.clips} clips are few: take {FEW} or more, else good clips will be beyond these limits",
            file=sys.stderr,
        )
    return 0
